"""The profile `monitoring` of docker-compose.yml watches what the others are, and is seen from this machine alone."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.alerts.promtool import promtool
from tests.helm.chart import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
WATCHERS = {"grafana", "prometheus"}
SCRAPED: dict[str, Any] = yaml.safe_load((ROOT / "containers" / "prometheus.yml").read_text())


def mounts(service: str) -> dict[str, Path]:
    """What a service sees of the repository, by its path inside; all of it read-only."""
    bound = [each.split(":") for each in SERVICES[service]["volumes"] if each.startswith("./")]
    assert all(mode == ["ro"] for _, _, *mode in bound)
    return {inside: ROOT / outside for outside, inside, *_ in bound}


def ports_of_metrics() -> dict[str, str]:
    """The port of each service that shows metrics."""
    settings = {name: each.get("environment", {}) for name, each in SERVICES.items()}
    return {name: given["MCP_METRICS_PORT"] for name, given in settings.items() if "MCP_METRICS_PORT" in given}


def test_nothing_of_it_starts_unless_it_is_asked_for():
    """Compose: a service with a profile is started with `--profile` alone; no other service waits for one."""
    assert {name for name, each in SERVICES.items() if "profiles" in each} == WATCHERS
    for name in SERVICES.keys() - WATCHERS:
        assert not WATCHERS & set(SERVICES[name].get("depends_on", {}))


def test_every_web_process_and_every_pool_is_scraped():
    """Ours: by the name and on the port that the compose file gives it; workers by every address of their name."""
    ports = ports_of_metrics()
    webs, workers = SCRAPED["scrape_configs"]
    (static,), (names,) = webs["static_configs"], workers["dns_sd_configs"]

    asked = {each.partition(":")[0]: each.partition(":")[2] for each in static["targets"]}
    asked |= {name: str(names["port"]) for name in names["names"]}

    assert asked == ports
    assert {name for name in SERVICES if name.startswith(("web-", "worker-"))} == set(ports)
    assert "back" in SERVICES["prometheus"]["networks"]
    for name in ports:
        assert SERVICES[name]["environment"]["MCP_METRICS_HOST"] == "0.0.0.0"  # noqa: S104  # inside its own network namespace
        assert "back" in SERVICES[name]["networks"]


def test_the_metrics_are_seen_by_prometheus_alone():
    """Ours: no measured service publishes a port, and the proxy leads to none of metrics."""
    for name in ports_of_metrics():
        assert "ports" not in SERVICES[name]

    assert "9464" not in (ROOT / "containers" / "haproxy.cfg").read_text()


def test_what_is_published_is_published_on_this_machine_alone():
    """Ours: Prometheus asks nobody who they are."""
    published = {name: each["ports"] for name, each in SERVICES.items() if "ports" in each}

    assert published.keys() >= WATCHERS
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)


def test_grafana_reaches_prometheus_and_nothing_else_of_the_site():
    """Ours: the two share a network that no other service is in."""
    assert [name for name, each in SERVICES.items() if "watch" in each["networks"]] == ["grafana", "prometheus"]
    assert SERVICES["grafana"]["networks"] == ["watch"]


def test_both_are_locked_down_and_named_by_a_tag():
    """Ours: as every container of the site."""
    for name in WATCHERS:
        found = SERVICES[name]
        assert found["read_only"] is True
        assert found["cap_drop"] == ["ALL"]
        assert found["security_opt"] == ["no-new-privileges:true"]
        assert int(found["user"].partition(":")[0]) > 0
        assert re.fullmatch(r"\$\{\w+:-[\w/]+:v?\d+\.\d+\.\d+\}", found["image"])
        assert found["healthcheck"]["test"][0] == "CMD"


def test_prometheus_takes_what_is_mounted(tmp_path: Path):
    """Prometheus: `promtool check config`, on the files in the places where the service sees them."""
    seen = mounts("prometheus")
    for inside, path in seen.items():
        target = tmp_path / inside.removeprefix("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    (option,) = [each for each in SERVICES["prometheus"]["command"] if each.startswith("--config.file=")]

    said = promtool("check", "config", str(tmp_path / option.partition("=/")[2]), folder=tmp_path)

    assert "10 rules found" in said


def test_grafana_is_given_the_dashboard_and_where_prometheus_is():
    """Grafana's provisioning: a provider of files, a data source of type prometheus."""
    seen = mounts("grafana")
    (source,) = provisioned(seen, "datasources")["datasources"]
    (provider,) = provisioned(seen, "dashboards")["providers"]
    (port,) = [each.rpartition(":")[2] for each in SERVICES["prometheus"]["ports"]]
    folder = provider["options"]["path"]

    boards = [path for inside, path in seen.items() if inside.startswith(f"{folder}/")]

    assert (source["type"], source["url"], source["isDefault"]) == ("prometheus", f"http://prometheus:{port}", True)
    assert [json.loads(path.read_text())["uid"] for path in boards] == ["mcp-server-playground"]


def provisioned(seen: dict[str, Path], kind: str) -> dict[str, Any]:
    (path,) = seen[f"/etc/grafana/provisioning/{kind}"].iterdir()
    return yaml.safe_load(path.read_text())


def test_its_passwords_are_made_for_it(tmp_path: Path):
    """Ours: containers/env writes each name that the compose file insists on, fresh each time."""
    insisted = set(re.findall(r"\$\{(\w+):\?", (ROOT / "docker-compose.yml").read_text()))
    first, second = env(tmp_path / "a"), env(tmp_path / "b")

    assert "GRAFANA_PASSWORD" in insisted
    assert insisted <= first.keys()
    assert all(len(first[name]) > 16 and first[name] != second[name] for name in insisted)
    assert SERVICES["grafana"]["environment"]["GF_SECURITY_ADMIN_PASSWORD"].startswith("${GRAFANA_PASSWORD:?")


def test_an_older_env_is_given_what_it_lacks_and_keeps_the_rest(tmp_path: Path):
    """Ours: what somebody took out, or set, is as they left it."""
    old = "VALKEY_PASSWORD=kept\nMCP_SECRET_KEYS_FILE=/keys\n"
    folder = tmp_path / "old"
    folder.mkdir()
    (folder / ".env").write_text(old)

    first, second = env(folder), env(folder)

    assert (folder / ".env").read_text().startswith(old)
    assert first.keys() == {"VALKEY_PASSWORD", "MCP_SECRET_KEYS_FILE", "GRAFANA_PASSWORD"}
    assert first == second


def env(folder: Path) -> dict[str, str]:
    """What `.env` says after containers/env ran in *folder*."""
    folder.mkdir(exist_ok=True)
    subprocess.run([ROOT / "containers" / "env"], cwd=folder, check=True, capture_output=True, timeout=10)
    lines = (folder / ".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
