"""What Prometheus is told after a known workload, by a web process and by a worker."""

import re
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psutil
import pytest

from tests.clients import Wire, listen, wire
from tests.oauth import new_app, tokens
from tests.scraped import Scraped, scrape
from tests.servers import Stack, ValkeyServer, free_port, running_stack, until

SECRET = "nobody-may-read-this"


@dataclass(frozen=True)
class Site:
    stack: Stack
    web_port: int
    worker_port: int

    def web(self) -> Scraped:
        return scrape(self.web_port)

    def worker(self) -> Scraped:
        return scrape(self.worker_port)


def a_site(stack: Stack) -> Site:
    ports = {role: int(settings["MCP_METRICS_PORT"]) for role, settings in stack.roles.items()}
    return Site(stack, ports["serve"], ports["worker"])


def on_ports() -> dict[str, dict[str, str]]:
    return {role: {"MCP_METRICS_PORT": str(free_port())} for role in ("serve", "worker")}


@pytest.fixture(scope="module")
def site(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Site]:
    """A stack of which each test measures what it adds itself."""
    valkey.flush(41)
    with running_stack(valkey.url(41), tmp_path_factory.mktemp("metrics"), roles=on_ports()) as stack:
        yield a_site(stack)


def streamed(connection: Wire, count: int) -> None:
    heard = connection.call("streaming", {"count": count, "intervalMs": 100}, token="t")
    assert len(heard.progress) == count


@pytest.mark.parametrize("era", ["handshake", "stateless"])
def test_calls_are_counted_from_the_request_to_the_ending(site: Site, era: str):
    """Ours: three calls are three requests, three tasks, three waits, three first events, and their events' ways."""
    before, worked = site.web(), site.worker()
    connection = wire(site.stack.mcp_url, era)
    for _ in range(3):
        streamed(connection, 4)

    def added(sample: str, **labels: str) -> float:
        return site.web().value(sample, **labels) - before.value(sample, **labels)

    def done(sample: str, **labels: str) -> float:
        return site.worker().value(sample, **labels) - worked.value(sample, **labels)

    until(lambda: done("mcp_tasks_total", tool="streaming", status="completed") == 3, "three endings counted")
    called = {"method": "POST", "route": "/mcp", "rpc": "tools/call", "status": "200"}
    until(lambda: added("mcp_http_requests_total", **called) == 3, "three requests counted")
    assert added("mcp_tasks_accepted_total", tool="streaming") == 3
    assert added("mcp_first_event_seconds_count") == 3
    assert added("mcp_event_delivery_seconds_count") == 12
    assert 0 <= added("mcp_event_delivery_seconds_sum") < 12
    assert added("mcp_sessions_started_total") == (1 if era == "handshake" else 0)
    assert done("mcp_queue_wait_seconds_count", queue="default") == 3
    assert done("mcp_task_attempt_seconds_count", tool="streaming") == 3
    assert done("mcp_task_attempt_seconds_sum", tool="streaming") >= 3 * 3 * 0.1
    assert site.web().value("mcp_tasks_unfinished") == site.worker().value("mcp_tasks_unfinished") == 0


def test_a_stream_counts_while_it_is_open_and_its_task_while_it_runs(site: Site):
    """Ours: and no longer, whoever ended it."""
    connection = wire(site.stack.mcp_url, "stateless")
    params = {"name": "streaming", "arguments": {"count": 50, "intervalMs": 100}}

    with connection.open("tools/call", params, meta={"progressToken": "t"}) as response:
        heard = listen(response)
        next(heard)
        assert site.web().value("mcp_streams_open", route="/mcp") == 1
        assert site.worker().value("mcp_tasks_unfinished") == 1

    until(lambda: site.web().value("mcp_streams_open") == 0, "the stream being closed")
    until(lambda: site.web().value("mcp_tasks_unfinished") == 0, "the task being cancelled")
    assert site.worker().value("mcp_tasks_total", tool="streaming", status="cancelled") == 1


def test_what_is_refused_is_counted_by_its_reason(site: Site):
    """Ours: a Host of somebody else, an Origin of somebody else, and what is no JSON."""
    url, json = site.stack.mcp_url, {"content-type": "application/json"}
    before = site.web()

    httpx2.post(url, content=b"{}", headers={"host": "elsewhere.example"})
    httpx2.post(url, content=b"{}", headers={"origin": "https://elsewhere.example"})
    httpx2.post(url, content=b"{", headers=json)

    after = site.web()
    added = {
        reason: after.value("mcp_refusals_total", reason=reason) - before.value("mcp_refusals_total", reason=reason)
        for reason in after.labels("mcp_refusals_total", "reason")
    }
    assert {reason: count for reason, count in added.items() if count} == {"host": 1, "origin": 1, "invalid": 1}


