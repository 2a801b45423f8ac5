"""Attacks on codes and tokens: redeemed twice, by others, elsewhere, at once, or too late."""

import secrets
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest

from tests.attacks.doors import (
    Crowd,
    bases,
    code_for,
    door,
    error_of,
    knock,
    let_go,
    life_of,
    names_of,
    opens,
    statuses,
)
from tests.clients import ACCEPT, request
from tests.oauth import BASIC, REDIRECT, App, Person, new_app, register, tokens
from tests.servers import Stack, ValkeyServer, free_port, running_stack, until

FAMILIES = 50
CODES = 100
FOREIGN = "https://other.example/mcp"


@pytest.fixture(scope="module")
def impatient(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    """Repeats the answer to a refresh for three seconds only."""
    with door(valkey, 31, tmp_path_factory.mktemp("impatient"), MCP_AUTH_REFRESH_GRACE="3") as running:
        yield running


@pytest.fixture(scope="module")
def strict(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    """Never repeats it."""
    with door(valkey, 34, tmp_path_factory.mktemp("strict"), MCP_AUTH_REFRESH_GRACE="0") as running:
        yield running


@pytest.fixture
def app(guarded: Stack) -> App:
    return new_app(guarded)


def is_dead(stack: Stack, app: App, given: Mapping[str, Any]) -> bool:
    """Whether both tokens of an answer are refused on every replica."""
    refreshed = [error_of(app.refresh(given["refresh_token"], url=base)) for base in bases(stack)]
    return opens(stack, given["access_token"]) == [401, 401] and refreshed == [(400, "invalid_grant")] * 2


@pytest.mark.parametrize(
    "uri",
    [
        None,
        "",
        "https://evil.example/cb",
        "http://127.0.0.1:49153/callback",
        "http://127.0.0.1/callback",
        f"{REDIRECT}/",
        f"{REDIRECT}?x",
        "http://localhost:49152/callback",
        "HTTP://127.0.0.1:49152/callback",
    ],
)
def test_a_code_is_redeemed_with_the_address_it_was_sent_to(guarded: Stack, app: App, uri: str | None):
    """A17: RFC 6749 4.1.3, CVE-2025-4143; identical, the loopback port included; left out is not identical."""
    refused = app.token(app.redemption(code_for(guarded, app), redirect_uri=uri))
    given = app.token(app.redemption(code_for(guarded, app)))

    assert error_of(refused) == (400, "invalid_grant")
    assert given.status_code == 200


def test_another_of_the_clients_addresses_does_not_redeem_a_code(guarded: Stack):
    """A17: registered, but not the one of this request."""
    app = new_app(guarded, redirect_uris=[REDIRECT, "https://a.example/cb"])

    refused = app.token(app.redemption(code_for(guarded, app), redirect_uri="https://a.example/cb"))

    assert error_of(refused) == (400, "invalid_grant")
    assert app.token(app.redemption(code_for(guarded, app))).status_code == 200


@pytest.mark.timeout(300)
def test_fifty_that_redeem_a_code_at_once_get_one_answer_at_most_and_the_family_ends(guarded: Stack, app: App):
    """A18: RFC 6749 4.1.2, over both replicas; nothing is left of what the winner got."""
    crowd = Crowd(guarded, 50)
    alone = app.token(app.redemption(code_for(guarded, app)))

    races = [crowd.post("/oauth/token", app.redemption(code_for(guarded, app))) for _ in range(CODES)]

    lost = [answer for race in races for answer in race if answer.status_code != 200]
    won = [[answer.json() for answer in race if answer.status_code == 200] for race in races]
    assert {error_of(answer) for answer in lost} == {(400, "invalid_grant")}
    assert max(len(winners) for winners in won) <= 1
    assert [given for winners in won for given in winners if not is_dead(guarded, app, given)] == []
    assert alone.status_code == 200
    assert opens(guarded, alone.json()["access_token"]) == [200, 200]


def test_a_code_that_is_replayed_later_ends_what_it_gave(guarded: Stack, app: App):
    """A19: RFC 6749 4.1.2: tokens that were refreshed since then, on both replicas, whoever replays the code."""
    code = code_for(guarded, app)
    first = app.token(app.redemption(code), url=bases(guarded)[0]).json()
    second = app.refresh(first["refresh_token"]).json()
    alive = [opens(guarded, given["access_token"]) for given in (first, second)]

    replayed = new_app(guarded).token(app.redemption(code), url=bases(guarded)[1])

    assert alive == [[200, 200], [200, 200]]
    assert error_of(replayed) == (400, "invalid_grant")
    assert [is_dead(guarded, app, given) for given in (first, second)] == [True, True]


def test_the_replay_of_one_code_leaves_the_persons_other_grants_alone(guarded: Stack, app: App):
    """A19: one family ends, and no other."""
    other = tokens(guarded, app)
    form = app.redemption(code_for(guarded, app))
    answers = [app.token(form), app.token(form)]

    assert [answer.status_code for answer in answers] == [200, 400]
    assert opens(guarded, other["access_token"]) == [200, 200]
    assert app.refresh(other["refresh_token"]).status_code == 200


def test_a_code_given_to_one_client_is_of_no_use_to_another(guarded: Stack, app: App):
    """A20: RFC 6749 4.1.3, even with the right verifier; and it is burnt."""
    other, code = new_app(guarded), code_for(guarded, app)

    stolen = other.token(app.redemption(code, client_id=other.client_id))
    late = app.token(app.redemption(code))

    assert error_of(stolen) == (400, "invalid_grant")
    assert error_of(late) == (400, "invalid_grant")
    assert app.token(app.redemption(code_for(guarded, app))).status_code == 200


@pytest.mark.parametrize("client_id", [None, "nobody"])
def test_a_code_needs_a_client_that_is_known(guarded: Stack, app: App, client_id: str | None):
    """A20: RFC 6749 5.2, invalid_client, with the challenge that 401 needs."""
    refused = app.token(app.redemption(code_for(guarded, app), client_id=client_id))

    assert error_of(refused) == (401, "invalid_client")
    assert refused.headers["www-authenticate"].startswith("Basic ")
    assert app.token(app.redemption(code_for(guarded, app))).status_code == 200


def test_a_code_lasts_a_minute_at_most(guarded: Stack, app: App):
    """A20: RFC 6749 4.1.2, after 60 s it is gone; the clock is brought forward in Redis, whose clock it is."""
    before = names_of(guarded, "mcp:*:code:*")
    code = code_for(guarded, app)
    (name,) = set(names_of(guarded, "mcp:*:code:*")) - set(before)
    life = life_of(guarded, name)

    let_go(guarded, name)
    late = app.token(app.redemption(code))

    assert 0 < life <= 60_000
    assert error_of(late) == (400, "invalid_grant")
    assert app.token(app.redemption(code_for(guarded, app))).status_code == 200


def test_a_wrong_verifier_burns_the_code(guarded: Stack, app: App):
    """A20: RFC 7636 4.6; the right one comes too late. The predecessor checked none."""
    code = code_for(guarded, app)

    wrong = app.token(app.redemption(code, code_verifier=secrets.token_urlsafe(48)))
    right = app.token(app.redemption(code))

    assert error_of(wrong) == (400, "invalid_grant")
    assert error_of(right) == (400, "invalid_grant")
    assert app.token(app.redemption(code_for(guarded, app))).status_code == 200


@pytest.mark.parametrize("verifier", [None, "", "a" * 42, "a" * 129, "a" * 42 + " ", "a" * 42 + "\u00e4"], ids=ascii)
@pytest.mark.parametrize("method", ["none", "client_secret_post"])
def test_a_code_needs_a_verifier_of_the_right_form(guarded: Stack, method: str, verifier: str | None):
    """A13, A20: RFC 7636 4.1, 4.5: no downgrade (RFC 9700 4.8.2), a client with a secret is not excused."""
    metadata = register(guarded, token_endpoint_auth_method=method).json()
    app = App(guarded.url, guarded.url, metadata["client_id"])
    secret = {"client_secret": metadata["client_secret"]} if method != "none" else {}
    code = code_for(guarded, app)

    refused = app.token(app.redemption(code, code_verifier=verifier, **secret))
    late = app.token(app.redemption(code, **secret))
    given = app.token(app.redemption(code_for(guarded, app), **secret))

    assert error_of(refused) == (400, "invalid_request")
    assert error_of(late) == (400, "invalid_grant")
    assert given.status_code == 200


def test_the_challenge_is_not_its_own_verifier(guarded: Stack, app: App):
    """A13: a challenge seen in a log does not redeem the code as `plain` would let it."""
    refused = app.token(app.redemption(code_for(guarded, app), code_verifier=app.challenge))

    assert error_of(refused) == (400, "invalid_grant")
    assert app.token(app.redemption(code_for(guarded, app))).status_code == 200


@pytest.mark.parametrize(
    "code", ["", "nothing", "mcp_ac_", f"mcp_ac_{'0' * 32}_{'A' * 43}", "{at}", "{rt}", "{code}\n"]
)
def test_what_is_no_code_gives_nothing(guarded: Stack, app: App, code: str):
    """A20: made up, or a token in a code's place; what it was made of stays good."""
    given = tokens(guarded, app)
    mine = code_for(guarded, app)
    named = {"{at}": given["access_token"], "{rt}": given["refresh_token"], "{code}\n": f"{mine}\n"}

    refused = app.token(app.redemption(named.get(code, code)))

    assert error_of(refused) == (400, "invalid_grant" if code else "invalid_request")
    assert app.token(app.redemption(mine)).status_code == 200
    assert opens(guarded, given["access_token"]) == [200, 200]


@pytest.mark.parametrize(
    "name",
    ["grant_type", "code", "client_id", "redirect_uri", "code_verifier", "client_secret", "scope", "refresh_token"],
)
@pytest.mark.parametrize("same", [True, False])
def test_a_parameter_that_is_there_twice_is_refused(guarded: Stack, name: str, *, same: bool):
    """A14: RFC 6749 3.2; before anything is used up."""
    metadata = register(guarded, token_endpoint_auth_method="client_secret_post").json()
    app = App(guarded.url, guarded.url, metadata["client_id"])
    form = app.redemption(code_for(guarded, app)) | {
        "client_secret": metadata["client_secret"],
        "scope": "mcp:tools",
        "refresh_token": "x",
    }

    refused = send_pairs(guarded, [*form.items(), (name, form[name] if same else "other")])

    assert error_of(refused) == (400, "invalid_request")
    assert app.token(form).status_code == 200


@pytest.mark.parametrize("name", ["grant_type", "refresh_token", "client_id", "scope"])
def test_a_parameter_of_a_refresh_that_is_there_twice_is_refused(guarded: Stack, app: App, name: str):
    """A14: the family is not harmed by it."""
    form = {
        "grant_type": "refresh_token",
        "refresh_token": tokens(guarded, app)["refresh_token"],
        "client_id": app.client_id,
        "scope": BASIC,
    }

    refused = send_pairs(guarded, [*form.items(), (name, form[name])])

    assert error_of(refused) == (400, "invalid_request")
    assert app.token(form).status_code == 200


def test_the_one_resource_may_be_named_twice_but_no_other_beside_it(guarded: Stack, app: App):
    """A14, A24: RFC 8707 2.2; the request that is refused uses nothing up."""
    form = app.redemption(code_for(guarded, app))

    mixed = send_pairs(guarded, [*form.items(), ("resource", FOREIGN)])
    good = send_pairs(guarded, [*form.items(), ("resource", form["resource"])])

    assert error_of(mixed) == (400, "invalid_target")
    assert good.status_code == 200


def send_pairs(stack: Stack, pairs: list[tuple[str, str]]) -> httpx2.Response:
    body = urlencode(pairs)
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return httpx2.post(f"{stack.url}/oauth/token", content=body, headers=headers, timeout=20)


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{}", "application/json", 400),
        (b"grant_type=authorization_code", "text/plain", 400),
        (b"grant_type", "application/x-www-form-urlencoded", 400),
        (b"grant_type=%ff%fe", "application/x-www-form-urlencoded", 400),
        (b"grant_type=\xff", "application/x-www-form-urlencoded", 400),
        (b"a=1&" * 60 + b"b=1", "application/x-www-form-urlencoded", 400),
        (b"a=" + b"x" * 20_000, "application/x-www-form-urlencoded", 413),
    ],
    ids=["json", "text", "no pairs", "escaped bytes", "bytes", "endless", "large"],
)
@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke"])
def test_an_error_is_json_and_in_no_cache(guarded: Stack, path: str, content: bytes, kind: str, status: int):
    """RFC 6749 5.2; the predecessor answered with a page and 500."""
    refused = httpx2.post(f"{guarded.url}{path}", content=content, headers={"content-type": kind})

    assert error_of(refused) == (status, "invalid_request")


