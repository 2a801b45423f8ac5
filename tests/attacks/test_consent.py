"""Attacks on the pages a person sees: consent, the way to the provider and back, and how the pages are shown."""

import re
from collections.abc import Callable, Generator, Mapping
from pathlib import Path

import httpx2
import pytest

from tests.attacks.doors import (
    Traveller,
    door,
    error_sent_back,
    leave,
    let_go,
    life_of,
    names_of,
    page_status,
    type_code,
)
from tests.oauth import (
    App,
    Person,
    agree,
    authorize,
    new_app,
    printed_codes,
    query_of,
    register,
    sign_in,
    ticket_of,
    tokens,
)
from tests.servers import Stack, ValkeyServer

STATES = "mcp:state:*"
EVIL = "https://evil.example"


@pytest.fixture(scope="module")
def asking(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    """Asks every time, which is the default."""
    with door(valkey, 30, tmp_path_factory.mktemp("asking")) as running:
        yield running


@pytest.fixture(scope="module")
def remembering(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    """Remembers consent for ten minutes."""
    with door(valkey, 31, tmp_path_factory.mktemp("remembering"), MCP_AUTH_CONSENT_TTL="600") as running:
        yield running


def cookies_set(answer: httpx2.Response) -> list[str]:
    return [line.partition("=")[0] for line in answer.headers.get_list("set-cookie")]


def is_question(answer: httpx2.Response) -> bool:
    """Whether it is a consent page with a ticket, from which nothing leads to the provider yet."""
    assert "location" not in answer.headers
    assert [name for name in cookies_set(answer) if "visit" in name] == []
    return answer.status_code == 200 and bool(ticket_of(answer))


def test_a_client_that_is_new_is_asked_about_in_a_browser_that_signed_in_before(asking: Stack):
    """A1: MCP best practices, confused deputy: nothing goes to the provider, and no state is made, before the yes."""
    person = Person(asking.url)
    tokens(asking, new_app(asking), person)
    stranger = new_app(asking, client_name="Stranger")
    before = names_of(asking, STATES)

    page = authorize(person, stranger)
    after = names_of(asking, STATES)
    agreed = agree(person, page)

    assert is_question(page)
    assert "Stranger" in page.text
    assert after == before
    assert agreed.status_code == 303
    assert len(names_of(asking, STATES)) == len(before) + 1


def test_consent_is_asked_for_every_time_unless_the_operator_says_otherwise(asking: Stack):
    """A1: the same client, in the browser that agreed a moment ago, typed in by hand."""
    person, app = Traveller(asking.url), new_app(asking)
    tokens(asking, app, person)

    assert is_question(authorize(person, app))


@pytest.mark.parametrize("site", ["cross-site", "same-site", "same-origin", None, "", "none, none", "NONE"])
def test_remembered_consent_does_not_count_when_a_page_sends_the_browser(remembering: Stack, site: str | None):
    """A3: a malicious server in the middle uses a client that was agreed to; only the person's own visit is silent."""
    person, app = Traveller(remembering.url), new_app(remembering)
    tokens(remembering, app, person)
    before = names_of(remembering, STATES)

    person.site = site
    page = authorize(person, app)
    after = names_of(remembering, STATES)
    person.site = "none"
    silent = authorize(person, app)

    assert is_question(page)
    assert after == before
    assert silent.status_code == 303
    assert silent.headers["location"].startswith(f"{remembering.url}/oauth/local?state=")


def other_client(stack: Stack, app: App) -> tuple[App, Mapping[str, str | None]]:
    return new_app(stack), {}


def more_scopes(stack: Stack, app: App) -> tuple[App, Mapping[str, str | None]]:
    return app, {"scope": "mcp:tools mcp:prompts mcp:resources mcp:aws"}


def other_scopes(stack: Stack, app: App) -> tuple[App, Mapping[str, str | None]]:
    return app, {"scope": "mcp:aws"}


def other_redirect(stack: Stack, app: App) -> tuple[App, Mapping[str, str | None]]:
    return app, {"redirect_uri": "http://127.0.0.1:49999/callback"}


@pytest.mark.parametrize("change", [other_client, more_scopes, other_scopes, other_redirect])
def test_remembered_consent_is_for_the_very_same_request(
    remembering: Stack, change: Callable[[Stack, App], tuple[App, Mapping[str, str | None]]]
):
    """A1, A3: another client, other scopes or another place to be sent to is asked about."""
    person, app = Traveller(remembering.url), new_app(remembering)
    tokens(remembering, app, person)
    asked, changes = change(remembering, app)

    page, silent = authorize(person, asked, **changes), authorize(person, app)

    assert is_question(page)
    assert silent.status_code == 303


def test_remembered_consent_is_for_the_browser_that_gave_it(remembering: Stack):
    """A1, A3: another jar is asked, whoever else agreed."""
    person, app = Traveller(remembering.url), new_app(remembering)
    tokens(remembering, app, person)

    stranger, known = Traveller(remembering.url), Traveller(remembering.url)
    tokens(remembering, new_app(remembering), known)

    assert is_question(authorize(stranger, app))
    assert is_question(authorize(known, app))
    assert authorize(person, app).status_code == 303


def test_a_no_is_not_remembered_as_a_yes(remembering: Stack):
    """A3: who declined is asked again."""
    person, app = Traveller(remembering.url), new_app(remembering)
    page = authorize(person, app)
    denied = person.post("/oauth/consent", {"ticket": ticket_of(page), "decision": "deny", "provider": "local"})

    assert error_sent_back(denied, app) == "access_denied"
    assert is_question(authorize(person, app))


def test_a_callback_without_state_is_refused(asking: Stack):
    """A5: missing; the sign-in it was left out of goes on."""
    person, app = Person(asking.url), new_app(asking)
    callback = type_code(asking, person, leave(person, app))
    code = query_of(callback)["code"]

    refused = [person.get(f"/oauth/callback/local?{query}") for query in (f"code={code}", f"code={code}&state=", "")]

    assert [page_status(answer) for answer in refused] == [400, 400, 400]
    assert person.get(callback).status_code == 303


def test_a_callback_is_good_once(asking: Stack):
    """A5: reused; the second fails although the first worked, and does not harm what the first gave."""
    person, app = Person(asking.url), new_app(asking)
    callback = type_code(asking, person, leave(person, app))

    first, second = person.get(callback), person.get(callback)
    given = app.token(app.redemption(query_of(first.headers["location"])["code"]))

    assert first.status_code == 303
    assert page_status(second) == 400
    assert given.status_code == 200


def test_a_state_lasts_ten_minutes_at_most(asking: Stack):
    """A5: expired; MCP best practices, confused deputy: a short life."""
    person, app = Person(asking.url), new_app(asking)
    before = names_of(asking, STATES)
    callback = type_code(asking, person, leave(person, app))
    (name,) = set(names_of(asking, STATES)) - set(before)
    life = life_of(asking, name)

    let_go(asking, name)
    late = person.get(callback)

    assert 0 < life <= 600_000
    assert page_status(late) == 400


def test_a_state_counts_only_with_the_cookie_of_its_own_sign_in(asking: Stack):
    """A5: of another transaction; the jar's other cookie under the right name does not do. 403, as for A2."""
    mine, other, app = Person(asking.url), Person(asking.url), new_app(asking)
    callback = type_code(asking, mine, leave(mine, app))
    before = {cookie.name for cookie in other.http.cookies.jar}
    leave(other, app)
    (foreign,) = [
        cookie.value for cookie in other.http.cookies.jar if cookie.name not in before and "visit" in cookie.name
    ]
    name = next(cookie.name for cookie in mine.http.cookies.jar if "visit" in cookie.name)

    swapped = httpx2.get(f"{asking.url}{callback}", headers={"cookie": f"{name}={foreign}"})

    assert page_status(swapped) == 403
    assert page_status(mine.get(callback)) == 400


def test_the_code_of_one_sign_in_does_not_finish_another(asking: Stack):
    """A5: of another transaction, in one browser: the printed code is bound to its state."""
    person, app = Person(asking.url), new_app(asking)
    first = query_of(type_code(asking, person, leave(person, app)))
    second = query_of(type_code(asking, person, leave(person, app)))

    mixed = person.get(f"/oauth/callback/local?state={first['state']}&code={second['code']}")
    good = person.get(f"/oauth/callback/local?state={second['state']}&code={second['code']}")

    assert page_status(mixed) == 400
    assert good.status_code == 303


@pytest.mark.parametrize("path", ["/oauth/callback/github", "/oauth/callback/nobody", "/oauth/auth0-callback"])
def test_an_answer_counts_only_at_the_callback_of_its_provider(asking: Stack, path: str):
    """A5, RFC 9207: the state of one provider at the path of another is refused, and used up."""
    person, app = Person(asking.url), new_app(asking)
    callback = type_code(asking, person, leave(person, app))

    mixed = person.get(callback.replace("/oauth/callback/local", path))

    assert page_status(mixed) == 400
    assert page_status(person.get(callback)) == 400


@pytest.mark.parametrize("first", [0, 1])
def test_of_two_open_pages_either_can_be_answered_and_then_the_other(asking: Stack, first: int):
    """A7: one ticket per page, so that nobody learns to switch consent off."""
    app, person = new_app(asking), Person(asking.url)
    pages = [authorize(person, app), authorize(person, app)]

    answers = [agree(person, pages[first]), agree(person, pages[1 - first])]

    assert [answer.status_code for answer in answers] == [303, 303]
    assert ticket_of(pages[0]) != ticket_of(pages[1])


@pytest.mark.parametrize("ticket", ["", "x", "A" * 43, "../ask", "\x00", "A" * 10_000])
def test_a_ticket_that_was_never_printed_is_refused(asking: Stack, ticket: str):
    """A7: a wrong one; the page's own goes on working."""
    app, person = new_app(asking), Person(asking.url)
    page = authorize(person, app)
    before = names_of(asking, STATES)

    wrong = person.post("/oauth/consent", {"ticket": ticket, "decision": "allow", "provider": "local"})
    after = names_of(asking, STATES)

    assert page_status(wrong) == 403
    assert after == before
    assert agree(person, page).status_code == 303


def test_a_ticket_is_good_once(asking: Stack):
    """A7: a form sent twice sets out once."""
    app, person = new_app(asking), Person(asking.url)
    page = authorize(person, app)

    assert agree(person, page).status_code == 303
    assert page_status(agree(person, page)) == 403


def test_a_ticket_is_not_enough_without_the_browser(asking: Stack):
    """A7: read over a shoulder; without any cookie, and with a made-up one."""
    app, person = new_app(asking), Person(asking.url)
    form = {"decision": "allow", "provider": "local"}
    headers = {"origin": "null", "sec-fetch-site": "same-origin"}

    def send(cookie: str) -> httpx2.Response:
        ticket = ticket_of(authorize(person, app))
        sent = headers | ({"cookie": cookie} if cookie else {})
        return httpx2.post(f"{asking.url}/oauth/consent", data=form | {"ticket": ticket}, headers=sent)

    assert [page_status(send(cookie)) for cookie in ("", "mcp_browser=", "mcp_browser=x")] == [403, 403, 403]
    assert agree(person, authorize(person, app)).status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": EVIL, "sec-fetch-site": "cross-site"},
        {"origin": EVIL, "sec-fetch-site": "same-origin"},
        {"origin": "null", "sec-fetch-site": "cross-site"},
        {"origin": "null", "sec-fetch-site": "same-site"},
        {"origin": "null"},
    ],
    ids=str,
)
def test_another_sites_form_is_refused_whatever_it_holds(asking: Stack, headers: dict[str, str]):
    """A7: even with the right ticket and the right cookie; the page is not used up by it."""
    app, person = new_app(asking), Person(asking.url)
    page = authorize(person, app)
    form = {"ticket": ticket_of(page), "decision": "allow", "provider": "local"}

    forged = person.http.post(f"{asking.url}/oauth/consent", data=form, headers=headers)

    assert forged.status_code == 403
    assert "location" not in forged.headers
    assert agree(person, page).status_code == 303


