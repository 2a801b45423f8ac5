"""The tools this process serves: ours, and those of `MCP_TOOL_MODULES`."""

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

from storage.settings import SettingsError
from tasks.tool import Tool
from tasks.tools import TOOLS


class Catalog:
    """Tools by name, in the order they are listed."""

    def __init__(self, tools: Iterable[Tool]) -> None:
        self._tools: dict[str, Tool] = {}
        for tool in tools:
            if tool.name in self._tools:
                raise SettingsError(f"MCP_TOOL_MODULES brings a second tool {tool.name!r}: rename it.")
            self._tools[tool.name] = tool

    def __iter__(self) -> Iterator[Tool]:
        return iter(self._tools.values())

    def find(self, name: str) -> Tool | None:
        return self._tools.get(name)

    def names(self) -> list[str]:
        return list(self._tools)


def load(modules: Iterable[str]) -> Catalog:
    """Our tools and those of *modules*; SettingsError says which module cannot be loaded, and why."""
    return Catalog([*TOOLS, *(tool for name in modules for tool in _tools(name))])


def _tools(name: str) -> list[Tool]:
    try:
        module = _import(name)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise SettingsError(f"MCP_TOOL_MODULES names {name!r}, which cannot be loaded: {reason}.") from error
    # A module may import a tool of ours by name; that is not its own.
    found = [value for value in vars(module).values() if isinstance(value, Tool) and value not in TOOLS]
    if not found:
        raise SettingsError(f"MCP_TOOL_MODULES names {name!r}, which defines no tool: decorate a function with @tool.")
    return found


def _import(name: str) -> ModuleType:
    path = Path(name)
    if path.suffix != ".py":
        # A module beside which the command was typed is found too, after everything that is installed.
        if (here := str(Path.cwd())) not in sys.path:
            sys.path.append(here)
        return importlib.import_module(name)
    # A name of its own: a file called json.py is not to become everybody's json.
    unique = f"own_tools_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]}_{path.stem}"
    spec = importlib.util.spec_from_file_location(unique, path.resolve())
    if spec is None or spec.loader is None or not path.is_file():
        raise FileNotFoundError(f"no file {name}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