@pytest.mark.parametrize("grant_type", ["password", "implicit", "urn:ietf:params:oauth:grant-type:device_code", "x"])
def test_only_codes_and_refresh_tokens_are_exchanged(app: App, grant_type: str):
    """RFC 9700 2.4: no password grant, and nothing that is not offered."""
    refused = app.token({"grant_type": grant_type, "client_id": app.client_id, "username": "u", "password": "p"})

    assert error_of(refused) == (400, "unsupported_grant_type")


@pytest.mark.parametrize(
    ("method", "how"),
    [
        ("client_secret_basic", "none"),
        ("client_secret_basic", "wrong"),
        ("client_secret_post", "none"),
        ("client_secret_post", "wrong"),
    ],
)
def test_a_client_with_a_secret_proves_itself(guarded: Stack, method: str, how: str):
    """A20: RFC 6749 2.3, 3.2.1: without its secret a stolen code and verifier give nothing."""
    metadata = register(guarded, token_endpoint_auth_method=method).json()
    app = App(guarded.url, guarded.url, metadata["client_id"])
    right = method.removeprefix("client_secret_")
    send = {"none": without, "post": by_post, "basic": by_basic, "wrong": by_post if right == "post" else by_basic}

    refused = send[how](app, code_for(guarded, app), "wrong" if how == "wrong" else metadata["client_secret"])
    given = send[right](app, code_for(guarded, app), metadata["client_secret"])

    assert error_of(refused) == (401, "invalid_client")
    assert given.status_code == 200