def test_consent_cannot_be_given_by_a_link(asking: Stack):
    """A7: an image or a link sends a GET."""
    app, person = new_app(asking), Person(asking.url)
    page = authorize(person, app)

    linked = person.get(f"/oauth/consent?ticket={ticket_of(page)}&decision=allow&provider=local")

    assert linked.status_code == 405
    assert "location" not in linked.headers
    assert agree(person, page).status_code == 303


@pytest.mark.parametrize("decision", [None, "", "ALLOW", "yes", "deny"])
def test_only_a_yes_is_a_yes(asking: Stack, decision: str | None):
    """A7: whatever else the form says is told to the client as a no."""
    app, person = new_app(asking), Person(asking.url)
    form = {"ticket": ticket_of(authorize(person, app)), "provider": "local"}

    answer = person.post("/oauth/consent", form if decision is None else form | {"decision": decision})

    assert error_sent_back(answer, app) == "access_denied"


def shown(stack: Stack, **metadata: object) -> str:
    page = authorize(Person(stack.url), new_app(stack, **metadata))
    assert page.status_code == 200
    return page.text


def test_a_name_with_markup_is_text(asking: Stack):
    """A8: escaped wherever the page says it."""
    text = shown(asking, client_name="<script>alert(1)</script>\"'><img src=x onerror=alert(1)>")

    assert "<script" not in text
    assert "<img" not in text
    assert "&lt;script&gt;" in text


