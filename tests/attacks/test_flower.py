"""A58: Flower shows strangers nothing by any route, lets nobody change anything, and is nobody's way in."""

import base64
import re
import secrets
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import flower.urls
import httpx2
import pytest

from tests.attacks.doors import door
from tests.journeys.test_flower import FETCH, Guarded, Visitor, started
from tests.oauth import Person, agree, query_of, sign_in
from tests.servers import Stack, ValkeyServer, free_port, running_stack

PASSWORD = "viewer:Pass-of-Flower"
METHODS = ("POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def routes() -> list[str]:
    """An address for every line of Flower's table, the one for whatever has no line included."""
    table: list[Any] = cast("Any", flower.urls).handlers
    patterns = [each.regex.pattern if hasattr(each, "regex") else each[0] for each in table]
    return [
        re.sub(r"\(\.[*+]\)", "x", each.rstrip("$").replace("/?", "")).replace(".*", "/nowhere") for each in patterns
    ]


READ = [path for path in routes() if path not in ("/login", "/logout", "/healthcheck")]


@pytest.fixture(scope="module")
def watched(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Guarded]:
    """Flower with our sign-in, a password, and a proxy that is believed."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    own: dict[str, Any] = {
        "MCP_FLOWER_URL": url,
        "MCP_FLOWER_SECRET": secrets.token_urlsafe(32),
        "MCP_AUTH_OPERATORS": "local:owner,me@x.com,proxy:root",
        "MCP_FLOWER_PROXY_HEADER": "X-Forwarded-Email",
    }
    roles = {"flower": {"FLOWER_BASIC_AUTH": PASSWORD}}
    folder = tmp_path_factory.mktemp("watched")
    with door(valkey, 57, folder, worker=False, replicas=1, roles=roles, **own) as stack:
        yield Guarded(stack, url, started(stack, port))


@dataclass(frozen=True)
class Alone:
    """A Flower that nobody signs in to."""

    stack: Stack
    url: str


@pytest.fixture(scope="module")
def alone(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Alone]:
    """Without authentication, for this machine."""
    port, folder = free_port(), tmp_path_factory.mktemp("alone")
    with running_stack(valkey.url(58), folder, worker=False, replicas=0) as stack:
        started(stack, port)
        yield Alone(stack, f"http://127.0.0.1:{port}")


def basic(given: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(given.encode()).decode()}


@pytest.mark.parametrize("path", READ)
def test_no_route_shows_a_stranger_anything(watched: Guarded, path: str):
    """A58: a page leads to the sign-in, anything else is 401; /metrics and the files too."""
    page = Visitor(watched.url).get(path)
    fetched = httpx2.get(watched.url + path, headers=FETCH, timeout=20)
    known = httpx2.get(watched.url + path, headers={**FETCH, **basic(PASSWORD)}, timeout=30)

    assert page.status_code == 303
    assert page.headers["location"].startswith("/login?next=")
    assert page.content == b""
    assert (fetched.status_code, fetched.json()) == (401, {"error": "Sign in to Flower first."})
    assert known.status_code not in (401, 303)


@pytest.mark.parametrize("path", routes())
@pytest.mark.parametrize("method", METHODS)
def test_no_method_changes_anything(watched: Guarded, path: str, method: str):
    """A58: whoever asks, from whichever page."""
    for headers in ({}, basic(PASSWORD), {"sec-fetch-site": "cross-site"}):
        answer = httpx2.request(method, watched.url + path, headers={**FETCH, **headers}, timeout=20)

        # The table asks by POST; from where it is not asked, that comes to nothing either.
        assert answer.status_code in ({400, 403} if path == "/tasks/datatable" else {403, 405})


@pytest.mark.parametrize("path", routes())
def test_every_answer_keeps_others_from_using_it(watched: Guarded, path: str):
    """A9, A58: not framed, not sniffed, read by no other origin, run nothing of others, kept nowhere."""
    for headers in (FETCH, {**FETCH, **basic(PASSWORD)}):
        answer = httpx2.get(watched.url + path, headers=headers, timeout=30)

        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "script-src 'self' 'sha256-" in answer.headers["content-security-policy"]
        assert "access-control-allow-origin" not in answer.headers
        assert "no-store" in answer.headers["cache-control"] or path.startswith("/static")


HOSTS = ("evil.example", "127.0.0.1.evil.example", "evil.example:80", "127.0.0.1@evil.example", "")


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("path", ["/", "/api/tasks", "/login"])
def test_a_name_that_leads_here_by_accident_is_misdirected(alone: Alone, watched: Guarded, host: str, path: str):
    """A37, A58: a page whose name was bound anew to this machine (DNS rebinding) reads nothing."""
    for url in (alone.url, watched.url):
        assert httpx2.get(url + path, headers={"host": host}, timeout=20).status_code in (400, 421)
    assert httpx2.get(f"{alone.url}/api/tasks", timeout=20).status_code == 200


@pytest.mark.parametrize("shown", ["Bearer x", "x", "Negotiate x"])
def test_a_password_that_is_none_opens_no_other_door(watched: Guarded, shown: str):
    """A37, A58: such a page may send any header, and a proxy's on this machine is believed."""
    headers = {"host": "evil.example", "authorization": shown, "x-forwarded-email": "me@x.com"}

    answer = httpx2.get(f"{watched.url}/api/tasks", headers=headers, timeout=20)

    assert answer.status_code == 421


def test_another_browser_cannot_finish_a_sign_in(watched: Guarded):
    """A2: whoever is sent the address of somebody else's callback is not signed in as them."""
    mine = Visitor(watched.url)
    answer = watched.answer(mine, Person(watched.stack.url))

    theirs = Visitor(watched.url)
    theirs.get("/login")
    refused = theirs.get(answer)

    assert refused.status_code == 403
    assert "mcp_flower" not in theirs.jar
    assert "begun in another browser" in refused.text


Bend = Callable[[Mapping[str, str]], str]


def _changed(**changes: str) -> Bend:
    def change(answer: Mapping[str, str]) -> str:
        return f"/login?{httpx2.QueryParams({**answer, **changes})}"

    return change


BENT: dict[str, Bend] = {
    "state": _changed(state="x" * 43),
    "issuer": _changed(iss="https://evil.example"),
    "no issuer": lambda answer: f"/login?{httpx2.QueryParams({k: v for k, v in answer.items() if k != 'iss'})}",
    "code": _changed(code="mcp_ac_" + "0" * 32 + "_" + "x" * 43),
    "twice": lambda answer: f"/login?{httpx2.QueryParams([*answer.items(), ('code', 'x')])}",
    "an error": _changed(error="access_denied"),
}


@pytest.mark.parametrize("how", BENT)
def test_an_answer_that_is_not_the_servers_signs_nobody_in(watched: Guarded, how: str):
    """A4-A6: state, issuer and code are what they must be, each once; and the right one afterwards is too late."""
    visitor = Visitor(watched.url)
    answer = watched.answer(visitor, Person(watched.stack.url))

    refused = visitor.get(BENT[how](query_of(answer)))
    jar = dict(visitor.jar)
    late = visitor.get(answer)

    assert refused.status_code in (400, 403)
    assert "mcp_flower" not in jar
    assert late.status_code == (303 if how == "state" else 403)


@pytest.mark.parametrize(
    "back", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "/%0d"]
)
def test_a_sign_in_leads_to_a_page_of_flowers_own(watched: Guarded, back: str):
    """A10: to whichever address a link asks to come back."""
    visitor, person = Visitor(watched.url), Person(watched.stack.url)
    sent = visitor.get(f"/login?{httpx2.QueryParams({'next': back})}").headers["location"]
    arrived = sign_in(watched.stack, person, agree(person, person.get(sent)))

    location = visitor.get(arrived.headers["location"].removeprefix(watched.url)).headers["location"]

    assert re.match(r"/(?![/\\])", location)
    assert "evil" not in location