def without(app: App, code: str, secret: str) -> httpx2.Response:
    return app.token(app.redemption(code))


def by_post(app: App, code: str, secret: str) -> httpx2.Response:
    return app.token(app.redemption(code, client_secret=secret))


def by_basic(app: App, code: str, secret: str) -> httpx2.Response:
    form = app.redemption(code)
    return httpx2.post(f"{app.url}/oauth/token", data=form, auth=(app.client_id, secret), timeout=20)


def test_a_client_without_a_person_gets_no_token_by_itself(guarded: Stack, app: App):
    """RFC 6749 4.4: whoever registers is not let in by that."""
    secret = register(guarded, token_endpoint_auth_method="client_secret_post").json()
    form = {"grant_type": "client_credentials", "client_id": secret["client_id"]}

    alone = app.token(form | {"client_secret": secret["client_secret"]})
    public = app.token(form | {"client_id": app.client_id})
    grown = register(guarded, grant_types=["authorization_code", "client_credentials"])

    assert error_of(alone) == (400, "unauthorized_client")
    assert error_of(public)[0] in (400, 401)
    assert grown.json()["grant_types"] == ["authorization_code"]


@pytest.mark.timeout(300)
def test_fifty_families_refreshed_by_twenty_at_once_get_one_answer_each(guarded: Stack, app: App):
    """A21: ours: all 200, over both replicas; one pair lives, and nobody else's answer is among them."""
    crowd, person = Crowd(guarded, 20), Person(guarded.url)
    families = [tokens(guarded, app, person) for _ in range(FAMILIES)]

    answers = [crowd.post("/oauth/token", refreshing(app, family)) for family in families]

    assert [statuses(each) for each in answers] == [[200] * 20] * FAMILIES
    assert [len({answer.text for answer in each}) for each in answers] == [1] * FAMILIES
    assert len({each[0].json()["refresh_token"] for each in answers}) == FAMILIES
    assert [opens(guarded, each[0].json()["access_token"]) for each in answers] == [[200, 200]] * FAMILIES