@pytest.mark.parametrize(
    "char",
    ["\u202e", "\u202a", "\u2066", "\u2069", "\u200f", "\u061c", "\u200b", "\u2028", "\u0000", "\n", "\x1b", "\ufeff"],
    ids=ascii,
)
def test_a_name_cannot_turn_or_hide_what_stands_beside_it(asking: Stack, char: str):
    """A8: bidirectional overrides, zero-width and control characters are taken out."""
    text = shown(asking, client_name=f"Good{char}Name")

    assert "GoodName wants to use" in text
    assert char == "\n" or char not in text


def test_a_name_is_cut_where_a_person_still_reads_on(asking: Stack):
    """A8: at 64 characters; 10 kB is more than registration reads at all."""
    text = shown(asking, client_name="N" * 7000)
    too_much = register(asking, client_name="N" * 10_000)

    assert "N" * 64 in text
    assert "N" * 65 not in text
    assert too_much.status_code == 413
    assert "client_id" not in too_much.json()


def test_a_host_in_another_script_is_shown_as_punycode(asking: Stack):
    """A8: a Cyrillic look-alike cannot be registered as such, and its punycode is what the person sees."""
    spoof = register(asking, redirect_uris=["https://\u0430pple.example/cb"])
    app = new_app(asking, redirect_uris=["https://xn--pple-43d.example/cb"])
    page = authorize(Person(asking.url), app, redirect_uri="https://xn--pple-43d.example/cb")

    assert (spoof.status_code, spoof.json()["error"]) == (400, "invalid_redirect_uri")
    assert '<p class="host" aria-labelledby="where">xn--pple-43d.example</p>' in page.text
    assert "\u0430pple" not in page.text


