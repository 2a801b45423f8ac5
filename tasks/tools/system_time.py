"""What time it is, anywhere."""

import difflib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field
from typing_extensions import TypedDict

from tasks.tool import Run, ToolError, tool

TimeFormat = Literal["iso", "unix", "human", "custom"]

DIRECTIVES: Final = frozenset("aAwdbBmyYHIMSpfzZjUuVGcxX%")
"""The strftime directives that mean the same on every platform."""


class SystemTime(TypedDict):
    timestamp: Annotated[str, Field(description="the time in the format that was asked for")]
    timezone: str
    format: TimeFormat
    utc: Annotated[str, Field(description="ISO 8601, in UTC")]
    unix: Annotated[int, Field(description="seconds since 1970-01-01T00:00:00Z")]
    human: str


@tool(
    title="System time",
    annotations={"readOnlyHint": True, "openWorldHint": False},
    inline=True,
)
def system_time(
    run: Run,
    format: Annotated[TimeFormat, Field(description="how `timestamp` is written")] = "iso",  # noqa: A002  # the wire's name
    timezone: Annotated[str, Field(max_length=100, description="IANA name, as Europe/Berlin")] = "UTC",
    custom_format: Annotated[
        str | None,
        Field(
            alias="customFormat",
            max_length=200,
            description="for format=custom: text with strftime directives, as %Y-%m-%d %H:%M:%S %Z. %Y year, %m month, "
            "%d day, %H hour, %I hour of 12, %p AM or PM, %M minute, %S second, %f microsecond, %A weekday, %B month's "
            "name, %a and %b short names, %j day of the year, %V ISO week, %z offset, %Z zone, %% a percent sign",
        ),
    ] = None,
    include_timezone: Annotated[  # noqa: FBT002  # an argument of the tool
        bool, Field(alias="includeTimezone", description="whether iso and human name the zone or its offset")
    ] = True,
) -> SystemTime:
    """Tell the server's time in any time zone, as ISO 8601, Unix seconds, words, or a format of your own."""
    now = datetime.now(_zone(timezone))
    return {
        "timestamp": _written(now, format, custom_format, zone=include_timezone),
        "timezone": timezone,
        "format": format,
        "utc": now.astimezone(UTC).isoformat(timespec="milliseconds"),
        "unix": int(now.timestamp()),
        "human": _human(now, zone=include_timezone),
    }


@cache
def _zones() -> Mapping[str, str]:
    """Every zone's name by its folded form; read from the disk once."""
    return {each.casefold(): each for each in available_timezones()}


def _zone(name: str) -> ZoneInfo:
    known = _zones()
    if known.get(name.casefold()) == name:
        return ZoneInfo(name)
    close = difflib.get_close_matches(name.casefold(), known, n=1, cutoff=0.5)
    hint = f" Did you mean {known[close[0]]}?" if close else " Use an IANA name, as Europe/Berlin or UTC."
    raise ToolError(f"Unknown timezone {name!r}.{hint}")


def _written(now: datetime, how: TimeFormat, custom: str | None, *, zone: bool) -> str:
    match how:
        case "iso":
            return (now if zone else now.replace(tzinfo=None)).isoformat(timespec="milliseconds")
        case "unix":
            return str(int(now.timestamp()))
        case "human":
            return _human(now, zone=zone)
        case "custom":
            return now.strftime(_checked(custom))


def _human(now: datetime, *, zone: bool) -> str:
    words = f"{now:%A}, {now.day} {now:%B %Y}, {now:%H:%M:%S}"
    return f"{words} {now.tzname()}" if zone else words


def _checked(custom: str | None) -> str:
    if not custom:
        raise ToolError("format=custom needs customFormat, for example %Y-%m-%d %H:%M:%S")
    if re.search(r"[\x00-\x1f\x7f]", custom):
        raise ToolError("customFormat holds control characters: use printable text on one line")
    for directive in re.findall(r"%(.?)", custom.replace("%%", "")):
        if directive not in DIRECTIVES:
            allowed = " ".join(f"%{each}" for each in sorted(DIRECTIVES))
            raise ToolError(f"customFormat has the unknown directive %{directive}; the directives are {allowed}")
    return custom