def refreshing(app: App, given: Mapping[str, Any]) -> dict[str, str]:
    return {"grant_type": "refresh_token", "refresh_token": given["refresh_token"], "client_id": app.client_id}


@pytest.mark.timeout(300)
def test_fifty_families_end_when_a_token_is_reused_whose_successor_was_used(guarded: Stack, app: App):
    """A22: RFC 9700 4.14.2; twenty at once on both replicas, within the grace; the newest tokens are dead too."""
    crowd, person = Crowd(guarded, 20), Person(guarded.url)
    families = [tokens(guarded, app, person) for _ in range(FAMILIES)]
    untouched = tokens(guarded, app, person)
    seconds = [app.refresh(family["refresh_token"]).json() for family in families]
    newest = [app.refresh(second["refresh_token"]).json() for second in seconds]
    alive = [knock(guarded.mcp_url, given["access_token"]).status_code for given in newest]

    reused = [crowd.post("/oauth/token", refreshing(app, family)) for family in families]

    assert alive == [200] * FAMILIES
    assert {error_of(answer) for each in reused for answer in each} == {(400, "invalid_grant")}
    assert [given for given in newest if not is_dead(guarded, app, given)] == []
    assert app.refresh(untouched["refresh_token"]).status_code == 200


def test_a_token_reused_after_the_grace_ends_the_family(impatient: Stack):
    """A22: until then everybody gets the first answer; after it, somebody else has the token."""
    app = new_app(impatient)
    old = tokens(impatient, app)
    first = app.refresh(old["refresh_token"])
    repeated = app.refresh(old["refresh_token"], url=bases(impatient)[1])
    seen: list[httpx2.Response] = []

    def over() -> bool:
        seen.append(app.refresh(old["refresh_token"]))
        return seen[-1].status_code != 200

    until(over, "the grace ending", within=20)

    assert (repeated.status_code, repeated.text) == (200, first.text)
    assert {answer.text for answer in seen[:-1]} <= {first.text}
    assert error_of(seen[-1]) == (400, "invalid_grant")
    assert is_dead(impatient, app, first.json())


