"""What this process offers: our tools, prompts and resources, and those of `MCP_TOOL_MODULES`."""

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

import msgspec

from storage.errors import SettingsError
from tasks.prompt import Prompt
from tasks.resource import Resource
from tasks.tool import Tool
from tasks.tools import PROMPTS, RESOURCES, TOOLS

Offer = Tool | Prompt | Resource


@dataclass(frozen=True)
class Catalog:
    """Tools, prompts and resources, in the order they are listed. SettingsError when two share a name."""

    tools: tuple[Tool, ...]
    prompts: tuple[Prompt, ...] = ()
    resources: tuple[Resource, ...] = ()

    def __post_init__(self) -> None:
        _check_unique("tool", [tool.name for tool in self.tools])
        _check_unique("prompt", [prompt.name for prompt in self.prompts])
        _check_unique("resource", [resource.uri for resource in self.resources])
        for tool in self.tools:
            # A client that shows pages shows nothing at all when it cannot read the one that a tool names.
            if tool.ui is not None and self.find_resource(tool.ui) is None:
                raise SettingsError(f"MCP_TOOL_MODULES: {tool.name} names the page {tool.ui}, and no module brings it.")

    def plus(self, tools: Sequence[Tool]) -> "Catalog":
        """This catalog, and more *tools* after its own."""
        return replace(self, tools=(*self.tools, *tools))

    def find_tool(self, name: str) -> Tool | None:
        return next((tool for tool in self.tools if tool.name == name), None)

    def find_prompt(self, name: str) -> Prompt | None:
        return next((prompt for prompt in self.prompts if prompt.name == name), None)

    def find_resource(self, uri: str) -> tuple[Resource, dict[str, str]] | None:
        """The resource at *uri* and the values of its template's variables."""
        matches = ((resource, resource.match(uri)) for resource in self.resources)
        return next(((resource, values) for resource, values in matches if values is not None), None)

    def names(self) -> list[str]:
        """Of the tools."""
        return [tool.name for tool in self.tools]

    def queues(self) -> list[str]:
        """Every queue that some tool needs a worker for."""
        return sorted({tool.queue for tool in self.tools if not tool.inline})

    def scopes(self) -> list[str]:
        """Every scope that some tool asks for."""
        return sorted({scope for tool in self.tools for scope in tool.scopes})

    def fingerprint(self) -> bytes:
        """Changes when what clients are shown of the offers does."""
        tools = [(tool.name, tool.title, tool.description, tool.arguments.schema, tool.ui) for tool in self.tools]
        prompts = [(each.name, each.title, each.description, str(each.arguments)) for each in self.prompts]
        resources = [
            (each.uri, each.name, each.title, each.description, each.mime_type, each.meta) for each in self.resources
        ]
        return msgspec.json.encode((tools, prompts, resources))


def load(modules: Iterable[str]) -> Catalog:
    """What comes with the server and what *modules* add; SettingsError says which cannot be loaded, and why."""
    found = [_offers(name) for name in modules]
    return Catalog(
        (*TOOLS, *(offer for offers in found for offer in offers if isinstance(offer, Tool))),
        (*PROMPTS, *(offer for offers in found for offer in offers if isinstance(offer, Prompt))),
        (*RESOURCES, *(offer for offers in found for offer in offers if isinstance(offer, Resource))),
    )


def _check_unique(kind: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise SettingsError(f"MCP_TOOL_MODULES brings a second {kind} {name!r}: rename it.")


def _offers(name: str) -> list[Offer]:
    try:
        module = _import(name)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise SettingsError(f"MCP_TOOL_MODULES names {name!r}, which cannot be loaded: {reason}.") from error
    # A module may import a tool of ours by name; that is not its own.
    ours: tuple[Offer, ...] = (*TOOLS, *PROMPTS, *RESOURCES)
    found = [value for value in vars(module).values() if isinstance(value, Offer) and value not in ours]
    if not found:
        raise SettingsError(
            f"MCP_TOOL_MODULES names {name!r}, which defines no tool: decorate a function with @tool, @prompt "
            "or @resource."
        )
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
    if unique in sys.modules:
        return sys.modules[unique]
    spec = importlib.util.spec_from_file_location(unique, path.resolve())
    if spec is None or spec.loader is None or not path.is_file():
        raise FileNotFoundError(f"no file {name}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[spec.name]
        raise
    return module
