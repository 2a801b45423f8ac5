"""What a client may ask for, in the protocol's words and in a person's."""

from collections.abc import Iterable, Mapping
from typing import Final

TOOLS: Final = "mcp:tools"
PROMPTS: Final = "mcp:prompts"
RESOURCES: Final = "mcp:resources"
OPERATOR: Final = "mcp:operator"
BASIC: Final = (TOOLS, PROMPTS, RESOURCES)
"""What a client gets that does not say what it wants."""

_WORDS: Final[Mapping[str, str]] = {
    TOOLS: "Run this server's tools in your name",
    PROMPTS: "Read this server's prompts",
    RESOURCES: "Read this server's resources",
    OPERATOR: "See and end everybody's sign-ins, and see everybody's jobs",
    "mcp:project": "Search the files of this server's project",
    "mcp:aws": "Read this server's AWS account: containers, logs, metrics and storage",
}


class Scopes:
    """Every scope there is: ours, and those that tools name."""

    def __init__(self, of_tools: Iterable[str] = ()) -> None:
        self.all: tuple[str, ...] = tuple(dict.fromkeys((*BASIC, *sorted(of_tools), OPERATOR)))

    @property
    def public(self) -> tuple[str, ...]:
        """Those that anybody may be granted."""
        return tuple(scope for scope in self.all if scope != OPERATOR)

    @staticmethod
    def words(scope: str) -> str:
        """What a scope allows, for the person who is asked."""
        return _WORDS.get(scope, f"Use what the operator of this server calls {scope!r}")


def split(scope: str | None) -> tuple[str, ...]:
    """The scopes of a `scope` parameter, each once (RFC 6749 3.3)."""
    return tuple(dict.fromkeys((scope or "").split()))
