"""The image as its Dockerfile builds it, and the site as docker-compose.yml starts it."""

import os
import shutil
from collections.abc import Generator
from pathlib import Path

import httpx2
import pytest

from tests.containers.engine import IMAGE, PROXY, PYTHON, ROOT, VALKEY, Site, build, build_stand_ins, run, trust
from tests.servers import free_port, until

READY_WITHIN = 120
OWN_TOOLS = Path(__file__).parent / "own_tools.py"
MOUNTED = "".join(
    f"  {service}: {{volumes: ['{OWN_TOOLS}:/tools/own_tools.py:ro']}}\n"
    for service in ("web-1", "web-2", "worker-default", "worker-slow")
)


@pytest.fixture(scope="session")
def image() -> str:
    """Built from this tree; only what the registry would give is a stand-in."""
    build_stand_ins()
    build(IMAGE, ROOT, f"--build-arg=PYTHON_IMAGE={PYTHON}", "--build-arg=REVISION=test", *trust())
    return IMAGE


@pytest.fixture(scope="session")
def site(image: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[Site]:
    """Everything docker-compose.yml names, started by one command with the secrets of containers/env."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(ROOT / "docker-compose.yml", folder)
    shutil.copytree(ROOT / "containers", folder / "containers")
    (folder / "docker-compose.override.yml").write_text(f"services:\n{MOUNTED}")
    settings = _settings(folder, image)
    running = Site(folder, settings)
    running.compose("down", "--volumes")
    try:
        running.compose("up", "--detach", "--no-build", within=180)
        until(lambda: _status(f"{running.url}/health/ready") == 200, "the site being ready", within=READY_WITHIN)
        until(lambda: _status(f"{running.flower_url}/healthcheck") == 200, "Flower", within=READY_WITHIN)
        yield running
    finally:
        running.compose("down", "--volumes", "--timeout", "20")


def _settings(folder: Path, image: str) -> dict[str, str]:
    """Write `.env`: the secrets as containers/env makes them, then what is this test's own."""
    own = {
        "IMAGE": image,
        "PROXY_IMAGE": PROXY,
        "VALKEY_IMAGE": VALKEY,
        "PORT": str(free_port()),
        "FLOWER_PORT": str(free_port()),
        "FRONT_SUBNET": "10.89.78.0/24",
        "MCP_TOOL_MODULES": "/tools/own_tools.py",
        "MCP_RATE_LIMIT": "off",
    }
    run(str(folder / "containers" / "env"), cwd=folder)
    with (folder / ".env").open("a") as out:
        out.writelines(f"{name}={value}\n" for name, value in own.items())
    lines = (folder / ".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def _status(url: str) -> int:
    try:
        return httpx2.get(url, timeout=5).status_code
    except httpx2.HTTPError:
        return 0


@pytest.fixture(autouse=True)
def needs_root() -> None:
    """Rootless podman has other networks and limits: these tests are for root."""
    assert os.geteuid() == 0, "make containers runs as root"