def test_what_somebody_makes_up_is_no_label(site: Site):
    """Ours: a path, a method or a tool of nobody's makes no series, and nothing that was sent is shown."""
    connection = wire(site.stack.mcp_url, "stateless")
    connection.send(f"{SECRET}/method")
    connection.call(SECRET, {"said": SECRET})
    connection.call("echo", {"message": SECRET})
    httpx2.get(f"{site.stack.url}/{SECRET}")
    httpx2.request("PROPFIND", f"{site.stack.url}/")

    said = site.web()

    assert SECRET not in said.text + site.worker().text
    assert said.labels("mcp_http_requests_total", "method") <= {"GET", "POST", "other"}
    assert said.value("mcp_http_requests_total", rpc="other") >= 1
    assert said.value("mcp_http_requests_total", route="other") >= 2


def test_both_say_what_lies_in_redis(site: Site):
    """Ours: queues, workers and tasks are the same whoever is asked."""
    for said in (site.web(), site.worker()):
        assert said.value("mcp_redis_up") == 1
        assert said.value("mcp_workers_alive", queue="default") == 1
        assert said.value("mcp_queue_depth", queue="default") == 0
        assert said.value("mcp_tasks_overdue") == 0


def test_the_public_port_shows_no_metrics(site: Site):
    """Ours: they are on a port of their own, which a proxy does not forward."""
    assert site.stack.get("/metrics") == 404


def test_without_a_port_there_is_none(valkey: ValkeyServer, tmp_path: Path):
    """Ours: off until it is asked for."""
    with running_stack(valkey.url(42), tmp_path, worker=False) as stack:
        listening = _listening(stack.programs[0].process.pid)

    assert listening == {stack.port}


def test_a_queue_without_workers_grows_and_its_jobs_are_seen_to_wait(valkey: ValkeyServer, tmp_path: Path):
    """Ours: what autoscaling and the alerts go by."""
    valkey.flush(43)
    with running_stack(valkey.url(43), tmp_path, worker=False, roles=on_ports(), MCP_NO_WORKER_TIMEOUT="0") as stack:
        site = a_site(stack)
        connection = wire(stack.mcp_url, "stateless")
        with connection.open("tools/call", {"name": "streaming", "arguments": {"count": 1}}) as response:
            until(lambda: site.web().value("mcp_queue_depth", queue="default") >= 1, "a job in the queue")
            assert site.web().value("mcp_workers_alive", queue="default") == 0
            stack.start_worker()
            assert any("result" in each.message for each in listen(response) if not isinstance(each, str))
        assert site.worker().value("mcp_queue_wait_seconds_sum", queue="default") > 0.1
        until(lambda: site.web().value("mcp_queue_depth", queue="default") == 0, "an empty queue")


def test_a_port_that_is_taken_ends_the_start_with_a_sentence(valkey: ValkeyServer, tmp_path: Path):
    """Ours: two processes of one machine need two ports, and the second says so."""
    with running_stack(valkey.url(42), tmp_path, worker=False, roles=on_ports()) as stack:
        stack.roles = {"worker": stack.roles["serve"]}
        status, said = stack.run("worker")

    assert status != 0
    assert re.search(r"MCP_METRICS_PORT is \d+, which cannot be used", said)
    assert "Traceback" not in said


def test_tokens_are_counted_by_how_they_were_asked_for(valkey: ValkeyServer, tmp_path: Path):
    """Ours: a sign-in, a refresh, and a refresh token of nobody."""
    valkey.flush(44)
    settings = {"MCP_AUTH": "local"}
    with running_stack(valkey.url(44), tmp_path, worker=False, settings=settings, roles=on_ports()) as stack:
        app = new_app(stack)
        given = tokens(stack, app)
        assert app.refresh(given["refresh_token"]).status_code == 200
        assert app.refresh("made-up").status_code == 400
        assert Wire(stack.mcp_url).send("tools/list").status == 401
        said = a_site(stack).web()

    assert said.value("mcp_oauth_tokens_issued_total", grant_type="authorization_code") == 1
    assert said.value("mcp_oauth_tokens_issued_total", grant_type="refresh_token") == 1
    assert said.value("mcp_refusals_total", reason="oauth_invalid_grant") == 1
    assert said.value("mcp_refusals_total", reason="unauthorized") == 1
    assert given["access_token"] not in said.text


def _listening(pid: int) -> set[int]:

    return {each.laddr.port for each in psutil.Process(pid).net_connections("tcp") if each.status == "LISTEN"}
