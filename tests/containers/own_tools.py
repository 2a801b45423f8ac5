"""Tools of somebody who runs the site: one that is kept apart from the others, and one that is not."""

import socket

from tasks.tool import Run, tool


@tool(queue="slow", annotations={"readOnlyHint": True})
def slow_place(run: Run) -> str:
    """Name the container it ran in."""
    return socket.gethostname()


@tool(annotations={"readOnlyHint": True})
def usual_place(run: Run) -> str:
    """Name the container it ran in."""
    return socket.gethostname()