def test_without_grace_the_second_use_ends_the_family(strict: Stack):
    """A22: the strict setting, on the other replica."""
    app = new_app(strict)
    old = tokens(strict, app)
    first = app.refresh(old["refresh_token"])
    alive = opens(strict, first.json()["access_token"])

    second = app.refresh(old["refresh_token"], url=bases(strict)[1])

    assert (first.status_code, alive) == (200, [200, 200])
    assert error_of(second) == (400, "invalid_grant")
    assert is_dead(strict, app, first.json())


def test_a_token_from_long_before_is_still_known_as_used(guarded: Stack, app: App):
    """A22: the oldest of thirty generations ends the newest."""
    oldest = given = tokens(guarded, app)
    for _ in range(30):
        given = app.refresh(given["refresh_token"]).json()
    alive = opens(guarded, given["access_token"])

    reused = app.refresh(oldest["refresh_token"])

    assert alive == [200, 200]
    assert error_of(reused) == (400, "invalid_grant")
    assert is_dead(guarded, app, given)


@pytest.mark.parametrize("scope", [f"{BASIC} mcp:aws", "mcp:aws", f"{BASIC} mcp:operator", "nonsense"])
def test_a_refresh_widens_nothing_and_harms_nothing(guarded: Stack, app: App, scope: str):
    """A23: RFC 6749 6, invalid_scope; the token is good for what it was given for."""
    given = tokens(guarded, app)

    wider = app.refresh(given["refresh_token"], scope=scope)
    narrower = app.refresh(given["refresh_token"], scope="mcp:tools")

    assert error_of(wider) == (400, "invalid_scope")
    assert narrower.status_code == 200
    assert narrower.json()["scope"] == "mcp:tools"


