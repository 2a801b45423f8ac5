"""Attacks of one principal on another: with ids that were guessed or leaked, and on what needs a scope it lacks."""

import re
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.attacks.doors import bases, door, knock
from tests.attacks.people import as_one, id_of, in_session, let_in, moved, person
from tests.attacks.vault_tools import SCOPE, SECRET
from tests.clients import ACCEPT, Wire, request
from tests.journeys.test_operators import run
from tests.oauth import BASIC, App, new_app, tokens
from tests.servers import Stack, ValkeyServer, until
from tests.sse import Stream, answer, call, get, refused

TOOLS = Path(__file__).parent / "vault_tools.py"
DECLARED: dict[str, Any] = {
    "io.modelcontextprotocol/clientCapabilities": {
        "extensions": {"io.modelcontextprotocol/tasks": {}},
        "elicitation": {},
    }
}
ASKS: dict[str, Any] = {"elicitation": {}}
NOBODYS = "0" * 32
ADA = {"action": "accept", "content": {"name": "Ada"}}


@pytest.fixture(scope="module")
def tenants(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    """Two replicas and a worker with tools that need a scope of their own, and such that need none."""
    with door(
        valkey,
        46,
        tmp_path_factory.mktemp("tenants"),
        MCP_TOOL_MODULES=str(TOOLS),
        MCP_RESULT_INLINE_LIMIT="2000",
        MCP_EXPERIMENTAL_TASKS="true",
        MCP_AUTH_REFRESH_GRACE="0",
    ) as running:
        yield running


ADA_AT_HOME = person("ada", "one client")
OTHERS = {
    "another person with the same client": person("eve", "one client"),
    "the same person with another client": person("ada", "another client"),
    "a person of another issuer": type(ADA_AT_HOME)(client_id="one client", issuer="elsewhere", subject="ada"),
}


@pytest.fixture(params=sorted(OTHERS))
def other(request: pytest.FixtureRequest) -> Any:
    """Everybody that is not Ada with this client."""
    return OTHERS[request.param]


def shape(response: httpx2.Response, *hidden: str) -> tuple[int, dict[str, str], str]:
    """An answer without what differs from one to the next, and without the id that was asked about."""
    changing = ("x-request-id", "date", "content-length")
    headers = {name: value for name, value in response.headers.items() if name not in changing}
    text = response.text
    for each in hidden:
        text = text.replace(each, "ID")
    return response.status_code, headers, text


def post(wire: Wire, method: str, params: dict[str, Any] | None = None, **meta: Any) -> httpx2.Response:
    """One request, and all that is answered to it."""
    full = wire.params(params, meta)
    return wire.http.post(wire.url, json=request(method, full), headers=wire.headers(method, full))


def ways_into_a_session(wire: Wire, event: str) -> Iterator[httpx2.Response]:
    """Every method and kind of message, with this wire's token and session."""
    headers = wire.headers("", {})
    bodies: list[dict[str, Any]] = [
        request("ping"),
        request("tools/list"),
        request("tools/call", {"name": "echo", "arguments": {"message": "x"}}),
        request("logging/setLevel", {"level": "debug"}),
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}},
        {"jsonrpc": "2.0", "id": "x", "result": {}},
    ]
    for body in bodies:
        yield wire.http.post(wire.url, json=body, headers=headers)
    yield refused(wire)
    yield refused(wire, event)
    yield refused(wire, f"{NOBODYS}_0-0")
    yield wire.http.delete(wire.url, headers=headers)


