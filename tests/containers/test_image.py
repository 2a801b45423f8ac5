"""What is in the image, and what is not."""

import re

import pytest

from storage.seal import new_key
from tests.containers.engine import ROOT, inspect, run
from tests.test_supply import locked

LIMIT = 250_000_000
LOCKED_DOWN = ("--rm", "--read-only", "--tmpfs=/tmp", "--cap-drop=all", "--network=none")


def python(image: str, code: str) -> str:
    """What a program prints that runs in a container as we say it should be run."""
    return run("podman", "run", *LOCKED_DOWN, "--entrypoint=python", image, "-c", code)


def test_the_image_is_small(image: str):
    """Ours: below 250 MB unpacked, its base included."""
    assert inspect("image", image)["Size"] < LIMIT


def test_the_image_says_what_it_is(image: str):
    """OCI image spec, annotations: title, licence, source, version, revision."""
    labels = inspect("image", image)["Labels"]

    named = {name.rpartition(".")[2] for name in labels if name.startswith("org.opencontainers.image.")}
    assert named >= {"title", "description", "licenses", "source", "version", "revision"}
    assert labels["org.opencontainers.image.revision"] == "test"


def test_the_version_it_says_is_the_one_it_runs(image: str):
    """Ours: the label is not forgotten when the version is raised."""
    version = inspect("image", image)["Labels"]["org.opencontainers.image.version"]

    assert run("podman", "run", *LOCKED_DOWN, image, "--version").split()[-1] == version


def test_it_is_nobody_in_particular_and_writes_nowhere_but_tmp(image: str):
    """Ours: a numeric user that is not root, and a root filesystem that is never written to."""
    code = """
import os
def writes(path):
    try: open(path + "/probe", "w").close()
    except OSError: return False
    return True
print(os.getuid(), os.getgid(), [path for path in ("/", "/app", "/project", "/etc", "/tmp") if writes(path)])
"""
    assert python(image, code).strip() == "10001 10001 ['/tmp']"
    assert inspect("image", image)["User"] == "10001:10001"


def test_the_four_packages_are_ours(image: str):
    """ADR 0001: whatever else is installed."""
    code = "import importlib.util as u; print(*(u.find_spec(n).origin for n in ('api', 'tasks', 'auth', 'storage')))"

    found = python(image, code).split()

    assert [bool(re.fullmatch(r"/app/lib/python3\.\d+/site-packages/\w+/__init__\.py", path)) for path in found] == [
        True
    ] * 4


def test_what_is_installed_is_what_was_locked(image: str):
    """A63: each package in the version of requirements/run.lock, ours, and no other."""
    code = """
from importlib.metadata import distributions
from packaging.utils import canonicalize_name
from platform import python_version
print(python_version(), *(f"{canonicalize_name(each.name)}=={each.version}" for each in distributions()))
"""

    version, *installed = python(image, code).split()
    found = dict(each.split("==") for each in installed)
    wanted = {
        each.name: str(each.specifier).removeprefix("==")
        for each, _ in locked(ROOT / "requirements" / "run.lock")
        if each.marker is None or each.marker.evaluate({"python_full_version": version})
    }

    assert found.pop("mcp-server-playground")
    assert found == wanted


def test_a_picture_is_drawn_without_what_was_left_out(image: str):
    """Ours: what the build removes of matplotlib, numpy and Pillow is missed by nobody."""
    code = """
from tasks.tools.ecs.picture import picture
print(picture({"start": 0, "end": 60_000, "series": [], "markers": []}, title="A picture")[:4])
"""
    assert python(image, code).strip() == str(b"\x89PNG")


def test_what_the_roles_import_is_compiled(image: str):
    """Ours: a container starts without compiling anything, which it could not keep on a read-only root."""
    code = """
import sys, os, api.serve, tasks.worker
sources = {getattr(m, "__file__", None): getattr(m, "__cached__", None) for m in list(sys.modules.values())}
print([s for s, c in sources.items() if s and s.endswith(".py") and c and not os.path.exists(c)])
"""
    assert python(image, code).strip() == "[]"


def test_nothing_that_builds_or_installs_is_left(image: str):
    """Ours: whoever breaks in finds no shell, no package manager and no compiler."""
    code = (
        "import shutil; print([n for n in ('pip', 'uv', 'apt-get', 'dpkg', 'perl', 'gcc', 'strip') if shutil.which(n)])"
    )

    assert python(image, code).strip() == "[]"


def test_a_server_open_to_strangers_does_not_start(image: str):
    """Ours: the image listens on every address, so it needs sign-in, or to be told that something is in front."""
    settings = ["--env=MCP_REDIS_URL=redis://redis.example:6379/0", f"--env=MCP_SECRET_KEYS={new_key()}"]

    with pytest.raises(AssertionError, match="MCP_ALLOW_UNAUTHENTICATED"):
        run("podman", "run", *LOCKED_DOWN, *settings, image)


def test_its_health_check_fails_where_nobody_listens(image: str):
    """Ours: the question is the web role's, and what asks it is in the image."""
    check = inspect("image", image)["Healthcheck"]["Test"]

    assert check[:3] == ["CMD", "python", "-c"]
    with pytest.raises(AssertionError, match="Connection refused"):
        python(image, check[3])
