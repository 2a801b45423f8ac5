"""Tools of a company of its own, for tests: named by MCP_TOOL_MODULES."""

import asyncio
import time
from datetime import timedelta
from pathlib import Path

from typing_extensions import TypedDict

from tasks.ask import Sampled
from tasks.resource import resource
from tasks.tool import Elicitation, Image, ProtocolError, Roots, Run, Sampling, Text, ToolError, tool
from tasks.tools.ecs.page import PAGE_URI
from tasks.tools.ecs.picture import picture
from tasks.tools.ecs.timeline import Timeline, trimmed
from tests.stand_ins.timelines import incident


@tool(annotations={"readOnlyHint": True})
def flood(run: Run, count: int) -> str:
    """Report progress as fast as possible."""
    for done in range(count):
        run.progress(done + 1, count, f"step {done + 1}")
    return "flooded"


@tool
def talk(run: Run, pieces: int) -> str:
    """Stream text in many small pieces."""
    for piece in range(pieces):
        run.emit(f"<{piece}>")
    return "said"


@tool
def say(run: Run) -> str:
    """Log at three levels."""
    run.log("debug", "quiet")
    run.log("info", "normal", detail=1)
    run.log("error", "loud")
    return "logged"


@tool(annotations={"readOnlyHint": True}, timeout=60)
def tick(run: Run, file: str) -> str:
    """Write a line every 50 ms for as long as it runs."""
    with Path(file).open("a") as out:
        while True:
            out.write(".")
            out.flush()
            run.sleep(timedelta(milliseconds=50))


@tool(timeout=60)
def deaf(run: Run, file: str) -> str:
    """Write a line every 50 ms and never listen."""
    with Path(file).open("a") as out:
        while True:
            out.write(".")
            out.flush()
            until = time.monotonic() + 0.05
            while time.monotonic() < until:
                pass


@tool(timeout=60)
async def nap(file: str) -> str:
    """Write a line every 50 ms as a coroutine, without asking for the run."""
    while True:
        with Path(file).open("a") as out:  # noqa: ASYNC230  # a local file, in a loop of its own
            out.write(".")
        await asyncio.sleep(0.05)


@tool(timeout=1)
def slow(run: Run) -> str:
    """Take longer than it may, listening."""
    run.sleep(timedelta(seconds=30))
    return "never"


