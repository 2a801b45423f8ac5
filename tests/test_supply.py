"""A63: what is installed is what was locked, and what was locked has no hole that we know of."""

import re
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

LOCKS = sorted((Path(__file__).parent.parent / "requirements").glob("*.lock"))
FLOORS = {
    "authlib": "1.9.9",
    "celery": "5.7",
    "cryptography": "50",
    "flower": "2.2",
    "joserfc": "1.0",
    "litestar": "2.25",
    "mcp": "2.3",
    "redis": "8.1",
    "uvicorn": "0.54",
}
"""The first versions without the faults that this product's threat model names."""


def locked(path: Path) -> list[tuple[Requirement, list[str]]]:
    """Each requirement of a lock file and its hashes."""
    entries = re.split(r"\n(?=[A-Za-z0-9])", path.read_text())
    found: list[tuple[Requirement, list[str]]] = []
    for entry in entries:
        lines = [line for line in entry.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        if lines:
            requirement = Requirement(lines[0].rstrip(" \\"))
            found.append((requirement, re.findall(r"--hash=sha256:([0-9a-f]{64})", entry)))
    return found


def versions(path: Path) -> dict[str, str]:
    """What a lock file installs here."""
    return {
        each.name: str(each.specifier).removeprefix("==")
        for each, _ in locked(path)
        if each.marker is None or each.marker.evaluate()
    }


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_every_requirement_is_one_version_with_hashes(path: Path):
    """A63: a package that was replaced at its index is not installed."""
    found = locked(path)

    assert found
    assert [str(each) for each, _ in found if not str(each.specifier).startswith("==")] == []
    assert [str(each) for each, hashes in found if not hashes] == []


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_a_lock_names_no_index(path: Path):
    """Ours: whoever installs it chooses where from."""
    assert re.findall(r"https?://|--index|--extra-index|--find-links|--trusted", path.read_text()) == []


def test_what_runs_is_what_was_locked():
    """A63: no other version has crept into the environment, nor a package that nothing asked for."""
    wanted = versions(LOCKS[0].parent / "dev.lock")
    found = {_canonical(each.name): each.version for each in distributions()}
    around = {"mcp-server-playground", "pip", "setuptools", "uv", "wheel"}

    assert {name: at for name, at in found.items() if name not in around} == {
        name: at for name, at in wanted.items() if name not in around
    }


def test_the_versions_with_known_holes_are_behind_us():
    """A27, A36, A58, A59 and their like: the floors hold in what is shipped."""
    found = versions(LOCKS[0].parent / "run.lock")

    assert {name: found[name] for name, floor in FLOORS.items() if Version(found[name]) < Version(floor)} == {}


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
