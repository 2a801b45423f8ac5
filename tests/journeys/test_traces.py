"""One call is one trace, from its client's span through the web process and the worker to AWS."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import AsyncGenerator, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from mcp import Client
from pydantic import SecretStr

from api.app import create_app
from api.settings import Settings, WebSettings
from auth.settings import AuthSettings
from storage.seal import new_key
from storage.settings import MetricsSettings, StorageSettings, TraceSettings
from tasks.broker import create_celery
from tasks.job import execute
from tasks.process import ProcessSettings
from tasks.runtime import WorkerRuntime
from tasks.settings import LogSettings, ToolSettings, WorkerSettings
from tests.clients import MODERN, Arrived, Wire, listen, wire
from tests.oauth import new_app, tokens
from tests.servers import Stack, ValkeyServer, free_port, running_stack, until
from tests.spans import id_of, kept_spans, parent_of, trace_of
from tests.sse import call, get, session
from tests.stand_ins.aws import Aws, aws
from tests.stand_ins.collector import CONSUMER, PRODUCER, Collector, Seen, collector

WEB, WORKER = "mcp-playground-web", "mcp-playground-worker"
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"


@dataclass(frozen=True)
class Site:
    stack: Stack
    spans: Collector


@pytest.fixture(scope="module")
def cloud() -> Generator[Aws]:
    with aws() as made:
        made.client("s3").create_bucket(Bucket="shop")
        yield made


@pytest.fixture
def spans() -> Generator[Collector]:
    with collector() as made:
        yield made


@pytest.fixture(scope="module")
def _site(valkey: ValkeyServer, cloud: Aws, tmp_path_factory: pytest.TempPathFactory) -> Generator[Site]:
    with collector() as made:
        settings = {**cloud.environment(), **made.environment()}
        with running_stack(valkey.url(45), tmp_path_factory.mktemp("traces"), settings=settings) as stack:
            yield Site(stack, made)


@pytest.fixture
def site(_site: Site) -> Site:
    """A stack whose spans go to a collector that has seen none of this test yet."""
    _site.spans.spans.clear()
    return _site


def the_chain(spans: Collector, **last: object) -> list[Seen]:
    """A span, and those it is below, the outermost of ours first."""
    found = [spans.one(**last)]
    while found[0].parent not in ("", SPAN):
        found = [spans.one(id=found[0].parent), *found]
    return found


@pytest.mark.parametrize("era", ["handshake", "stateless"])
@pytest.mark.parametrize("where", ["meta", "header", "nowhere"])
def test_a_call_is_one_trace_from_http_to_aws(site: Site, era: str, where: str):
    """Ours, SEP-414: the request, the method, the task, the attempt and the call of AWS, each below the one before."""
    connection = wire(site.stack.mcp_url, era)
    meta = {"traceparent": PARENT, "tracestate": "shop=1"} if where == "meta" else {}
    headers = {"traceparent": PARENT, "tracestate": "shop=1"} if where == "header" else {}

    heard = connection.call("aws_s3", {"operation": "listBuckets"}, meta=meta, headers=headers)

    assert heard.result["isError"] is False, heard.result
    chain = the_chain(site.spans, name="S3.ListBuckets")
    assert [(each.service, each.name) for each in chain] == [
        (WEB, "POST /mcp"),
        (WEB, "tools/call aws_s3"),
        (WEB, "create default"),
        (WORKER, "process default"),
        (WORKER, "S3.ListBuckets"),
    ]
    assert len({each.trace for each in chain}) == 1
    if where == "nowhere":
        assert chain[0].parent == ""
    else:
        assert (chain[0].trace, chain[0].parent, chain[0].state) == (TRACE, SPAN, "shop=1")


def test_what_is_on_the_spans_of_a_call(site: Site):
    """OpenTelemetry's conventions for HTTP, MCP, messaging and the AWS SDK."""
    connection = wire(site.stack.mcp_url, "handshake")

    connection.call("aws_s3", {"operation": "listBuckets"}, request_id="seven")

    request, method, create, process, aws_call = the_chain(site.spans, name="S3.ListBuckets")
    send = site.spans.one(name="send default")
    assert request.attributes == {
        "http.request.method": "POST",
        "http.route": "/mcp",
        "http.response.status_code": 200,
        "network.protocol.version": "1.1",
        "url.scheme": "http",
    }
    session_id = method.attributes["mcp.session.id"]
    assert connection.session is not None
    assert connection.session not in session_id
    assert method.attributes == {
        "mcp.method.name": "tools/call",
        "mcp.protocol.version": "2025-11-25",
        "mcp.session.id": session_id,
        "jsonrpc.request.id": "seven",
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "aws_s3",
        "network.protocol.name": "http",
        "network.transport": "tcp",
    }
    task = create.attributes["messaging.message.id"]
    assert (create.kind, process.kind) == (PRODUCER, CONSUMER)
    assert {each.attributes["messaging.message.id"] for each in (send, process)} == {task}
    assert send.parent == create.id
    assert process.attributes == {
        "messaging.system": "celery",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "default",
        "messaging.message.id": task,
        "gen_ai.tool.name": "aws_s3",
        "mcp_playground.task.attempt": 1,
        "mcp_playground.task.status": "completed",
    }
    assert aws_call.attributes["rpc.service"] == "S3"
    assert [each.name for each in (request, method, create, process, aws_call) if each.failed] == []
    assert request.began <= method.began <= create.began <= process.began
    assert process.ended <= request.ended