def test_a_session_of_another_principal_does_not_exist(tenants: Stack, other: Any):
    """A41, A42: CVE-2026-33946; 404 in the very bytes of an unknown id, for every method, on both replicas."""
    mine, theirs = let_in(tenants, [ADA_AT_HOME, other])
    here, there = tenants.mcp_urls
    session = in_session(here, mine)
    with call(session, "say", word="canary", token=1) as stream:
        event = id_of(stream.rest()[-1])

    for url in (here, there):
        stolen = [shape(each) for each in ways_into_a_session(moved(session, url, theirs), event)]
        made_up = as_one(url, theirs, session=f"{session.session}"[:-4] + "AAAA")
        assert stolen == [shape(each) for each in ways_into_a_session(made_up, event)]
        assert {status for status, _, _ in stolen} == {404}
        assert "canary" not in str(stolen)

    assert moved(session, there).send("ping").result == {}
    with get(moved(session, there), event) as stream:
        assert stream.status == 200


def test_an_event_of_another_principal_leads_nowhere_in_a_session_of_ones_own(tenants: Stack, other: Any):
    """A42: the id of a call's stream, and of a standalone one, on both replicas: as one that was never sent."""
    mine, theirs = let_in(tenants, [ADA_AT_HOME, other])
    session = in_session(tenants.mcp_url, mine)
    with call(session, "say", word="canary", token=1) as stream:
        event = id_of(stream.rest()[0])

    for url in tenants.mcp_urls:
        own = in_session(url, theirs)
        stolen, made_up = refused(own, event), refused(own, f"{NOBODYS}_0-0")
        assert shape(stolen) == shape(made_up)
        assert stolen.status_code == 400
        assert "canary" not in stolen.text


