"""A real Prometheus, configured as docker-compose.yml configures it, on a real site: it finds, asks and understands."""

import json
import re
import subprocess
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from storage.seal import new_key
from tests.alerts.promtool import program
from tests.clients import Wire
from tests.helm.chart import CHART, ROOT
from tests.servers import Stack, ValkeyServer, free_port, running_stack, until

RULES = yaml.safe_load((CHART / "files" / "alerts.yml").read_text())["groups"][0]["rules"]
BOARD: dict[str, Any] = json.loads((CHART / "files" / "dashboard.json").read_text())
EXPRESSIONS = [target["expr"] for panel in BOARD["panels"] for target in panel.get("targets", ())]
RUNBOOK = ROOT / "docs" / "runbook.md"
JOB = "mcp-server-playground"
UNUSED = ("mcp_aws_calls", "mcp_bedrock_tokens", "mcp_oauth_tokens", "mcp_refusals", "mcp_sessions_ended")
"""What this site never counts: nobody signs in, leaves, is refused, or asks AWS."""


@dataclass(frozen=True)
class Watched:
    stack: Stack
    valkey: ValkeyServer
    prometheus: str

    def ask(self, path: str, **parameters: str) -> Any:
        """The data of an answer of Prometheus' API; AssertionError with the reason for a refusal."""
        answer = httpx2.get(f"{self.prometheus}/api/v1/{path}", params=parameters, timeout=10).json()
        assert answer["status"] == "success", (parameters, answer)
        return answer["data"]

    def query(self, expression: str) -> list[Any]:
        return self.ask("query", query=expression)["result"]

    def rules(self) -> list[Any]:
        (group,) = self.ask("rules")["groups"]
        return group["rules"]


def configuration(webs: list[int], worker: int) -> dict[str, Any]:
    """That of the compose file, by the second; its names are the loopback's ports, its DNS a list."""
    given = yaml.safe_load((ROOT / "containers" / "prometheus.yml").read_text())
    given["global"] = dict.fromkeys(given["global"], "1s")
    of_webs, of_workers = given["scrape_configs"]
    (static,) = of_webs["static_configs"]
    static["targets"] = [f"127.0.0.1:{port}" for port in webs]
    (names,) = of_workers.pop("dns_sd_configs")
    of_workers["static_configs"] = [
        {"targets": [f"127.0.0.1:{worker}"], "labels": {"__meta_dns_name": names["names"][0]}}
    ]
    return given


@contextmanager
def prometheus(folder: Path, given: dict[str, Any]) -> Generator[str]:
    """The server with its rules beside its configuration; where it listens."""
    (folder / "prometheus.yml").write_text(yaml.safe_dump(given))
    (folder / "alerts.yml").write_text((CHART / "files" / "alerts.yml").read_text())
    address = f"127.0.0.1:{free_port()}"
    places = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    with (folder / "prometheus.log").open("wb") as log:
        server = subprocess.Popen(
            [program("prometheus"), *places, f"--web.listen-address={address}"], stdout=log, stderr=log
        )
    try:
        until(lambda: _is_ready(f"http://{address}/-/ready"), "Prometheus being ready", within=60)
        yield f"http://{address}"
    finally:
        server.terminate()
        server.wait(30)


def _is_ready(url: str) -> bool:
    try:
        return httpx2.get(url, timeout=5).status_code == 200
    except httpx2.HTTPError:
        return False


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Generator[Watched]:
    """Two replicas and a worker on a Redis of their own, which a test may take away."""
    keys = new_key()
    ports = [free_port() for _ in range(3)]

    def roles(web: int) -> dict[str, dict[str, str]]:
        return {"serve": {"MCP_METRICS_PORT": str(web)}, "worker": {"MCP_METRICS_PORT": str(ports[2])}}

    with ExitStack() as all_of_it:
        enter = all_of_it.enter_context
        valkey = enter(ValkeyServer(tmp_path_factory.mktemp("valkey")))
        first, second, folder = (tmp_path_factory.mktemp(name) for name in ("first", "second", "prometheus"))
        stack = enter(running_stack(valkey.url(0), first, roles=roles(ports[0]), MCP_SECRET_KEYS=keys))
        enter(running_stack(valkey.url(0), second, worker=False, roles=roles(ports[1]), MCP_SECRET_KEYS=keys))
        yield Watched(stack, valkey, enter(prometheus(folder, configuration(ports[:2], ports[2]))))


def test_every_target_is_found_and_answers(watched: Watched):
    """Ours: as one job, told apart by `component` and `pool`."""
    until(lambda: len(watched.query("up == 1")) == 3, "three targets that are up", within=30)

    labels = sorted((each["metric"] for each in watched.query("up")), key=str)

    assert {each["job"] for each in labels} == {JOB}
    assert sorted((each["component"], each.get("pool", "")) for each in labels) == [
        ("web", ""),
        ("web", ""),
        ("worker", "default"),
    ]


def test_every_rule_is_evaluated_and_none_fires_on_a_site_that_is_well(watched: Watched):
    """Prometheus: health `ok`, state `inactive`."""
    until(lambda: all(each["health"] == "ok" for each in watched.rules()), "every rule being evaluated", within=30)
    until(lambda: len(watched.query("mcp_redis_up == 1")) == 3, "every process being measured", within=30)

    until(lambda: {each["state"] for each in watched.rules()} == {"inactive"}, "every alert being silent", within=30)

    assert [each["name"] for each in watched.rules()] == [each["alert"] for each in RULES]


def test_every_panel_of_the_dashboard_asks_what_prometheus_understands(watched: Watched):
    """Ours: each expression is answered; what a call has caused, and what lies in Redis, is drawn."""
    assert Wire.handshake(watched.stack.mcp_url).call("streaming", {"count": 3, "intervalMs": 100}, token="t").progress
    until(lambda: watched.query("rate(mcp_tasks_total[1m])"), "the task being seen twice", within=60)

    drawn = {each: watched.query(filled(each)) for each in EXPRESSIONS}

    silent = {each for each, series in drawn.items() if not series}
    assert len(drawn) > 20
    assert {each for each in silent if not any(metric in each for metric in UNUSED)} == set()


@pytest.mark.parametrize("expression", re.findall(r"```promql\n(.*?)\n```", RUNBOOK.read_text(), re.DOTALL))
def test_every_query_of_the_runbook_is_understood(watched: Watched, expression: str):
    """Ours: somebody copies it at night."""
    assert isinstance(watched.query(expression), list)


def filled(expression: str) -> str:
    """An expression as Grafana sends it when all sites are chosen."""
    for name, value in {"$__rate_interval": "1m", "$namespace": ".*", "$job": f"({JOB})"}.items():
        expression = expression.replace(name, value)
    assert "$" not in expression
    return expression


def test_an_outage_of_redis_is_noticed_and_its_end(watched: Watched):
    """Ours: the expression of McpRedisAway holds while nobody reaches Redis, and its alert waits for its minute."""
    (away,) = [each["expr"] for each in RULES if each["alert"] == "McpRedisAway"]
    assert watched.query(away) == []

    watched.valkey.stop()
    try:
        until(lambda: watched.query(away), "the outage being noticed", within=30)
        until(lambda: _state(watched, "McpRedisAway") == "pending", "the alert being pending", within=30)
    finally:
        watched.valkey.start()

    until(lambda: not watched.query(away), "the end being noticed", within=60)
    until(lambda: _state(watched, "McpRedisAway") == "inactive", "the alert being silent again", within=30)


def _state(watched: Watched, alert: str) -> str:
    (found,) = [each["state"] for each in watched.rules() if each["name"] == alert]
    return found
