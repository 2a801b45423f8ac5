"""The shape of the tree is a promise to its readers."""

import importlib.util
from pathlib import Path

import pytest

from tasks.tool import Tool
from tasks.tools import TOOLS

ROOT = Path(__file__).parent.parent
PACKAGES = ("api", "tasks", "auth", "storage")


@pytest.mark.parametrize("name", PACKAGES)
def test_each_package_name_is_ours(name: str):
    """ADR 0001: nothing else on the path shadows it."""
    spec = importlib.util.find_spec(name)

    assert spec is not None
    assert spec.origin == str(ROOT / name / "__init__.py")


@pytest.mark.parametrize("name", PACKAGES)
def test_tests_mirror_the_modules_they_test(name: str):
    """Style 21: tests/storage/test_seal.py tests storage/seal.py."""
    tests = (ROOT / "tests" / name).rglob("test_*.py")
    tested = [path.relative_to(ROOT / "tests").with_name(path.name.removeprefix("test_")) for path in tests]

    assert [str(path) for path in tested if not (ROOT / path).is_file()] == []


def test_every_tool_is_on_the_list():
    """Style 13: a new tool is one module and one line; the line is not forgotten."""
    listed = {tool.name for tool in TOOLS}
    defined: set[str] = set()
    for path in (ROOT / "tasks" / "tools").rglob("*.py"):
        module = importlib.import_module(
            ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        )
        defined |= {value.name for value in vars(module).values() if isinstance(value, Tool)}

    assert defined == listed


def test_packages_only_document_themselves():
    """Style 17: `__init__.py` holds a docstring, and TOOLS."""
    for name in PACKAGES:
        for path in (ROOT / name).rglob("__init__.py"):
            code = path.read_text().split('"""', 2)[2].strip()
            assert code == "" or path.parent.name == "tools", path