def test_two_hundred_principals_with_one_request_id_get_their_own(tenants: Stack):
    """A43: CVE-2026-25536; everybody says id 1 at the same time, on two replicas, and hears their own canary."""
    bearers = let_in(tenants, [person(f"person-{number}") for number in range(200)])
    limits = httpx2.Limits(max_connections=50)
    envelope: dict[str, Any] = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }

    def say(item: tuple[int, str]) -> str:
        number, token = item
        params: dict[str, Any] = {"name": "echo", "arguments": {"message": f"canary-{number}."}, "_meta": envelope}
        headers = {**ACCEPT, "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "echo"}
        url = tenants.mcp_urls[number % 2]
        return http.post(
            url, json=request("tools/call", params), headers=headers | {"authorization": f"Bearer {token}"}
        ).text

    with httpx2.Client(timeout=60, limits=limits) as http, ThreadPoolExecutor(50) as pool:
        heard = list(pool.map(say, enumerate(bearers)))

    assert [set(re.findall(r"canary-\d+", text)) for text in heard] == [{f"canary-{n}"} for n in range(200)]


def test_streams_of_many_principals_with_one_request_id_do_not_mix(tenants: Stack):
    """A43: sessions on two replicas, one worker, the same id and progress token: every event reaches its own caller."""
    bearers = let_in(tenants, [person(f"streams-{number}") for number in range(30)])
    sessions = [in_session(tenants.mcp_urls[number % 2], token) for number, token in enumerate(bearers)]

    def say(item: tuple[int, Wire]) -> str:
        number, wire = item
        with call(wire, "say", word=f"canary-{number}.", steps=3, token=1) as stream:
            return str([event.message for event in stream.rest(within=60)])

    with ThreadPoolExecutor(len(sessions)) as pool:
        heard = list(pool.map(say, enumerate(sessions)))

    assert [set(re.findall(r"canary-\d+", text)) for text in heard] == [{f"canary-{n}"} for n in range(30)]
    assert all("progressToken" in text for text in heard)


@dataclass(frozen=True)
class Held:
    """What somebody has: tasks that run and have ended, a large result, an echo, and what waits for an answer."""

    running: str
    ended: str
    echo: str
    state: str

    @property
    def ids(self) -> tuple[str, ...]:
        return (self.running, self.ended, self.echo)


def held_by(tenants: Stack, token: str, prefix: str = "say_later", **arguments: Any) -> Held:
    wire = as_one(tenants.mcp_url, token)

    def start(tool: str, **given: Any) -> dict[str, Any]:
        return wire.call(tool, given, meta=DECLARED).result

    running = start(prefix, steps=600, **arguments)["taskId"]
    ended = start(prefix, **arguments)["taskId"]
    echo = start("echo", message="canary")["content"][2]["uri"].rpartition("/")[2]
    question = start("vault_ask" if prefix == "vault_task" else "ask")["requestState"]
    until(lambda: task(wire, "get", ended).json()["result"]["status"] == "completed", "the end of the task")
    return Held(running, ended, echo, question)


def task(wire: Wire, method: str, task_id: str) -> httpx2.Response:
    params: dict[str, Any] = {"taskId": task_id, **({"inputResponses": {}} if method == "update" else {})}
    return post(wire, f"tasks/{method}", params, **DECLARED)


def tool(wire: Wire, name: str, job: str) -> httpx2.Response:
    return post(wire, "tools/call", {"name": name, "arguments": {"jobId": job}})


def listens(wire: Wire, task_id: str) -> str:
    """What a listener to a task is told first, whatever it is."""
    params = wire.params({"notifications": {"taskIds": [task_id], "toolsListChanged": True}}, DECLARED)
    headers = wire.headers("subscriptions/listen", params)
    body = request("subscriptions/listen", params)
    with wire.http.stream("POST", wire.url, json=body, headers=headers) as response:
        if response.status_code != 200:
            return f"{response.status_code} {response.read().decode()}"
        return str(Stream(response).message().message).replace(task_id, "ID")


def about(wire: Wire, session: Wire, name: str) -> list[Any]:
    """What is answered to every question about the task, job or result *name*, in both eras."""
    asked = [
        *(task(wire, method, name) for method in ("get", "update", "cancel")),
        *(post(session, f"tasks/{method}", {"taskId": name}) for method in ("get", "result", "cancel")),
        *(tool(each, f"job_{what}", name) for each in (wire, session) for what in ("status", "result", "cancel")),
        *(
            post(each, "resources/read", {"uri": f"{prefix}{name}"})
            for each in (wire, session)
            for prefix in ("result://", "echo://result/", "result://x/")
        ),
        refused(session, f"{name}_0-0"),
    ]
    return [*(shape(each, name) for each in asked), listens(wire, name)]


def test_a_task_of_another_principal_does_not_exist(tenants: Stack, other: Any):
    """A44: CVE-2026-52870; every method, tool and resource answers as for an id that nobody has, on both replicas."""
    mine, theirs = let_in(tenants, [ADA_AT_HOME, other])
    held = held_by(tenants, mine, word="canary")
    own = as_one(tenants.mcp_url, mine)

    for url in tenants.mcp_urls:
        wire, session = as_one(url, theirs), in_session(url, theirs)
        unknown = about(wire, session, NOBODYS)
        for name in held.ids:
            assert about(wire, session, name) == unknown
        assert "canary" not in str(unknown)
        assert wire.call("job_list", {}).result["structuredContent"] == {"jobs": []}
        assert post(session, "tasks/list").json()["result"] == {"tasks": []}

    assert task(own, "get", held.running).json()["result"]["status"] == "working"
    listed = own.call("job_list", {}).result["structuredContent"]["jobs"]
    assert {held.running, held.ended} <= {job["jobId"] for job in listed}
    assert "canary" in post(own, "resources/read", {"uri": f"result://{held.ended}"}).text
    assert "canary" in post(own, "resources/read", {"uri": f"echo://result/{held.echo}"}).text
    task(own, "cancel", held.running)


def test_the_state_of_anothers_question_is_no_state(tenants: Stack, other: Any):
    """A44: `requestState` is bound to its principal; the task that waits goes on waiting for whoever was asked."""
    mine, theirs = let_in(tenants, [ADA_AT_HOME, other])
    asked = as_one(tenants.mcp_url, mine).call("ask", {}, meta=DECLARED).result
    key = next(iter(asked["inputRequests"]))

    def go_on(url: str, token: str, state: str) -> httpx2.Response:
        params = {"name": "ask", "arguments": {}, "requestState": state, "inputResponses": {key: ADA}}
        return post(as_one(url, token), "tools/call", params, **DECLARED)

    for url in tenants.mcp_urls:
        stolen = go_on(url, theirs, asked["requestState"])
        assert shape(stolen) == shape(go_on(url, theirs, "made up"))
        assert stolen.json()["error"]["code"] == -32602

    assert "asked" in go_on(tenants.mcp_urls[1], mine, asked["requestState"]).text


def test_anothers_question_is_not_answered_from_a_session_of_ones_own(tenants: Stack, other: Any):
    """A41: nor a call of theirs cancelled, though both sessions use the same request id."""
    mine, theirs = let_in(tenants, [ADA_AT_HOME, other])
    session = in_session(tenants.mcp_url, mine, ASKS)
    with call(session, "ask") as stream:
        question = stream.message()
        for url in tenants.mcp_urls:
            own = in_session(url, theirs, ASKS)
            own.notify("notifications/cancelled", {"requestId": 1})
            stolen = answer(own, question, name="Eve")
            assert stolen.status_code == 400
            assert "No question with this id" in stolen.text

        assert answer(session, question, name="Ada").status_code == 202
        assert stream.message().text == "asked"


def test_an_idempotency_key_is_ones_own(tenants: Stack, other: Any):
    """A44: the key of another principal finds nothing, and is no conflict with other arguments."""
    mine, theirs = let_in(tenants, [ADA_AT_HOME, other])
    key = {"mcp-server-playground/idempotencyKey": f"key-{time.monotonic_ns()}"}

    def start(url: str, token: str, word: str) -> dict[str, Any]:
        return as_one(url, token).call("say_later", {"word": word, "steps": 2}, meta=DECLARED | key).result

    here, there = tenants.mcp_urls
    first, again = start(here, mine, "mine"), start(there, mine, "mine")
    same, another = start(there, theirs, "mine"), start(here, theirs, "mine")

    assert first["taskId"] == again["taskId"]
    assert same["taskId"] == another["taskId"] != first["taskId"]
    assert as_one(here, let_in(tenants, [person("third")])[0]).call(
        "say_later", {"word": "other", "steps": 2}, meta=DECLARED | key
    ).result["taskId"] not in (first["taskId"], same["taskId"])


@dataclass(frozen=True)
class Vault:
    """What a principal came to with the scope, and its wires with a token that lacks it."""

    held: Held
    large: str
    event: str
    session: Wire
    wide: str
    narrow: str


@pytest.fixture(scope="module")
def opened(tenants: Stack) -> Vault:
    """One principal with two tokens."""
    somebody = person("somebody")
    wide, narrow = (let_in(tenants, [somebody], scopes)[0] for scopes in (f"{BASIC} {SCOPE}", BASIC))
    held = held_by(tenants, wide, "vault_task")
    large = as_one(tenants.mcp_url, wide).call("vault_large", {}).result["content"][1]["uri"].removeprefix("result://")
    session = in_session(tenants.mcp_url, wide, ASKS)
    with call(session, "vault", token=1) as stream:
        event = id_of(stream.rest()[0])
    return Vault(held, large, event, session, wide, narrow)


def wires(vault: Vault, url: str, token: str) -> tuple[Wire, Wire]:
    """The stateless one, and the session's."""
    return as_one(url, token), moved(vault.session, url, token)


def go_on(wire: Wire, vault: Vault, name: str) -> httpx2.Response:
    params = {"name": name, "arguments": {}, "requestState": vault.held.state, "inputResponses": {"x": ADA}}
    return post(wire, "tools/call", params, **DECLARED)


def listen_to(wire: Wire, *task_ids: str) -> httpx2.Response:
    return post(wire, "subscriptions/listen", {"notifications": {"taskIds": list(task_ids)}}, **DECLARED)


Way = Callable[[Vault, Wire, Wire], httpx2.Response]
PATHS: dict[str, Way] = {
    "call": lambda v, wire, session: post(wire, "tools/call", {"name": "vault", "arguments": {}}),
    "call in a session": lambda v, wire, session: post(session, "tools/call", {"name": "vault", "arguments": {}}),
    "call inline": lambda v, wire, session: post(wire, "tools/call", {"name": "vault_inline", "arguments": {}}),
    "call with bad arguments": lambda v, wire, session: post(
        wire, "tools/call", {"name": "vault", "arguments": {"x": 1}}
    ),
    "call as a task": lambda v, wire, session: post(
        wire, "tools/call", {"name": "vault_task", "arguments": {}}, **DECLARED
    ),
    "call as a legacy task": lambda v, wire, session: post(
        session, "tools/call", {"name": "vault", "arguments": {}, "task": {"ttl": 60_000}}
    ),
    "continue": lambda v, wire, session: go_on(wire, v, "vault_ask"),
    "resume": lambda v, wire, session: refused(session, v.event),
    **{
        f"tasks/{method} {which}": lambda v, wire, session, method=method, which=which: task(
            wire, method, getattr(v.held, which)
        )
        for method in ("get", "update", "cancel")
        for which in ("running", "ended")
    },
    **{
        f"legacy tasks/{method}": lambda v, wire, session, method=method: post(
            session, f"tasks/{method}", {"taskId": v.held.ended}
        )
        for method in ("get", "result", "cancel")
    },
    **{
        f"job_{what} {era}": lambda v, wire, session, what=what, era=era: tool(
            wire if era == "stateless" else session, f"job_{what}", v.held.ended
        )
        for what in ("status", "result", "cancel")
        for era in ("stateless", "session")
    },
    **{
        f"read {prefix} {era}": lambda v, wire, session, prefix=prefix, era=era: post(
            wire if era == "stateless" else session, "resources/read", {"uri": f"{prefix}{v.large}"}
        )
        for prefix in ("result://", "echo://result/")
        for era in ("stateless", "session")
    },
    "read a document of a result": lambda v, wire, session: post(
        wire, "resources/read", {"uri": f"result://{v.large}/evidence"}
    ),
    "subscribe to a result": lambda v, wire, session: post(
        session, "resources/subscribe", {"uri": f"result://{v.large}"}
    ),
    "listen": lambda v, wire, session: listen_to(wire, v.held.ended),
    "listen to several": lambda v, wire, session: listen_to(wire, NOBODYS, v.held.running),
}


@pytest.mark.parametrize("way", PATHS)
def test_what_needs_a_scope_needs_it_on_every_way(tenants: Stack, opened: Vault, way: str):
    """A46: the same principal without the scope: 403 on both replicas, with all that is needed and all there was."""
    for url in tenants.mcp_urls:
        denied = PATHS[way](opened, *wires(opened, url, opened.narrow))

        assert denied.status_code == 403, denied.text
        assert denied.json()["error"]["code"] == -31008
        assert SECRET not in denied.text
        challenge = denied.headers["www-authenticate"]
        assert challenge.startswith('Bearer error="insufficient_scope"')
        assert set(re.findall(r'scope="([^"]*)"', challenge)[0].split()) == {*BASIC.split(), SCOPE}
        assert f'resource_metadata="{tenants.url}/.well-known/oauth-protected-resource/mcp"' in challenge


def test_a_task_of_another_principal_does_not_tell_its_scope(tenants: Stack, opened: Vault):
    """A44: who lacks the scope learns no more than who has it: 403 would say that there is such a task."""
    token = let_in(tenants, [person("eve")])[0]
    wire, session = as_one(tenants.mcp_url, token), in_session(tenants.mcp_url, token)

    unknown = about(wire, session, NOBODYS)

    for name in (*opened.held.ids, opened.large):
        assert about(wire, session, name) == unknown


@pytest.mark.parametrize("uri", ["result://x/{}", "RESULT://{}", "result:///{}", "echo://result/x/{}", "result://{}/"])
def test_another_spelling_of_a_result_is_no_way_around_its_scope(tenants: Stack, opened: Vault, uri: str):
    """A46: what the guard reads as something else, the resources do not read as the result."""
    read = {
        name: post(as_one(tenants.mcp_url, token), "resources/read", {"uri": uri.format(opened.large)})
        for name, token in (("narrow", opened.narrow), ("wide", opened.wide))
    }

    assert read["narrow"].status_code in (400, 403)
    assert SECRET not in read["narrow"].text
    assert SECRET not in read["wide"].text


def test_the_state_of_a_question_does_not_open_another_tool(tenants: Stack, opened: Vault):
    """A46: a tool that needs no scope, with the state of one that does, is refused as with a made up state."""
    wire = as_one(tenants.mcp_url, opened.narrow)

    answers = [go_on(wire, opened, name) for name in ("ask", "say", "job_result")]

    assert [each.json()["error"]["code"] for each in answers if "error" in each.json()] == [-32602] * len(answers)
    assert SECRET not in str([each.text for each in answers])


def test_with_the_scope_every_way_is_open(tenants: Stack, opened: Vault):
    """A46, the good case: none of these is refused for another reason."""
    wire, session = wires(opened, tenants.mcp_urls[1], opened.wide)
    ways = (
        "call",
        "call inline",
        "tasks/get ended",
        "legacy tasks/result",
        "job_result session",
        "read result:// session",
    )

    answers = {way: PATHS[way](opened, wire, session) for way in ways}

    assert {way: each.status_code for way, each in answers.items()} == dict.fromkeys(ways, 200)
    assert all(SECRET in each.text for each in answers.values())
    with get(session, opened.event) as stream:
        assert SECRET in str(stream.rest())


@pytest.mark.parametrize(
    ("scope", "method", "params"),
    [
        ("mcp:tools", "tools/list", {}),
        ("mcp:tools", "tools/call", {"name": "echo", "arguments": {"message": "x"}}),
        ("mcp:tools", "tasks/get", {"taskId": NOBODYS}),
        ("mcp:tools", "subscriptions/listen", {"notifications": {"taskIds": [NOBODYS]}}),
        ("mcp:prompts", "prompts/list", {}),
        ("mcp:prompts", "prompts/get", {"name": "echo", "arguments": {"message": "x"}}),
        (
            "mcp:prompts",
            "completion/complete",
            {"ref": {"type": "ref/prompt", "name": "echo"}, "argument": {"name": "message", "value": "h"}},
        ),
        ("mcp:resources", "resources/list", {}),
        ("mcp:resources", "resources/templates/list", {}),
        ("mcp:resources", "resources/read", {"uri": "echo://documentation"}),
        (
            "mcp:resources",
            "completion/complete",
            {
                "ref": {"type": "ref/resource", "uri": "echo://result/{resultId}"},
                "argument": {"name": "resultId", "value": "h"},
            },
        ),
        (
            "mcp:resources",
            "subscriptions/listen",
            {"notifications": {"resourceSubscriptions": ["echo://documentation"]}},
        ),
    ],
)
def test_every_kind_of_offer_needs_its_scope(tenants: Stack, scope: str, method: str, params: dict[str, Any]):
    """A46: listing, reading, completing and listening alike."""
    rest = " ".join(each for each in BASIC.split() if each != scope)
    token = let_in(tenants, [person("partly")], rest)[0]

    denied = [post(as_one(url, token), method, params, **DECLARED) for url in tenants.mcp_urls]

    for each in denied:
        assert each.status_code == 403, each.text
        assert set(re.findall(r'scope="([^"]*)"', each.headers["www-authenticate"])[0].split()) == set(BASIC.split())


@contextmanager
def everything_open(tenants: Stack, token: str) -> Generator[dict[str, Stream]]:
    """One of every kind of stream with this token, on the replicas in turn; each has begun."""
    here, there = tenants.mcp_urls
    long: dict[str, Any] = {"name": "say", "arguments": {"word": "x", "steps": 500}}
    job = as_one(here, token).call("say_later", {"word": "x", "steps": 500}, meta=DECLARED).result["taskId"]
    with ExitStack() as stack:

        def posted(wire: Wire, method: str, params: dict[str, Any], meta: dict[str, Any]) -> Stream:
            return Stream(stack.enter_context(wire.open(method, params, meta=meta)))

        other = in_session(there, token)
        with call(other, "say", word="x", steps=500, token=2) as broken:
            event = id_of(broken.message())
        progress = {"progressToken": 1}
        streams = {
            "a call": posted(as_one(there, token), "tools/call", long, progress),
            "a job": posted(
                as_one(here, token), "tools/call", {"name": "job_result", "arguments": {"jobId": job}}, progress
            ),
            "a listener": posted(
                as_one(there, token), "subscriptions/listen", {"notifications": {"toolsListChanged": True}}, {}
            ),
            "a listener to a task": posted(
                as_one(here, token), "subscriptions/listen", {"notifications": {"taskIds": [job]}}, DECLARED
            ),
            "a call in a session": stack.enter_context(
                call(in_session(there, token), "say", word="x", steps=500, token=1)
            ),
            "a standalone stream": stack.enter_context(get(in_session(there, token))),
            "another standalone stream": stack.enter_context(get(in_session(here, token))),
            "a resumed stream": stack.enter_context(get(moved(other, here), event)),
        }
        for stream in streams.values():
            assert stream.status == 200
            stream.next()
        yield streams


def by_refresh_token(stack: Stack, app: App, given: dict[str, Any]) -> None:
    form = {"token": given["refresh_token"], "client_id": app.client_id}
    assert httpx2.post(f"{bases(stack)[0]}/oauth/revoke", data=form).status_code == 200


def by_access_token(stack: Stack, app: App, given: dict[str, Any]) -> None:
    form = {"token": given["access_token"], "client_id": app.client_id}
    assert httpx2.post(f"{bases(stack)[0]}/oauth/revoke", data=form).status_code == 200


def by_operator(stack: Stack, app: App, given: dict[str, Any]) -> None:
    assert "1 revoked" in run(stack, "grants", "revoke", "--client", app.client_id)


def by_replay(stack: Stack, app: App, given: dict[str, Any]) -> None:
    newer = app.refresh(given["refresh_token"]).json()
    assert app.refresh(newer["refresh_token"]).status_code == 200
    assert app.refresh(given["refresh_token"]).status_code == 400


@pytest.mark.parametrize("how", [by_refresh_token, by_access_token, by_operator, by_replay])
def test_what_is_open_ends_when_the_grant_does(tenants: Stack, how: Callable[[Stack, App, dict[str, Any]], None]):
    """A47: every kind of stream of both eras, on both replicas, within two seconds; the next call is 401."""
    app = new_app(tenants)
    given = tokens(tenants, app)
    with everything_open(tenants, given["access_token"]) as streams:
        how(tenants, app, given)
        revoked = time.monotonic()

        left = {name: stream.rest(within=10) for name, stream in streams.items()}

        took = time.monotonic() - revoked
        after = [knock(url, given["access_token"]).status_code for url in tenants.mcp_urls]
    assert took < 3
    assert after == [401, 401]
    for name in ("a call", "a job", "a call in a session"):
        last = left[name][-1].message
        assert last is not None
        assert last["error"]["code"] == -31009, name


def test_what_is_open_for_another_grant_goes_on(tenants: Stack):
    """A47: of the same person and client too."""
    one, two = let_in(tenants, [ADA_AT_HOME] * 2)
    app = new_app(tenants)
    given = tokens(tenants, app)
    wire = as_one(tenants.mcp_urls[1], two)
    long: dict[str, Any] = {"name": "say", "arguments": {"word": "x", "steps": 15}}
    with wire.open("tools/call", long, meta={"progressToken": 1}) as response:
        stream = Stream(response)
        stream.next()
        by_refresh_token(tenants, app, given)

        assert stream.rest()[-1].text == "x"
    assert knock(tenants.mcp_url, one).status_code == 200