@pytest.mark.parametrize("uri", ["https://good.example.evil.example/cb", "https://evil.example/good.example"])
def test_the_host_that_is_shown_is_the_one_that_will_be_visited(asking: Stack, uri: str):
    """A8: in full, without path or query that might be read as a host."""
    app = new_app(asking, redirect_uris=[uri])

    page = authorize(Person(asking.url), app, redirect_uri=uri)

    found = re.search(r'<p class="host"[^>]*>([^<]*)</p>', page.text)
    assert found
    assert found[1] == httpx2.URL(uri).host


def test_a_name_is_shown_as_what_its_client_says_of_itself(asking: Stack):
    """A8, MCP authorization: nobody has verified it; and who is sent to a program on this machine is warned."""
    name = "Anthropic, verified by this server"
    remote = new_app(asking, client_name=name, redirect_uris=["https://a.example/cb"])
    far = authorize(Person(asking.url), remote, redirect_uri="https://a.example/cb").text
    near = shown(asking, client_name=name)

    assert ["nobody has verified it" in text for text in (far, near)] == [True, True]
    assert ["a program on the computer in front of you" in text for text in (far, near)] == [False, True]


def test_a_page_brings_nothing_from_elsewhere(asking: Stack):
    """A8: a client's logo and addresses are neither fetched nor linked, and the policy forbids what is missed."""
    elsewhere = {name: f"{EVIL}/{name}" for name in ("logo_uri", "client_uri", "tos_uri", "policy_uri")}
    page = authorize(Person(asking.url), new_app(asking, **elsewhere))

    policy = policy_of(page)
    assert "evil.example" not in page.text
    assert re.findall(r"<(?:script|img|link|iframe|object|embed|base)\b|\bsrc=|\bhref=|url\(", page.text) == []
    assert {"default-src 'none'", "base-uri 'none'"} <= policy
    assert [part for part in policy if part.startswith(("script-src", "img-src", "connect-src"))] == []
    assert "unsafe" not in page.headers["content-security-policy"]


def policy_of(page: httpx2.Response) -> set[str]:
    return {part.strip() for part in page.headers["content-security-policy"].split(";")}


@pytest.mark.parametrize(
    "path", ["/oauth/local?state={}", "/oauth/authorize?client_id={}", "/oauth/authorize?{}=1&{}=2"]
)
def test_what_a_link_says_is_not_markup_on_a_page(asking: Stack, path: str):
    """A8, CVE-2025-62800: the sign-in page and the pages that refuse."""
    hostile = "%22%3E%3Cscript%3Ealert(1)%3C/script%3E"

    answer = Person(asking.url).get(path.replace("{}", hostile))

    assert answer.status_code in (200, 400)
    assert "<script" not in answer.text


