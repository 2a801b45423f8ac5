"""Tools with a scope of their own, and without one, for attacks: named by MCP_TOOL_MODULES."""

from datetime import timedelta

from tasks.tool import Elicitation, Run, tool

SCOPE = "mcp:vault"
SECRET = "the-secret-of-the-vault"


@tool(scopes=[SCOPE], annotations={"readOnlyHint": True}, timeout=60)
def vault(run: Run, steps: int = 1) -> str:
    """Open the vault, slowly."""
    for done in range(steps):
        run.progress(done + 1, steps, SECRET)
        run.sleep(timedelta(milliseconds=100))
    return SECRET


@tool(scopes=[SCOPE], timeout=60, task="always")
def vault_task(run: Run, steps: int = 1) -> str:
    """The same as a task."""
    for done in range(steps):
        run.progress(done + 1, steps, SECRET)
        run.sleep(timedelta(milliseconds=100))
    return SECRET


@tool(scopes=[SCOPE])
def vault_large() -> str:
    """Return more than fits into an answer."""
    return SECRET * 1000


@tool(scopes=[SCOPE])
def vault_ask(run: Run) -> str:
    """Ask before opening it."""
    run.ask(Elicitation("Open?", {"type": "object", "properties": {"name": {"type": "string"}}}))
    return SECRET


@tool(scopes=[SCOPE], inline=True)
def vault_inline() -> str:
    """Open it here."""
    return SECRET


@tool
def ask(run: Run) -> str:
    """Ask for a name."""
    run.ask(Elicitation("Who?", {"type": "object", "properties": {"name": {"type": "string"}}}))
    return "asked"


@tool(annotations={"readOnlyHint": True}, timeout=60)
def say(run: Run, word: str, steps: int = 1) -> str:
    """Say a word, with progress."""
    for done in range(steps):
        run.progress(done + 1, steps, word)
        run.sleep(timedelta(milliseconds=100))
    return word


@tool(timeout=60, task="always")
def say_later(run: Run, word: str, steps: int = 1) -> str:
    """The same as a task."""
    for done in range(steps):
        run.progress(done + 1, steps, word)
        run.sleep(timedelta(milliseconds=100))
    return word * 1000 if steps == 1 else word