def test_a_tool_that_fails_fails_its_spans_by_a_word(site: Site):
    """Ours: and AWS's refusal its own; the request was answered, so it did not fail."""
    connection = wire(site.stack.mcp_url, "stateless")

    heard = connection.call("aws_s3", {"operation": "listObjects", "bucket": "nobodys"})

    assert heard.result["isError"]
    chain = the_chain(site.spans, rpc__method="HeadBucket")
    assert [(each.name, each.failed, each.said) for each in chain] == [
        ("POST /mcp", False, ""),
        ("tools/call aws_s3", True, "tool_error"),
        ("create default", False, ""),
        ("process default", True, "tool_error"),
        ("S3.HeadBucket", True, "missing"),
    ]


@pytest.mark.parametrize("era", ["handshake", "stateless"])
def test_a_refusal_is_told_by_its_code(site: Site, era: str):
    """Ours: and the name that somebody made up by nothing."""
    wire(site.stack.mcp_url, era).call("nobodys_tool", {})

    method = site.spans.one(name="tools/call")
    request = site.spans.one(id=method.parent)
    assert (method.failed, method.said, method.attributes["error.type"]) == (True, "-32602", "-32602")
    assert (request.failed, request.attributes["rpc.response.status_code"]) == (False, "-32602")
    assert "nobodys_tool" not in str(site.spans.spans)


def test_a_message_that_is_none_has_a_span_of_its_request_alone(site: Site):
    """Ours: in a trace of its own, though its sender names another: it was not read."""
    connection = wire(site.stack.mcp_url, "stateless")
    connection.http.post(site.stack.mcp_url, content=b"{", headers={"content-type": "application/json"})

    assert site.spans.one(name="POST /mcp").attributes["rpc.response.status_code"] == "-32700"


def test_health_checks_leave_no_spans(site: Site):
    """Ours: they are many, and say nothing."""
    site.stack.get("/health/ready")
    site.stack.get("/ping")
    site.stack.get("/nowhere")

    site.spans.one(name="GET")
    assert [each.name for each in site.spans.spans] == ["GET"]


def test_log_lines_name_the_span_they_were_written_in(site: Site):
    """OpenTelemetry, trace context in logs: trace_id and span_id, in web and worker."""
    connection = wire(site.stack.mcp_url, "stateless")
    connection.call("streaming", {"count": 1}, meta={"traceparent": f"00-{'c' * 32}-{SPAN}-01"})
    process = site.spans.one(name="process default")
    request = site.spans.one(name="POST /mcp", parent=SPAN)

    def lines(program: str, event: str) -> Iterator[dict[str, Any]]:
        [log] = [each.log for each in site.stack.programs if each.name.startswith(program)]
        for line in log.read_text().splitlines():
            if f'"event": "{event}"' in line and '"trace_id": "' + "c" * 32 in line:
                yield json.loads(line)

    [web], [worker] = list(lines("serve", "request")), list(lines("worker", "job ended"))
    assert (web["trace_id"], web["span_id"]) == (request.trace, request.id)
    assert (worker["trace_id"], worker["span_id"]) == (process.trace, process.id)