def consent_page(stack: Stack) -> httpx2.Response:
    return authorize(Person(stack.url), new_app(stack))


def local_page(stack: Stack) -> httpx2.Response:
    person = Person(stack.url)
    return person.get(f"/oauth/local?state={leave(person, new_app(stack))}")


def wrong_code_page(stack: Stack) -> httpx2.Response:
    person = Person(stack.url)
    return person.post("/oauth/local", {"state": leave(person, new_app(stack)), "code": "BBBB-BBBB"})


def unknown_client_page(stack: Stack) -> httpx2.Response:
    return Person(stack.url).get("/oauth/authorize?client_id=nobody")


def refused_consent_page(stack: Stack) -> httpx2.Response:
    return Person(stack.url).post("/oauth/consent", {"ticket": "x", "decision": "allow", "provider": "local"})


def refused_callback_page(stack: Stack) -> httpx2.Response:
    return Person(stack.url).get("/oauth/callback/local?state=x&code=y")


@pytest.mark.parametrize(
    ("show", "status"),
    [
        (consent_page, 200),
        (local_page, 200),
        (wrong_code_page, 400),
        (unknown_client_page, 400),
        (refused_consent_page, 403),
        (refused_callback_page, 400),
    ],
)
def test_no_page_can_be_framed_kept_or_traced(asking: Stack, show: Callable[[Stack], httpx2.Response], status: int):
    """A9: clickjacking; RFC 9700 4.16. On every page of a sign-in, the refusals included."""
    page = show(asking)

    assert page_status(page) == status
    assert page.headers.get_list("content-security-policy") == [page.headers["content-security-policy"]]
    assert "frame-ancestors 'none'" in policy_of(page)
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["x-content-type-options"] == "nosniff"


def test_what_a_browser_is_asked_to_bring_back_is_bound_to_the_origin(valkey: ValkeyServer, tmp_path: Path):
    """MCP best practices, confused deputy: `__Host-`, Secure, HttpOnly, SameSite=Lax, on both cookies.

    The bare name, which a neighbouring host could plant, is not believed.
    """
    with door(valkey, 34, tmp_path, MCP_PUBLIC_URL="https://localhost") as https:
        app = App(https.url, "https://localhost", new_app(https).client_id)
        page = authorize(Person(https.url), app)
        (browser,) = page.headers.get_list("set-cookie")
        pair = browser.partition(";")[0]
        bare = answer_with(https, page, pair.removeprefix("__Host-"))
        gone = answer_with(https, page, pair)
        page = authorize(Person(https.url), app)
        (browser,) = page.headers.get_list("set-cookie")
        sent = answer_with(https, page, browser.partition(";")[0])

    (visit,) = sent.headers.get_list("set-cookie")
    assert [page_status(bare), page_status(gone), sent.status_code] == [403, 403, 303]
    assert [is_bound(line) for line in (browser, visit)] == [True, True]
    assert page.headers["strict-transport-security"].startswith("max-age=")


def answer_with(stack: Stack, page: httpx2.Response, cookie: str) -> httpx2.Response:
    form = {"ticket": ticket_of(page), "decision": "allow", "provider": "local"}
    headers = {"origin": "null", "sec-fetch-site": "same-origin", "cookie": cookie}
    return httpx2.post(f"{stack.url}/oauth/consent", data=form, headers=headers)


def is_bound(cookie: str) -> bool:
    first, *rest = [part.strip() for part in cookie.split(";")]
    said = {part.lower() for part in rest}
    secret = first.partition("=")[2]
    named = first.startswith("__Host-") and not any(part.startswith("domain") for part in said)
    return named and len(secret) >= 43 and {"secure", "httponly", "samesite=lax", "path=/"} <= said


def test_guessing_the_printed_code_ends_after_five_tries(asking: Stack):
    """A5, ours: the sixth try is wrong even when it is right."""
    person, app = Person(asking.url), new_app(asking)
    state = leave(person, app)

    guesses = [person.post("/oauth/local", {"state": state, "code": f"BBBB-BBB{char}"}) for char in "BCDFG"]
    right = person.post("/oauth/local", {"state": state, "code": printed_codes(asking.webs)[-1]})

    assert [page_status(guess) for guess in guesses] == [400] * 5
    assert page_status(right) == 400
    assert sign_in(asking, person, agree(person, authorize(person, app))).status_code == 303