def test_an_access_token_of_a_client_opens_nothing(watched: Guarded):
    """A24: Flower has sessions of its own, and takes nothing that was given to somebody else."""
    for value in ("mcp_at_" + "0" * 32 + "_" + "x" * 43, "x"):
        headers = {**FETCH, "authorization": f"Bearer {value}", "cookie": f"mcp_flower={value}; user={value}"}
        assert httpx2.get(f"{watched.url}/api/tasks", headers=headers, timeout=20).status_code == 401


@pytest.mark.parametrize("given", ["viewer:wrong", "viewer", ":", PASSWORD + "x", PASSWORD[:-1], PASSWORD.upper()])
def test_a_password_is_right_or_wrong(watched: Guarded, given: str):
    """A58: wholly; and it opens /metrics, which Flower itself leaves open."""
    refused = httpx2.get(f"{watched.url}/metrics", headers={**FETCH, **basic(given)}, timeout=20)
    seen = httpx2.get(f"{watched.url}/metrics", headers={**FETCH, **basic(PASSWORD)}, timeout=20)

    assert refused.status_code == 401
    assert (seen.status_code, b"flower_" in seen.content) == (200, True)


def behind_proxy(url: str, *names: str) -> httpx2.Response:
    headers = [*FETCH.items(), *(("x-forwarded-email", name) for name in names)]
    return httpx2.get(f"{url}/api/tasks", headers=headers, timeout=20)


