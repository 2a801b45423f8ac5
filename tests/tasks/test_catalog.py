"""Tools by name, ours and others'."""

import json
import sys
from pathlib import Path

import pytest

from storage.errors import SettingsError
from tasks.catalog import load

MODULE = '''
from tasks.tool import Run, tool
from tasks.tools.echo import echo

@tool
def mine({}) -> str:
    """My own."""
    return "mine"
'''


def written(folder: Path, name: str, text: str) -> str:
    path = folder / f"{name}.py"
    path.write_text(text)
    return str(path)


def test_a_file_adds_its_tools_after_ours(tmp_path: Path):
    """Ours: a tool it only imports is not its own."""
    catalog = load([written(tmp_path, "first_module", MODULE.format("run: Run"))])

    assert catalog.names()[-2:] == ["tail_logs", "mine"]
    assert catalog.find_tool("mine") is not None
    assert catalog.find_tool("yours") is None


def test_an_importable_name_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Ours: a module of an installed package."""
    written(tmp_path, "second_module", MODULE.format(""))
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    assert "mine" in load(["second_module"]).names()


def test_a_module_beside_the_command_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Ours: as `python -m` would."""
    written(tmp_path, "third_module", MODULE.format(""))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])

    assert "mine" in load(["third_module"]).names()


def test_a_file_takes_no_name_that_others_import(tmp_path: Path):
    """Ours: json.py adds its tools and leaves the standard library alone."""
    catalog = load([written(tmp_path, "json", MODULE.format(""))])

    assert "mine" in catalog.names()
    assert sys.modules["json"] is json


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x = 1", "defines no tool"),
        ("raise RuntimeError('no license')", "RuntimeError: no license"),
        ("import nothing_like_this", "No module named 'nothing_like_this'"),
        (MODULE.format("x"), "has no annotation"),
        (MODULE.replace("def mine", "def echo").format(""), "a second tool 'echo'"),
        (MODULE.replace("@tool", "@tool(ui='ui://x')").format(""), "names the page ui://x, and no module brings it"),
    ],
)
def test_a_module_that_does_not_work_is_named_with_the_reason(tmp_path: Path, text: str, sentence: str):
    """Ours: start-up ends with this."""
    with pytest.raises(SettingsError, match=r"MCP_TOOL_MODULES") as caught:
        load([written(tmp_path, f"broken_{abs(hash(text))}", text)])

    assert sentence in str(caught.value)


def test_the_page_of_every_tool_is_there():
    """MCP Apps: the resource a tool names must exist; the catalog of what comes with the server can be made."""
    catalog = load([])

    assert [tool.name for tool in catalog.tools if tool.ui and catalog.find_resource(tool.ui) is None] == []


def test_a_module_may_bring_a_page_for_its_tool(tmp_path: Path):
    """Ours: in the same file, or in another."""
    page = "\nfrom tasks.resource import resource\n\n@resource('ui://x')\ndef page() -> str:\n    'A page.'\n"
    shown = MODULE.replace("@tool", "@tool(ui='ui://x')").format("")

    catalog = load([written(tmp_path, "with_page", shown + page)])

    assert catalog.fingerprint() != load([written(tmp_path, "without", MODULE.format("") + page)]).fingerprint()
