"""Resources a module offers: documents that a client reads by URI.

@resource("docs://handbook/{chapter}", mime_type="text/markdown")
def handbook(chapter: str) -> str | None:
\"\"\"A chapter of the handbook.\"\"\"
return CHAPTERS.get(chapter)
"""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final
from urllib.parse import unquote

from tasks.tool import UI_SCHEME, run_parameter_of

__all__ = ["Resource", "resource"]

UI_MIME_TYPE: Final = "text/html;profile=mcp-app"
"""Of a page that a client shows beside the result of a tool; no other type is shown (MCP Apps)."""
_VARIABLE: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A function that answers what stands at *uri*, which may be a template (RFC 6570, level 1)."""

    uri: str
    name: str
    title: str
    description: str
    mime_type: str
    meta: Mapping[str, Any]
    """`_meta` of the resource, where it is listed and where it is read."""
    function: Callable[..., Any]
    run_parameter: str | None

    @property
    def is_template(self) -> bool:
        return bool(_VARIABLE.search(self.uri))

    def match(self, uri: str) -> dict[str, str] | None:
        """The values of the template's variables in *uri*; None when it is another resource."""
        found = self._pattern.fullmatch(uri)
        return None if found is None else {name: unquote(value) for name, value in found.groupdict().items()}

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        parts = _VARIABLE.split(self.uri)
        return re.compile("".join(f"(?P<{part}>[^/]+)" if n % 2 else re.escape(part) for n, part in enumerate(parts)))


def resource(
    uri: str,
    *,
    name: str | None = None,
    title: str | None = None,
    mime_type: str | None = None,
    meta: Mapping[str, Any] | None = None,
) -> Callable[[Callable[..., Any]], Resource]:
    """Make a resource of a function that returns text, bytes, or None when there is nothing at this URI.

    `{variables}` of *uri* are its parameters, all strings. The docstring becomes the description. *mime_type* is
    `text/plain` unless said otherwise. A resource under `ui://` is the page of a tool (`@tool(ui=...)`) and has the one
    type that clients show; *meta* carries what such a page asks for, `{"ui": {"csp": ..., "prefersBorder": ...}}`.
    """
    kind = mime_type or (UI_MIME_TYPE if uri.startswith(UI_SCHEME) else "text/plain")
    if uri.startswith(UI_SCHEME) and kind != UI_MIME_TYPE:
        raise ValueError(f"resource {uri} is a page, and clients show pages of type {UI_MIME_TYPE} alone, not {kind}")

    def make(function: Callable[..., Any]) -> Resource:
        chosen = name or function.__name__
        description = inspect.getdoc(function)
        if not description:
            raise ValueError(f"resource {uri} needs a docstring: it is what people read to choose it")
        run_parameter = run_parameter_of(function)
        takes = set(inspect.signature(function).parameters) - {run_parameter}
        if takes != (wanted := set(_VARIABLE.findall(uri))):
            raise TypeError(f"resource {uri} needs a function of {sorted(wanted)}, not of {sorted(map(str, takes))}")
        return Resource(
            uri=uri,
            name=chosen,
            title=title or chosen.replace("_", " ").capitalize(),
            description=description,
            mime_type=kind,
            meta=meta or {},
            function=function,
            run_parameter=run_parameter,
        )

    return make