NOBODIES = ("me@x.com.evil", "me@x.co", "Xme@x.com", "me@x.com,root", "rootX", "local:owner", "proxy:root", "a" * 400)


@pytest.mark.parametrize("name", NOBODIES)
def test_a_proxy_vouches_for_operators_alone(watched: Guarded, name: str):
    """CVE-2022-30034: names are compared whole; nobody's name is that of another provider's subject."""
    refused = behind_proxy(watched.url, name)

    assert refused.status_code == 403
    assert [behind_proxy(watched.url, each).status_code for each in ("me@x.com", "root")] == [200, 200]
    assert behind_proxy(watched.url, "me@x.com", "evil@x.com").status_code == 403


def test_a_name_that_no_proxy_sent_is_not_believed(valkey: ValkeyServer, tmp_path: Path):
    """A40: MCP_TRUSTED_PROXIES says who may; X-Forwarded-For does not make one of anybody."""
    settings = {
        "MCP_TRUSTED_PROXIES": "192.0.2.7",
        "MCP_FLOWER_PROXY_HEADER": "X-Forwarded-Email",
        "MCP_AUTH_OPERATORS": "me@x.com",
    }
    with running_stack(valkey.url(58), tmp_path, worker=False, replicas=0, settings=settings) as stack:
        port = free_port()
        started(stack, port)
        headers = {**FETCH, "x-forwarded-email": "me@x.com", "x-forwarded-for": "192.0.2.7", "x-real-ip": "192.0.2.7"}
        refused = httpx2.get(f"http://127.0.0.1:{port}/api/tasks", headers=headers, timeout=20)

    assert refused.status_code == 401


def test_who_is_no_operator_is_told_so_by_the_server(valkey: ValkeyServer, tmp_path: Path):
    """A58: an empty list is nobody; the sentence is for the person, and Flower hears nothing of them."""
    port = free_port()
    own: dict[str, Any] = {"MCP_FLOWER_URL": f"http://127.0.0.1:{port}", "MCP_FLOWER_SECRET": secrets.token_urlsafe(32)}
    with door(valkey, 59, tmp_path, worker=False, replicas=1, **own) as stack:
        guarded = Guarded(stack, own["MCP_FLOWER_URL"], started(stack, port))
        visitor, person = Visitor(guarded.url), Person(stack.url)
        refused = sign_in(stack, person, agree(person, guarded.to_consent(visitor, person)))

    assert refused.status_code == 403
    assert "who is no operator of this server: that needs the scope mcp:operator" in refused.text
    assert "MCP_AUTH_OPERATORS" in refused.text


CLOSED: dict[str, tuple[dict[str, str], list[str]]] = {
    "beyond this machine": ({}, ["--host", "192.0.2.1"]),
    "people sign in": ({"MCP_AUTH": "local", "MCP_AUTH_OPERATORS": "local:owner"}, []),
    "a header of everybody": ({"MCP_FLOWER_PROXY_HEADER": "X-Forwarded-User"}, []),
}


@pytest.mark.parametrize("how", CLOSED)
def test_without_a_door_it_does_not_start(valkey: ValkeyServer, tmp_path: Path, how: str):
    """A58: open to strangers it is not even while nobody has said how it is closed; and it says what is missing."""
    settings, options = CLOSED[how]
    with running_stack(valkey.url(58), tmp_path, worker=False, replicas=0, settings=settings) as stack:
        flower = stack.start("flower", *options, "--port", str(free_port()))

        assert flower.process.wait(60) == 2
        assert re.search("FLOWER_BASIC_AUTH=user:password|MCP_TRUSTED_PROXIES", flower.output())
        assert "Traceback" not in flower.output()


def test_what_others_may_write_is_not_read(valkey: ValkeyServer, tmp_path: Path):
    """A59: what Flower has seen lies there as pickles, and who can change them runs what they like."""
    folder = tmp_path / "flower"
    folder.mkdir()
    folder.chmod(0o777)
    with running_stack(valkey.url(58), tmp_path, worker=False, replicas=0) as stack:
        flower = stack.start("flower", "--port", str(free_port()))

        assert flower.process.wait(60) == 2
        assert "can be written by others" in flower.output()