@tool(timeout=1)
def slow_and_deaf() -> str:
    """Take longer than it may, not listening."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        pass
    return "never"


@tool(timeout=1)
async def slow_coroutine() -> str:
    """Take longer than it may, as a coroutine."""
    await asyncio.sleep(30)
    return "never"


@tool(timeout=60)
def silent(run: Run, seconds: float) -> str:
    """Say nothing for a while."""
    run.sleep(timedelta(seconds=seconds))
    return "at last"


@tool(annotations={"readOnlyHint": True}, timeout=60)
def steps(run: Run, file: str, count: int, pause: float = 0.2) -> str:
    """Report *count* steps, and note in a file when it begins."""
    with Path(file).open("a") as out:
        out.write("begun\n")
    for done in range(count):
        run.sleep(timedelta(seconds=pause))
        run.progress(done + 1, count, f"step {done + 1}")
    return f"{count} steps"


@tool(annotations={"readOnlyHint": True}, timeout=60)
def steps_with_schema(run: Run, count: int) -> dict[str, int]:
    """Report *count* steps and return an object."""
    for done in range(count):
        run.sleep(timedelta(milliseconds=200))
        run.progress(done + 1, count)
    return {"steps": count}


@tool(timeout=60)
def once(run: Run, file: str, seconds: float) -> str:
    """Must not run twice; notes in a file when it begins."""
    with Path(file).open("a") as out:
        out.write("begun\n")
    run.sleep(timedelta(seconds=seconds))
    return "done once"


@tool(annotations={"readOnlyHint": True})
def much(size: int) -> str:
    """Return a long text."""
    return "0123456789" * (size // 10)


@tool(annotations={"readOnlyHint": True})
def much_with_schema(size: int) -> dict[str, str]:
    """Return an object with a long text."""
    return {"text": "0123456789" * (size // 10)}


@tool(keep=timedelta(minutes=5), annotations={"readOnlyHint": True})
def keeps_a_secret(run: Run, text: str) -> dict[str, str]:
    """Say it in every way there is."""
    run.checkpoint({"text": text})
    run.progress(1, 2, text, data={"text": text})
    run.emit(text)
    run.log("error", text, text=text)
    return {"text": text, "before": str(run.resume())}


@tool(annotations={"readOnlyHint": True})
def much_of(text: str, times: int) -> str:
    """Return it many times over."""
    return text * times


@tool
def broken_with(text: str) -> str:
    """Fail on purpose, and say why."""
    raise ToolError(f"cannot do {text}")


@tool(task="never", annotations={"readOnlyHint": True})
def never_a_task(run: Run, seconds: float) -> str:
    """Take a while, and be a call only."""
    run.sleep(timedelta(seconds=seconds))
    return "never a task"


@tool(task="always")
def always_a_task(run: Run) -> str:
    """Be a task at once."""
    answer = run.ask(Elicitation("What is your name?", NAME), key="name")
    return f"hello {answer.content['name']}" if answer.action == "accept" else f"they chose to {answer.action}"


@tool(task="required")
def only_a_task() -> str:
    """Be nothing but a task."""
    return "a task"


@tool(task="always")
def fails_as_protocol() -> str:
    """End with an error of the protocol."""
    raise ProtocolError(-32000, "the warehouse is closed", {"until": "Monday"})


@tool
def broken(run: Run) -> str:
    """Raise what nobody should see."""
    raise RuntimeError("the password is hunter2, see /etc/secret")


@tool(inline=True)
def broken_inline() -> str:
    """Raise what nobody should see, in the web process."""
    raise RuntimeError("the password is hunter2, see /etc/secret")


@tool(inline=True)
async def soon(name: str) -> str:
    """Answer from a coroutine in the web process."""
    await asyncio.sleep(0)
    return f"hello {name}"


@tool
def count_up(run: Run) -> dict[str, int]:
    """Say which attempt this is."""
    return {"attempt": run.attempt}


NAME = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
VALUE = {"type": "object", "properties": {"value": {"type": "string"}}, "required": ["value"]}


@tool(annotations={"readOnlyHint": True})
def ask_name(run: Run) -> str:
    """Ask who is there."""
    answer = run.ask(Elicitation("What is your name?", NAME), key="name")
    return f"hello {answer.content['name']}" if answer.action == "accept" else f"they chose to {answer.action}"


@tool(annotations={"readOnlyHint": True})
def ask_twice(run: Run) -> str:
    """Ask one thing, and then another."""
    first = run.ask(Elicitation("The first?", VALUE), key="first")
    second = run.ask(Elicitation("The second?", VALUE), key="second")
    return f"{first.content['value']} and {second.content['value']}"


@tool(inline=True)
async def ask_inline(run: Run) -> str:
    """Ask from the web process."""
    answer = run.ask(Elicitation("What is your name?", NAME), key="name")
    return f"hello {answer.content['name']}, from the web process"


@tool
def touch_resource(run: Run, uri: str) -> str:
    """Say that a resource changed."""
    run.updated(uri)
    return "touched"


@tool
def announce_tools(run: Run) -> str:
    """Say that the list of tools changed."""
    run.changed("tools")
    return "announced"


@tool(annotations={"readOnlyHint": True})
def hang_up(run: Run, seconds: float) -> str:
    """Send the client away, and be done when it is back."""
    run.hang_up()
    run.sleep(timedelta(seconds=seconds))
    return "back again"


@resource("test://watched")
def watched() -> str:
    """What may change."""
    return "still the same"


@tool(annotations={"readOnlyHint": True})
def ask_model(run: Run) -> str:
    """Ask the client's model and its roots at once."""
    answers = run.ask_all({"capital": Sampling("The capital of France?"), "where": Roots()})
    capital, where = answers["capital"], answers["where"]
    assert isinstance(capital, Sampled)
    assert isinstance(where, tuple)
    return f"{capital.text} in {where[0].uri}"


class Charted(TypedDict):
    chart: Timeline
    pages: bool


@tool(annotations={"readOnlyHint": True}, ui=PAGE_URI)
def charted(run: Run) -> Charted:
    """Show an incident: as a page where there are pages, or else as a picture."""
    chart = incident()
    run.attach(Text("memory ran out after checkout:42"))
    if not run.shows_ui:
        run.attach(Image.of(picture(chart, title="checkout in prod"), "image/png"))
    return {"chart": trimmed(chart), "pages": run.shows_ui}


@tool(annotations={"readOnlyHint": True}, inline=True, ui=PAGE_URI)
def charted_inline(run: Run) -> str:
    """Say whether the client shows pages."""
    return "pages" if run.shows_ui else "no pages"
