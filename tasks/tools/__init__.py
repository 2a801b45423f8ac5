"""The tools that come with the server: a new one is a module and a line here."""

from tasks.tool import Tool
from tasks.tools.echo import echo
from tasks.tools.streaming import streaming

TOOLS: tuple[Tool, ...] = (
    echo,
    streaming,
)