def test_a_refresh_token_in_another_clients_hands_does_no_harm(guarded: Stack, app: App):
    """A23: RFC 6749 6, invalid_grant; a client that is not known gets invalid_client; the family lives on."""
    other, given = new_app(guarded), tokens(guarded, app)

    foreign = app.refresh(given["refresh_token"], client_id=other.client_id)
    unknown = app.refresh(given["refresh_token"], client_id="nobody")
    alive = opens(guarded, given["access_token"])

    assert error_of(foreign) == (400, "invalid_grant")
    assert error_of(unknown) == (401, "invalid_client")
    assert alive == [200, 200]
    assert app.refresh(given["refresh_token"]).status_code == 200


def test_a_used_refresh_token_in_another_clients_hands_does_no_harm_either(guarded: Stack, app: App):
    """A23: it neither gets the repeated answer nor ends the family as its own client's reuse would."""
    other, first = new_app(guarded), tokens(guarded, app)
    second = app.refresh(first["refresh_token"]).json()
    early = app.refresh(first["refresh_token"], client_id=other.client_id)
    third = app.refresh(second["refresh_token"]).json()

    late = app.refresh(first["refresh_token"], client_id=other.client_id)

    assert [error_of(answer) for answer in (early, late)] == [(400, "invalid_grant")] * 2
    assert opens(guarded, third["access_token"]) == [200, 200]


@pytest.mark.parametrize("token", ["", "nothing", f"mcp_rt_{'0' * 32}_{'A' * 43}", "{at}", "{other}"])
def test_what_is_no_refresh_token_gives_nothing_and_ends_nothing(guarded: Stack, app: App, token: str):
    """A22: made up, even with the name of a living grant: guessing is not reuse."""
    given = tokens(guarded, app)
    guessed = f"{given['refresh_token'][: len('mcp_rt_') + 32]}_{'A' * 43}"
    named = {"{at}": given["access_token"], "{other}": guessed}

    refused = app.refresh(named.get(token, token))

    assert error_of(refused) == (400, "invalid_grant" if token else "invalid_request")
    assert opens(guarded, given["access_token"]) == [200, 200]
    assert app.refresh(given["refresh_token"]).status_code == 200


def test_a_client_that_did_not_register_for_refreshing_gets_no_such_token(guarded: Stack):
    """RFC 6749 6, RFC 7591 2: grant_types are what a client may use."""
    app = new_app(guarded, grant_types=["authorization_code"])
    given = tokens(guarded, app)

    refused = app.refresh("mcp_rt_x")

    assert "refresh_token" not in given
    assert error_of(refused) == (400, "unauthorized_client")
    assert opens(guarded, given["access_token"]) == [200, 200]


@pytest.mark.parametrize("resource", ["https://other.example", FOREIGN, "{issuer}", "{issuer}/", "{issuer}/mcp/x"])
def test_no_token_is_given_for_another_resource(guarded: Stack, app: App, resource: str):
    """A24: RFC 8707 2.2, by a code and by a refresh; neither is used up by asking."""
    named = resource.replace("{issuer}", app.issuer)
    form = app.redemption(code_for(guarded, app))

    by_code = app.token(form | {"resource": named})
    given = app.token(form)
    by_refresh = app.refresh(given.json()["refresh_token"], resource=named)
    refreshed = app.refresh(given.json()["refresh_token"], resource=f"{app.issuer}/mcp")

    assert [error_of(answer) for answer in (by_code, by_refresh)] == [(400, "invalid_target")] * 2
    assert [given.status_code, refreshed.status_code] == [200, 200]


