"""A tool that no worker serves: bench/publisher.py is the worker of its tasks."""

from datetime import timedelta

from tasks.tool import Run, tool


@tool(queue="bench", timeout=timedelta(minutes=10))
def wait(run: Run) -> str:
    """Wait for what is published."""
    return ""


@tool(annotations={"readOnlyHint": True})
def job(run: Run, message: str) -> str:
    """Answer at once, from a worker."""
    return message
