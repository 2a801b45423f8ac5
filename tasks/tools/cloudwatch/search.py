"""`search_logs`: CloudWatch Logs Insights by what is looked for, rather than by its language."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import Field

from tasks.aws.errors import code_of, explain
from tasks.aws.insights import Window, sized
from tasks.aws.window import window_of
from tasks.tool import Run, ToolError, tool
from tasks.tools.cloudwatch import console
from tasks.tools.cloudwatch.answers import ANSWERS, Asked
from tasks.tools.cloudwatch.groups import Groups, check_patterns, explain_missing, resolve
from tasks.tools.cloudwatch.presets import Preset
from tasks.tools.cloudwatch.series import Plan, Series, restored
from tasks.tools.cloudwatch.shapes import Found, Scanned

GIGABYTE: Final = 1_000_000_000
LONGEST: Final = timedelta(days=7)
LONGEST_LINK: Final = 4_000
"""Characters: many long names make an address that browsers and readers have no use for."""
_DAY: Final = timedelta(days=1)

Group = Annotated[str, Field(min_length=1, max_length=2048, pattern=r"^[A-Za-z0-9._/#:*-]+$")]


@tool(
    title="Search CloudWatch logs",
    scopes=("mcp:aws",),
    annotations={"readOnlyHint": True, "openWorldHint": True},
    timeout=timedelta(minutes=15),
)
def search_logs(  # noqa: PLR0913  # what is searched, and for what
    run: Run,
    *,
    log_groups: Annotated[
        list[Group],
        Field(
            alias="logGroups",
            min_length=1,
            max_length=50,
            description="names or ARNs of log groups; a name that ends with * stands for all that begin so",
        ),
    ],
    preset: Annotated[
        Preset,
        Field(
            description="errors: error lines as patterns with counts; slow: the slowest lines, durations over time; "
            "pattern: what kinds of lines there are; diff: what changed against the day before; lines: the newest lines"
        ),
    ] = "errors",
    contains: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=200,
            pattern=r"^[^\x00-\x1f\x7f]+$",
            description="only lines with exactly this text in them, such as a request id",
        ),
    ] = None,
    window_minutes: Annotated[
        int, Field(alias="windowMinutes", ge=1, le=10_080, description="how far back from end, unless start is given")
    ] = 60,
    start: Annotated[
        str | None, Field(max_length=40, description="ISO 8601 with a zone, such as 2026-06-10T10:00:00Z")
    ] = None,
    end: Annotated[str | None, Field(max_length=40, description="the same; now if it is left out")] = None,
    region: Annotated[
        str | None, Field(pattern=r"^[a-z0-9-]{1,40}$", description="another region than the server's own")
    ] = None,
    limit: Annotated[int, Field(ge=1, le=500, description="most lines or patterns to return, if there is room")] = 50,
    max_scan_gb: Annotated[
        float,
        Field(alias="maxScanGb", gt=0, le=100, description="gigabytes to read at most: AWS charges for each"),
    ] = 5.0,
    slow_ms: Annotated[
        int, Field(alias="slowMs", ge=1, le=86_400_000, description="for slow: the milliseconds from which a line is")
    ] = 1_000,
) -> Found:
    """Search CloudWatch logs for errors, slow requests, patterns, changes against the day before, or a text.

    Runs Logs Insights queries within a budget of bytes and stops them when the caller leaves. Secrets are masked.
    """
    asked = Asked(preset=preset, contains=contains, limit=limit, slow_ms=slow_ms)
    kept: dict[str, Any] | None = run.resume()
    budget = round(max_scan_gb * GIGABYTE)
    try:
        if kept:
            return _searched(run, Series(run, restored(kept), budget=budget, kept=kept), asked)
        window = window_of(start, end, timedelta(minutes=window_minutes), longest=LONGEST, now=datetime.now(UTC))
        plan = _planned(run, preset, resolve(run, log_groups, region), window)
        return _searched(run, Series(run, plan, budget=budget), asked)
    except (BotoCoreError, ClientError) as error:
        # A cancelled run closes its connections: that is no fact about AWS.
        run.check()
        raise ToolError(explain(error)) from error


def _planned(run: Run, preset: Preset, groups: Groups, window: Window) -> Plan:
    if preset == "diff" and window[1] - window[0] > _DAY:
        raise ToolError("preset diff compares with the day before, so start and end must be at most 24 hours apart.")
    if preset in ("pattern", "diff"):
        check_patterns(run, groups, preset)
    return Plan(groups=groups, window=window)


def _searched(run: Run, series: Series, asked: Asked) -> Found:
    groups, (start, end) = series.plan.groups, series.plan.window
    try:
        part, notes = ANSWERS[asked.preset](series, asked)
    except ClientError as error:
        if code_of(error) == "ResourceNotFoundException" and (words := explain_missing(run, groups)):
            raise ToolError(words) from error
        raise
    if series.was_cut:
        notes.insert(0, f"Stopped at the budget, after {sized(series.bytes)}: raise maxScanGb, or search less.")
    link = console.link(groups.region, groups.names, series.texts[0], series.plan.window)
    found: Found = {
        "preset": asked.preset,
        "logGroups": list(groups.names),
        "region": groups.region,
        "window": {"start": start.isoformat(), "end": end.isoformat()},
        "queries": series.texts,
        "scanned": _scanned(series),
        "matched": series.matched,
        "complete": not notes,
        "notes": notes,
        **part,
    }
    if len(link) <= LONGEST_LINK:
        found["consoleLink"] = link
    return found


def _scanned(series: Series) -> Scanned:
    queries = "1 query" if series.asked == 1 else f"{series.asked} queries"
    words = f"{sized(series.bytes)} and {series.events:,} events were read by {queries}"
    return {"bytes": series.bytes, "events": series.events, "queries": series.asked, "words": words}