def test_who_comes_back_is_linked_to_the_task(site: Site):
    """Ours: a stream that goes on is a request of its own, and says of which call."""
    connection = session(site.stack.mcp_url)
    with call(connection, "streaming", token=1, count=2, intervalMs=100) as stream:
        heard = stream.rest()
    create = site.spans.one(name="create default")
    with get(connection, heard[1].id) as later:
        later.rest()

    [link] = site.spans.one(name="GET /mcp").links
    assert link == (create.trace, create.id)


def test_a_task_that_is_asked_for_is_linked(site: Site):
    """Ours: `tasks/get` is in its client's trace, not in that of the call."""
    connection = wire(site.stack.mcp_url, "stateless")
    capable: dict[str, Any] = {
        "io.modelcontextprotocol/clientCapabilities": {"extensions": {"io.modelcontextprotocol/tasks": {}}}
    }
    connection.call("streaming", {"count": 1})
    create = site.spans.one(name="create default")

    task = create.attributes["messaging.message.id"]
    connection.send("tasks/get", {"taskId": task}, meta=capable, headers={"mcp-name": task})

    asked = site.spans.one(name="tasks/get")
    assert asked.links == ((create.trace, create.id),)
    assert asked.trace != create.trace


def test_a_killed_worker_and_the_next_are_in_one_trace(valkey: ValkeyServer, tmp_path: Path, spans: Collector):
    """Ours: the parent lies with the task; the second attempt is beside the first that nobody ended."""
    with running_stack(valkey.url(46), tmp_path, settings=spans.environment()) as stack:
        params = {"name": "streaming", "arguments": {"count": 6, "intervalMs": 300}}
        with wire(stack.mcp_url, "stateless").open("tools/call", params, meta={"progressToken": 1}) as response:
            events = (each for each in listen(response) if isinstance(each, Arrived))
            next(events)
            os.killpg(stack.programs[0].process.pid, signal.SIGKILL)
            stack.start_worker()
            rest = list(events)
        process = spans.one(name="process default")
        sends = [
            spans.one(name="send default", service=service)
            for service in (WEB, WORKER)
            if spans.find(service=service, name="send default")
        ]
        create = spans.one(name="create default")

    assert "result" in rest[-1].message
    assert process.attributes["mcp_playground.task.attempt"] == 2
    assert (process.trace, process.parent) == (create.trace, create.id)
    assert len(spans.find(name="send default")) >= 2
    assert {each.parent for each in sends} == {create.id}


def test_a_stranger_is_linked_and_a_caller_continued(valkey: ValkeyServer, tmp_path: Path, spans: Collector):
    """Ours: before somebody has signed in nothing of his is taken over, and his flag decides nothing."""
    settings = {**spans.environment(), "MCP_AUTH": "local"}
    with running_stack(valkey.url(47), tmp_path, worker=False, settings=settings) as stack:
        given = tokens(stack, new_app(stack))
        until(lambda: spans.find(http__route="/oauth/token"), "the spans of signing in")
        stranger, caller = Wire(stack.mcp_url), Wire(stack.mcp_url)
        caller.http.headers["authorization"] = f"Bearer {given['access_token']}"
        stranger.send("tools/list", meta={"traceparent": PARENT}, headers={"traceparent": PARENT})
        refused = spans.one(name="POST /mcp", http__response__status_code=401)
        caller.send("tools/list", meta={"traceparent": PARENT})
        method = spans.one(name="tools/list")

    assert (refused.parent, refused.links) == ("", ((TRACE, SPAN),))
    assert refused.trace != TRACE
    assert refused.attributes["rpc.response.status_code"] == "-31007"
    assert the_chain(spans, id=method.id)[0].parent == SPAN
    assert given["access_token"].encode() not in b"".join(spans.raw)