def test_a_token_minted_for_one_server_opens_no_other(guarded: Stack, tmp_path: Path):
    """A25: two servers of different names on one store and one key ring; either's token is 401 at the other."""
    port = free_port()
    settings = {**guarded.settings, "MCP_PUBLIC_URL": f"http://127.0.0.1:{port}"}
    with running_stack(guarded.redis_url, tmp_path, worker=False, settings=settings, port=port) as second:
        here, there = new_app(guarded), new_app(second)
        ours, theirs = tokens(guarded, here), tokens(second, there)

        at_ours = [knock(guarded.mcp_url, given["access_token"]).status_code for given in (ours, theirs)]
        at_theirs = [knock(second.mcp_url, given["access_token"]).status_code for given in (theirs, ours)]
        carried = there.refresh(theirs["refresh_token"], url=guarded.url)

    assert at_ours == [200, 401]
    assert at_theirs == [200, 401]
    assert carried.status_code != 200 or opens(guarded, carried.json()["access_token"]) == [401, 401]


GITHUB = "gho_16C7e42F292c6912E7710c838347Ae178B4a"
JWT = (
    "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0"
    ".eyJpc3MiOiJodHRwczovL3guYXV0aDAuY29tLyIsInN1YiI6ImF1dGgwfDEiLCJhdWQiOiJodHRwczovL3gifQ."
)


@pytest.mark.parametrize("token", [GITHUB, JWT, "ya29.a0AfB_byC", "{rt}", "{code}", "{at}x", "{at} {at}", "{upper}"])
def test_only_an_access_token_of_ours_is_a_bearer_token(guarded: Stack, app: App, token: str):
    """A26: MCP authorization, no token passthrough: a provider's token, or another thing of ours, opens nothing."""
    given = tokens(guarded, app)
    access = given["access_token"]
    named = token.replace("{at}", access).replace("{rt}", given["refresh_token"]).replace("{upper}", access.upper())
    if token == "{code}":
        named = code_for(guarded, app)

    refused = [knock(url, named) for url in guarded.mcp_urls]

    assert statuses(refused) == [401, 401]
    assert all('error="invalid_token"' in answer.headers["www-authenticate"] for answer in refused)
    assert opens(guarded, access) == [200, 200]


@pytest.mark.parametrize("scheme", ["Basic", "Token", "MAC", "", "BearerX", "Bearer,"])
def test_a_token_under_another_scheme_is_none(guarded: Stack, app: App, scheme: str):
    """A26: RFC 6750 2.1."""
    token = tokens(guarded, app)["access_token"]

    refused = knock(guarded.mcp_url, None, authorization=f"{scheme} {token}".strip())

    assert refused.status_code == 401
    assert knock(guarded.mcp_url, None, authorization=f"bearer {token}").status_code == 200


def in_query(url: str, token: str) -> httpx2.Response:
    return knock(f"{url}?access_token={token}", None)


def in_form(url: str, token: str) -> httpx2.Response:
    return httpx2.post(url, data={"access_token": token}, headers={"accept": ACCEPT["accept"]})


def in_cookie(url: str, token: str) -> httpx2.Response:
    return knock(url, None, cookie=f"access_token={token}; authorization=Bearer {token}")


def in_another_header(url: str, token: str) -> httpx2.Response:
    return knock(url, None, **{"x-access-token": token, "x-forwarded-access-token": token, "mcp-token": token})


