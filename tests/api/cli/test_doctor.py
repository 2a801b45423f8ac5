"""`doctor` finds what is wrong and says what to do."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from api.cli.main import main
from storage.checks import check_door
from storage.embedded import EmbeddedRedis
from storage.keyfile import KeyFile
from tests.redis_client import settings_of
from tests.redis_servers import ClusterValkey
from tests.servers import Stack, ValkeyServer


def examined(monkeypatch: pytest.MonkeyPatch, folder: Path, **settings: str) -> Result:
    """What doctor says with these settings and no others."""
    for name in [name for name in os.environ if name.startswith(("MCP_", "AWS_"))]:
        monkeypatch.delenv(name)
    own = {"MCP_DATA_DIR": str(folder), "AWS_EC2_METADATA_DISABLED": "true", "HOME": str(folder)}
    for name, value in (own | settings).items():
        monkeypatch.setenv(name, value)
    return CliRunner().invoke(main, ["doctor"])


def lines(result: Result) -> dict[str, str]:
    """Name of the check -> its verdict."""
    return {line[6:].partition(": ")[0]: line[:4].strip() for line in result.output.splitlines()}


def test_a_server_that_runs_is_found_in_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Ours: without MCP_REDIS_URL the embedded server is looked at."""
    server = EmbeddedRedis(tmp_path).start()
    try:
        result = examined(monkeypatch, tmp_path)
    finally:
        server.stop()

    found = lines(result)
    assert result.exit_code == 0, result.output
    assert [found[f"Redis {what}"] for what in ("version", "persistence", "eviction")] == ["ok"] * 3
    assert found["Workers of default"] == "warn"
    assert found["AWS credentials"] == "warn"
    assert "mcp-playground worker" in result.output
    assert server.state is None


def test_a_ring_in_a_file_is_looked_into(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Ours: as good as one in the environment, on a server for others too; a file that is not there is said."""
    ring = KeyFile.of_machine(tmp_path / "ring")
    ring.read()
    exposed = {"MCP_REDIS_URL": "redis://redis.example:1/0", "MCP_PUBLIC_URL": "https://mcp.example"}

    good = examined(monkeypatch, tmp_path, MCP_SECRET_KEYS_FILE=str(ring.path), **exposed)
    bad = examined(monkeypatch, tmp_path, MCP_SECRET_KEYS_FILE=str(tmp_path / "nothing"), **exposed)

    assert f"Secret keys: 1 in {ring.path}" in good.output
    assert lines(bad)["Secret keys"] == "fail"


def test_live_workers_are_counted(monkeypatch: pytest.MonkeyPatch, stack: Stack, tmp_path: Path):
    """Ours: by queue."""
    result = examined(monkeypatch, tmp_path, MCP_REDIS_URL=stack.redis_url)

    assert "Workers of default: 1 alive" in result.output
    assert lines(result)["Redis persistence"] == "warn"


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"MCP_PORT": "x"}, "MCP_PORT is 'x'"),
        ({"MCP_REDIS_URL": "redis://127.0.0.1:1/0"}, "Redis: does not answer"),
        ({}, "`mcp-playground up` starts"),
        ({"MCP_TOOL_MODULES": "nowhere"}, "MCP_TOOL_MODULES names 'nowhere'"),
    ],
)
def test_what_fails_is_named_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: dict[str, str], sentence: str
):
    """Ours: status 1, no traceback."""
    result = examined(monkeypatch, tmp_path, **settings)

    assert result.exit_code == 1
    assert sentence in result.output
    assert "Traceback" not in result.output


def test_an_eviction_policy_that_loses_tasks_fails(
    monkeypatch: pytest.MonkeyPatch, valkey: ValkeyServer, tmp_path: Path
):
    """Ours: noeviction, or accepted work may vanish."""
    with valkey.client(0) as raw:
        raw.config_set("maxmemory-policy", "allkeys-lru")
        try:
            result = examined(monkeypatch, tmp_path, MCP_REDIS_URL=valkey.url(0))
        finally:
            raw.config_set("maxmemory-policy", "noeviction")

    assert lines(result)["Redis eviction"] == "fail"
    assert result.exit_code == 1


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"MCP_AUTH": "local"}, "Identity provider local: sign-in codes are printed"),
        ({"MCP_AUTH": "github"}, "MCP_GITHUB_CLIENT_ID is not set"),
        (
            {"MCP_AUTH": "oidc", "MCP_OIDC_ISSUER": "http://127.0.0.1:1", "MCP_OIDC_CLIENT_ID": "x"},
            "Identity provider oidc: The identity provider cannot be reached",
        ),
    ],
)
def test_identity_providers_are_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: dict[str, str], sentence: str
):
    """Ours: who is configured, whether it answers, and what is missing."""
    assert sentence in examined(monkeypatch, tmp_path, **settings).output


def test_every_node_of_a_cluster_is_looked_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Ours: each by its name, the cluster as a whole, and that its nodes have no copies."""
    folder = tmp_path / "redis"
    folder.mkdir()
    with ClusterValkey(folder) as cluster:
        result = examined(monkeypatch, tmp_path, **cluster.environment())

    found = lines(result)
    assert [found[f"Redis version of 127.0.0.1:{node.port}"] for node in cluster.nodes] == ["ok"] * 3
    assert (found["Redis cluster"], found["Redis replicas"]) == ("ok", "warn")


def test_a_redis_elsewhere_has_tls_and_a_password():
    """Ours: a warning each, and nothing about a Redis on this machine."""
    verdicts = {
        url: [check.verdict for check in check_door(settings_of({"MCP_REDIS_URL": url}))]
        for url in ("redis://redis.example", "rediss+cluster://mcp-web:x@redis.example", "redis://127.0.0.1")
    }

    assert list(verdicts.values()) == [["warn", "warn"], ["ok", "ok"], []]