def test_a_process_that_is_stopped_sends_what_it_has(valkey: ValkeyServer, tmp_path: Path, spans: Collector):
    """Ours: within the time it gets anyhow."""
    settings = {**spans.environment(), "OTEL_BSP_SCHEDULE_DELAY": "600000"}
    with running_stack(valkey.url(48), tmp_path, settings=settings) as stack:
        wire(stack.mcp_url, "stateless").call("streaming", {"count": 1})
        assert spans.spans == []

    assert {each.service for each in spans.spans} == {WEB, WORKER}
    assert the_chain(spans, name="process default")[0].name == "POST /mcp"


def test_a_collector_that_does_not_answer_is_in_nobodys_way(valkey: ValkeyServer, tmp_path: Path, spans: Collector):
    """Ours: calls are answered, and the processes end in their time."""
    spans.hold.clear()
    with running_stack(valkey.url(49), tmp_path, settings=spans.environment()) as stack:
        connection = wire(stack.mcp_url, "stateless")
        answers = [connection.call("streaming", {"count": 1}).result["isError"] for _ in range(10)]
        until(lambda: spans.asked, "spans being on their way")
        status = [program.stop(within=10) for program in stack.programs]

    assert answers == [False] * 10
    assert status == [0, 0]


@contextlib.asynccontextmanager
async def in_this_process(valkey: ValkeyServer, folder: Path) -> AsyncGenerator[tuple[str, WorkerRuntime]]:
    """The web application and what a worker runs jobs with, without Celery between them."""
    process = ProcessSettings(
        storage=StorageSettings(redis_url=SecretStr(valkey.url(0)), secret_keys=(SecretStr(new_key()),)),
        tools=ToolSettings(),
        worker=WorkerSettings(),
        log=LogSettings(),
        metrics=MetricsSettings(),
        traces=TraceSettings(),
    )
    settings = Settings(
        storage=process.storage,
        tools=process.tools,
        worker=process.worker,
        log=process.log,
        metrics=process.metrics,
        traces=process.traces,
        web=WebSettings(port=free_port()),
        auth=AuthSettings(),
    )
    server = uvicorn.Server(uvicorn.Config(create_app(settings), port=settings.web.port, log_config=None, ws="none"))
    serving = asyncio.create_task(server.serve())
    runtime = WorkerRuntime(process, create_celery(process.storage))
    await asyncio.to_thread(runtime.start)
    try:
        while not server.started:
            await asyncio.sleep(0.02)
        yield f"http://127.0.0.1:{settings.web.port}/mcp", runtime
    finally:
        server.should_exit = True
        await serving
        await asyncio.to_thread(runtime.stop)


@pytest.mark.parametrize("mode", ["legacy", MODERN])
async def test_one_process_makes_the_same_trace(
    valkey: ValkeyServer, cloud: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
):
    """Ours: every span of a call by the official client, from memory; its own span is the outermost."""
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
    valkey.flush(0)
    with kept_spans() as spans:
        async with in_this_process(valkey, tmp_path) as (url, runtime), Client(url, mode=mode) as client:
            asked = asyncio.create_task(client.call_tool("aws_s3", {"operation": "listBuckets"}))
            task = await asyncio.to_thread(the_task, valkey)
            ending = await asyncio.to_thread(execute, runtime, task)
            result = await asked

    assert (ending, result.is_error) == ("completed", False)
    chain = [spans.one(name="S3.ListBuckets")]
    for name in ("process default", "create default", "tools/call aws_s3"):
        chain = [spans.one(name=name), *chain]
    chain = [next(each for each in spans.find(name="POST /mcp") if id_of(each) == parent_of(chain[0])), *chain]
    assert [parent_of(each) for each in chain[1:]] == [id_of(each) for each in chain[:-1]]
    assert len({trace_of(each) for each in chain}) == 1


def the_task(valkey: ValkeyServer) -> str:
    """The id of the only task there is."""
    with valkey.client(0) as client:
        until(lambda: list(client.scan_iter("mcp:*:task:*")), "a task being accepted")
        [name] = list(client.scan_iter("mcp:*:task:*"))
    return name.decode().rpartition(":")[2]