@pytest.mark.parametrize("send", [in_query, in_form, in_cookie, in_another_header])
def test_a_token_counts_in_the_authorization_header_alone(
    guarded: Stack, app: App, send: Callable[[str, str], httpx2.Response]
):
    """A26: MCP authorization, token usage: not in the query, the body or a cookie; and it comes into no log."""
    token = tokens(guarded, app)["access_token"]

    refused = [send(url, token) for url in guarded.mcp_urls]

    assert statuses(refused) == [401, 401]
    assert opens(guarded, token) == [200, 200]
    assert [program.name for program in guarded.programs if token in program.output()] == []


def test_nothing_that_was_given_or_presented_is_in_a_log(valkey: ValkeyServer, tmp_path: Path):
    """A26, A52: at debug level, by every process, on a whole way in and its refusals; the predecessor logged them."""
    with door(valkey, 30, tmp_path, MCP_LOG_LEVEL="debug") as stack:
        app, person = new_app(stack), Person(stack.url)
        code = code_for(stack, app, person)
        first = app.token(app.redemption(code)).json()
        second = app.refresh(first["refresh_token"]).json()
        answers = [knock(f"{stack.mcp_url}?access_token={second['access_token']}", second["access_token"])]
        answers += [in_query(stack.mcp_url, first["access_token"]), app.token(app.redemption(code))]
        secret = {code, app.verifier, *(given[name] for given in (first, second) for name in TOKEN_NAMES)}
        secret |= {cookie.value for cookie in person.http.cookies.jar if cookie.value}
        written = "".join(program.output() for program in stack.programs)

    assert statuses(answers) == [200, 401, 400]
    assert "code reused" in written
    assert {each[:12] for each in secret if each in written} == set()


TOKEN_NAMES = ("access_token", "refresh_token")


@pytest.mark.parametrize("method", ["DELETE", "GET", "POST"])
def test_a_session_is_of_no_use_without_a_token(guarded: Stack, app: App, method: str):
    """The predecessor's DELETE /mcp asked nobody; possession of a session's id is no authentication."""
    token = tokens(guarded, app)["access_token"]
    params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "a", "version": "1"}}
    begun = httpx2.post(
        guarded.mcp_url, json=request("initialize", params), headers={**ACCEPT, "authorization": f"Bearer {token}"}
    )
    session = {**ACCEPT, "mcp-session-id": begun.headers["mcp-session-id"], "mcp-protocol-version": "2025-11-25"}

    body = request("ping") if method == "POST" else None
    refused = httpx2.request(method, guarded.mcp_url, json=body, headers=session, timeout=10)
    alive = httpx2.post(guarded.mcp_url, json=request("ping"), headers={**session, "authorization": f"Bearer {token}"})

    assert refused.status_code == 401
    assert alive.status_code == 200


@pytest.mark.parametrize("which", TOKEN_NAMES)
def test_what_a_client_revokes_is_dead(guarded: Stack, app: App, which: str):
    """RFC 7009 2.1: an access token alone, a refresh token with everything; the predecessor always failed."""
    given = tokens(guarded, app)
    form = {"token": given[which], "client_id": app.client_id}

    answer = httpx2.post(f"{bases(guarded)[1]}/oauth/revoke", data=form)
    refreshed = app.refresh(given["refresh_token"])

    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert opens(guarded, given["access_token"]) == [401, 401]
    assert refreshed.status_code == (200 if which == "access_token" else 400)


@pytest.mark.parametrize("which", TOKEN_NAMES)
def test_nobody_revokes_what_is_another_clients(guarded: Stack, app: App, which: str):
    """RFC 7009 2.1: 200 for a client that is known and 401 for one that is not; nothing ends."""
    given, other = tokens(guarded, app), new_app(guarded)

    answers = [
        httpx2.post(f"{guarded.url}/oauth/revoke", data={"token": given[which], "client_id": client_id})
        for client_id in (other.client_id, "nobody")
    ]

    assert answers[0].status_code == 200
    assert error_of(answers[1]) == (401, "invalid_client")
    assert opens(guarded, given["access_token"]) == [200, 200]
    assert app.refresh(given["refresh_token"]).status_code == 200
