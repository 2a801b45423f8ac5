"""Who writes to Redis moves, changes or cuts what is sealed there: it is not there any more, and nothing else (A49)."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, cast

import httpx2
import pytest
import redis

from tests.attacks.doors import code_for, door, knock, leave, names_of, type_code
from tests.clients import ACCEPT, MODERN, request
from tests.journeys.conftest import OWN_TOOLS
from tests.journeys.test_task_extension import DECLARED
from tests.oauth import Person, authorize, new_app, ticket_of, tokens
from tests.servers import Stack, ValkeyServer, until

SWAPPED, FLIPPED, CUT = HOWS = ("swapped", "flipped", "cut")


@pytest.fixture(scope="module")
def bank(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    """Two replicas and a worker with tools of their own."""
    with door(valkey, 49, tmp_path_factory.mktemp("bank"), MCP_TOOL_MODULES=str(OWN_TOOLS)) as running:
        yield running


@dataclass
class Held:
    """Something sealed of one principal: where it is, how its owner asks for it, and what only it says."""

    key: str
    field: str | None
    ask: Callable[[], httpx2.Response]
    says: str


def post(url: str, token: str, method: str, params: dict[str, Any]) -> httpx2.Response:
    """A stateless request by a client that takes tasks."""
    meta = {"io.modelcontextprotocol/protocolVersion": MODERN, **DECLARED}
    name = str(params.get("name") or params.get("uri") or params.get("taskId"))
    headers = {**ACCEPT, "authorization": f"Bearer {token}", "mcp-protocol-version": MODERN, "mcp-method": method}
    body = request(method, {**params, "_meta": meta})
    return httpx2.post(url, json=body, headers={**headers, "mcp-name": name}, timeout=20)


def new_name(stack: Stack, pattern: str, make: Callable[[], object]) -> str:
    """The one key like *pattern* that is there after *make* and was not before."""
    before = set(names_of(stack, pattern))
    make()
    until(lambda: set(names_of(stack, pattern)) - before, f"a key like {pattern}")
    [found] = set(names_of(stack, pattern)) - before
    return found


def session(stack: Stack, who: str) -> Held:
    """The other replica answers: a session is asked for wherever its client goes."""
    bearer = {**ACCEPT, "authorization": f"Bearer {tokens(stack, new_app(stack))['access_token']}"}
    params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": who, "version": "1"}}
    begun: list[httpx2.Response] = []

    def make() -> None:
        begun.append(httpx2.post(stack.mcp_urls[0], json=request("initialize", params), headers=bearer, timeout=20))

    key = new_name(stack, "mcp:*:session:*", make)
    own = {**bearer, "mcp-session-id": begun[0].headers["mcp-session-id"], "mcp-protocol-version": "2025-11-25"}
    return Held(
        key, "record", lambda: httpx2.post(stack.mcp_urls[1], json=request("ping"), headers=own, timeout=20), who
    )


def result(stack: Stack, who: str) -> Held:
    token = tokens(stack, new_app(stack))["access_token"]
    call = {"name": "keeps_a_secret", "arguments": {"text": who}}
    key = new_name(stack, "mcp:result:*", lambda: post(stack.mcp_url, token, "tools/call", call))
    uri = f"echo://result/{key.rpartition(':')[2]}"
    return Held(key, None, lambda: post(stack.mcp_urls[1], token, "resources/read", {"uri": uri}), who)


def task(stack: Stack, who: str, kind: str, field: str) -> Held:
    token = tokens(stack, new_app(stack))["access_token"]
    call = {"name": "keeps_a_secret", "arguments": {"text": who}}
    key = new_name(stack, f"mcp:*:{kind}:*", lambda: post(stack.mcp_url, token, "tools/call", call))
    wanted = {"taskId": key.rpartition(":")[2]}
    return Held(key, field, lambda: post(stack.mcp_urls[1], token, "tasks/get", wanted), who)


def grant(stack: Stack, who: str) -> Held:
    given: list[str] = []
    app = new_app(stack, client_name=who)
    key = new_name(stack, "mcp:*:grant", lambda: given.append(tokens(stack, app)["access_token"]))
    return Held(key, "record", lambda: knock(stack.mcp_urls[1], given[0]), who)


def code(stack: Stack, who: str) -> Held:
    app, codes = new_app(stack, client_name=who), list[str]()
    key = new_name(stack, "mcp:*:code:*", lambda: codes.append(code_for(stack, app)))
    return Held(key, None, lambda: app.token(app.redemption(codes[0])), who)


def ticket(stack: Stack, who: str) -> Held:
    app, person, pages = new_app(stack, client_name=who), Person(stack.url), list[httpx2.Response]()
    key = new_name(stack, "mcp:ask:*", lambda: pages.append(authorize(person, app)))
    form = {"ticket": ticket_of(pages[0]), "decision": "allow", "provider": "local"}
    return Held(key, None, lambda: person.post("/oauth/consent", form), app.state)


def visit(stack: Stack, who: str) -> Held:
    app, person, states = new_app(stack, client_name=who), Person(stack.url), list[str]()
    key = new_name(stack, "mcp:state:*", lambda: states.append(leave(person, app)))
    arriving = type_code(stack, person, states[0])
    return Held(key, None, lambda: person.get(arriving), app.state)


HELD: dict[str, tuple[Callable[[Stack, str], Held], int]] = {
    "session": (session, 404),
    "result": (result, 400),
    "task's record": (lambda stack, who: task(stack, who, "task", "record"), 400),
    "grant": (grant, 401),
    "authorization code": (code, 400),
    "consent page": (ticket, 403),
    "sign-in": (visit, 400),
}
"""What is sealed, and the status of what is unknown."""


def tamper(stack: Stack, how: str, one: Held, other: Held) -> None:
    """Change what both are, in place and with their lives."""
    with _client(stack) as client:
        first, second = _read(client, one), _read(client, other)
        if how == SWAPPED:
            _write(client, one, second)
            _write(client, other, first)
            return
        for held, value in ((one, first), (other, second)):
            # Of a task's record the meta is sealed; what of the rest may be changed, its arguments know.
            middle = value.find(b'"sealed":"') + 40 if b'"sealed":"' in value else len(value) // 2
            flipped = value[:middle] + bytes([value[middle] ^ 1]) + value[middle + 1 :]
            _write(client, held, flipped if how == FLIPPED else value[:middle])


def _client(stack: Stack) -> Any:  # redis-py's sync client is half typed
    return redis.Redis.from_url(stack.redis_url)  # pyright: ignore[reportUnknownMemberType]


def _read(client: Any, held: Held) -> bytes:
    value = client.get(held.key) if held.field is None else client.hget(held.key, held.field)
    return cast("bytes", value)


def _write(client: Any, held: Held, value: bytes) -> None:
    if held.field is None:
        client.set(held.key, value, keepttl=True)
    else:
        client.hset(held.key, held.field, value)


def said(stack: Stack) -> str:
    return "".join(program.output() for program in stack.programs)


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("what", list(HELD))
def test_what_was_moved_changed_or_cut_is_not_there(bank: Stack, what: str, how: str):
    """A49: its owner is answered as for what never was, without a word of the other's; a log says that it happened."""
    make, status = HELD[what]
    one, other = make(bank, f"ada-{how}-{what}"), make(bank, f"bob-{how}-{what}")
    before = said(bank)
    tamper(bank, how, one, other)

    answers = [one.ask(), other.ask()]

    assert [answer.status_code for answer in answers] == [status, status]
    for answer in answers:
        assert not [each for each in (one.says, other.says) if each in answer.text + str(answer.headers)]
        assert "code=" not in answer.headers.get("location", "")
    after = said(bank).removeprefix(before)
    assert "sealed value refused" in said(bank)
    assert "Traceback" not in after


@pytest.mark.parametrize("how", HOWS)
def test_an_event_of_another_task_is_not_told(bank: Stack, how: str):
    """A49: the log of a task holds its result; tasks/get fails without a 500, and without the other's."""
    one, other = (task(bank, f"{who}-{how}-log", "log", "") for who in ("ada", "bob"))
    until(lambda: '"completed"' in one.ask().text and '"completed"' in other.ask().text, "both at their end")
    with _client(bank) as client:
        rows = [client.xrange(held.key) for held in (one, other)]
        for held, own, foreign in ((one, *rows), (other, *reversed(rows))):
            client.delete(held.key)
            for (entry, fields), (_, instead) in zip(own, foreign, strict=False):
                value = fields[b"e"]
                changed = {SWAPPED: instead[b"e"], FLIPPED: value[:-1] + bytes([value[-1] ^ 1]), CUT: value[:20]}
                client.xadd(held.key, {"e": changed[how]}, id=entry)
            client.expire(held.key, 60)

    answers = [one.ask(), other.ask()]

    assert [answer.status_code for answer in answers] == [410, 410]
    assert not [each for each in (one.says, other.says) for answer in answers if each in answer.text]
    assert [answer.json()["error"]["code"] for answer in answers] == [-31010, -31010]
