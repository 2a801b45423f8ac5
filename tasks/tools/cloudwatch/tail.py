"""`tail_logs`: log groups followed while they are written, each line streamed as it comes."""

import time
from datetime import timedelta
from typing import Annotated, Final

import msgspec
from pydantic import Field

from tasks.mining.digest import digest
from tasks.mining.miner import moment
from tasks.tool import Run, Text, ToolError, tool
from tasks.tools.cloudwatch.tail_groups import find_groups, region_of
from tasks.tools.cloudwatch.tail_live import follow_live
from tasks.tools.cloudwatch.tail_poll import follow_poll
from tasks.tools.cloudwatch.tail_screen import Broke, Screen
from tasks.tools.cloudwatch.tail_shapes import Asked, Ended, Mode, Source, Tailed
from tasks.tools.cloudwatch.tail_state import State

MOST_SECONDS: Final = 900
PATTERN_TOKENS: Final = 1_200
_LIVE: Final = "Live Tail: every line as AWS takes it in"

GroupName = Annotated[str, Field(min_length=1, max_length=600, pattern=r"^[A-Za-z0-9_./#:-]+(:\*)?$")]
StreamName = Annotated[str, Field(min_length=1, max_length=512, pattern=r"^[^:*\x00-\x1f\x7f]+$")]


@tool(
    title="Follow logs live",
    scopes=("mcp:aws",),
    annotations={"readOnlyHint": True, "openWorldHint": True},
    # The time the caller may ask for, a refusal of Live Tail before it and a last look after it.
    timeout=timedelta(seconds=MOST_SECONDS + 120),
)
def tail_logs(  # noqa: PLR0913  # these are the tool's arguments
    run: Run,
    *,
    log_groups: Annotated[
        list[GroupName],
        Field(alias="logGroups", min_length=1, max_length=10, description="names or ARNs of CloudWatch log groups"),
    ],
    streams: Annotated[
        list[StreamName] | None, Field(max_length=100, description="only streams of these names")
    ] = None,
    stream_prefix: Annotated[
        StreamName | None, Field(alias="streamPrefix", description="only streams whose name begins with this")
    ] = None,
    contains: Annotated[
        str, Field(max_length=200, description="only lines that contain this text, letter for letter")
    ] = "",
    seconds: Annotated[int, Field(ge=1, le=MOST_SECONDS, description="how long to follow")] = 60,
    max_lines: Annotated[
        int, Field(alias="maxLines", ge=1, le=5000, description="end when so many lines have been shown")
    ] = 500,
    region: Annotated[
        str | None, Field(pattern=r"^[a-z0-9-]{1,32}$", description="another AWS region than the server's")
    ] = None,
    mode: Annotated[
        Mode, Field(description="live: Live Tail or an error; poll: no Live Tail; auto: Live Tail where it can be had")
    ] = "auto",
) -> Tailed:
    """Follow CloudWatch log groups for a while and stream each line as it is written; for what happens right now.

    The result has the counts, the last lines and their patterns. Live Tail is billed by the minute.
    """
    began = round(time.time() * 1000)
    if streams and stream_prefix:
        raise ToolError("Give streams or streamPrefix, not both: names, or what they begin with.")
    where = region_of(run, log_groups, region)
    groups, unnamed = find_groups(run, run.aws("logs", region=where), log_groups)
    asked = Asked(
        groups=groups,
        streams=tuple(streams or ()),
        prefix=stream_prefix,
        contains=contains,
        region=where,
        seconds=seconds,
        most=max_lines,
        unnamed=unnamed,
    )
    screen = Screen(run, asked, _state(run, began, seconds))
    screen.tick()
    ended, source, why = _follow(run, asked, screen, mode)
    screen.finish()
    found = _result(asked, screen, ended, source, why)
    run.attach(Text(_words(asked, found)))
    return found


def _state(run: Run, began: int, seconds: int) -> State:
    """What an earlier attempt kept; or that of a tail that looks at lines since *began*, and has all its time."""
    if (kept := run.resume()) is not None:
        return msgspec.convert(kept, State)
    return State(started=began, until=round((time.time() + seconds) * 1000))


def _follow(run: Run, asked: Asked, screen: Screen, mode: Mode) -> tuple[Ended, Source, str]:
    """How it ended, what lines came from at the end, and why from there."""
    if screen.full:
        return "lines", "poll", "a worker ended when all lines had been shown"
    if mode == "poll":
        return _polled(run, asked, screen, "mode is poll")
    if screen.state.last is not None:
        # Live Tail knows nothing of the time in between.
        return _polled(run, asked, screen, "a worker ended, and polling went on after the last line it kept")
    try:
        return follow_live(run, asked, screen), "live", _LIVE
    except Broke as error:
        if mode == "live" and error.began:
            return "stream", "live", f"{_LIVE}, until it broke off: {error}"
        if mode == "live":
            raise ToolError(f"{error} With mode auto or poll the logs are polled instead.") from error
        why = str(error)
    run.log("info", "polling instead of Live Tail", reason=why)
    return _polled(run, asked, screen, why)


def _polled(run: Run, asked: Asked, screen: Screen, why: str) -> tuple[Ended, Source, str]:
    try:
        return follow_poll(run, asked, screen), "poll", why
    except Broke as error:
        if not (error.began or screen.state.seen):
            raise ToolError(str(error)) from error
        return "stream", "poll", f"{why}; it broke off: {error}"


def _result(asked: Asked, screen: Screen, ended: Ended, source: Source, why: str) -> Tailed:
    state = screen.state
    found = Tailed(
        logGroups=[group.name for group in asked.groups],
        mode=source,
        why=why,
        seconds=round(screen.done, 1),
        ended=ended,
        linesSeen=state.seen,
        linesShown=state.shown,
        linesNotShown=state.seen - state.shown,
        sampled=state.sampled,
        notes=_notes(asked, state),
        lines=state.lines,
    )
    if state.first is not None and state.last is not None:
        found["firstAt"], found["lastAt"] = moment(state.first), moment(state.last)
    if screen.miner.lines > len(state.lines):
        found["patterns"] = digest(screen.miner, PATTERN_TOKENS)
    return found


def _notes(asked: Asked, state: State) -> list[str]:
    notes: list[str] = []
    if state.shown >= asked.most:
        notes.append(f"It ended at {asked.most:,} lines: ask for more with maxLines, or for fewer with contains.")
    if state.sampled:
        notes.append("Live Tail sends at most 500 lines a second, and AWS left some out: use contains or streams.")
    if hidden := state.seen - state.shown:
        notes.append(f"{hidden:,} lines came faster than they can be shown; they are counted in the patterns.")
    if not state.seen:
        only = " that contains the text" if asked.contains else ""
        notes.append(f"No line{only} was written in this time.")
    return notes


def _words(asked: Asked, found: Tailed) -> str:
    by = "Live Tail" if found["mode"] == "live" else "polling"
    counts = f"{found['linesSeen']:,} lines seen, {found['linesShown']:,} shown"
    head = f"Followed {asked.names} for {found['seconds']:g} s by {by} ({found['why']}): {counts}."
    lines = [f"{line['timestamp']} {line['stream']} {line['message']}" for line in found["lines"]]
    last = [f"The last {len(lines)}:", *lines] if lines else []
    return "\n".join([head, *found["notes"], *last])
