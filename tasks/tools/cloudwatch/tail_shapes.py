"""What is asked of a tail, the lines it sees, and the shape of what `tail_logs` returns."""

import hashlib
from dataclasses import dataclass
from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from tasks.mining.digest import Digest

Mode = Literal["auto", "live", "poll"]
Source = Literal["live", "poll"]
Ended = Literal["time", "lines", "stream"]


@dataclass(frozen=True, kw_only=True)
class Group:
    """A log group. *arn* is without `:*`, and None when only the name is known."""

    name: str
    arn: str | None
    by_arn: bool = False
    """Whether it was given by its ARN, and may be another account's."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    groups: tuple[Group, ...]
    streams: tuple[str, ...] = ()
    prefix: str | None = None
    contains: str = ""
    region: str | None = None
    seconds: int = 60
    most: int = 500
    """Lines that are shown."""
    unnamed: str = ""
    """Why the ARNs of groups are not known."""

    @property
    def pattern(self) -> str:
        """CloudWatch's filter pattern for lines that may contain the text; what it finds is checked again.

        Only what needs no escape stands between the quotes: the text is split where the pattern language has a meaning
        of its own, and every part must be there.
        """
        plain = "".join(char if char.isprintable() and char not in '"\\%' else "\n" for char in self.contains)
        return " ".join(f'"{part}"' for each in plain.split("\n") if (part := each.strip()))

    @property
    def names(self) -> str:
        if len(self.groups) == 1:
            return self.groups[0].name
        return f"{len(self.groups)} log groups"


@dataclass(frozen=True, slots=True)
class Line:
    """One event of a log: *at* in milliseconds since 1970, *text* as it was written."""

    at: int
    group: str
    stream: str
    text: str

    @property
    def mark(self) -> str:
        """The same for the same line, whether Live Tail or FilterLogEvents told of it."""
        whole = f"{self.group}\0{self.stream}\0{self.text}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(whole, digest_size=8).hexdigest()


class TailedLine(TypedDict):
    timestamp: str
    stream: str
    message: str
    logGroup: NotRequired[str]


class Tailed(TypedDict):
    logGroups: list[str]
    mode: Annotated[Source, Field(description="where lines came from, at the end: Live Tail, or FilterLogEvents")]
    why: Annotated[str, Field(description="why this mode")]
    seconds: Annotated[float, Field(description="how long the logs were followed")]
    ended: Annotated[Ended, Field(description="by time, by the number of lines, or because AWS ended the stream")]
    linesSeen: int
    linesShown: int
    linesNotShown: Annotated[int, Field(description="seen, but more than were shown in a second")]
    sampled: Annotated[bool, Field(description="whether AWS left lines out: Live Tail sends at most 500 a second")]
    notes: list[str]
    firstAt: NotRequired[str]
    lastAt: NotRequired[str]
    lines: Annotated[list[TailedLine], Field(description="the last lines; all that were shown have been streamed")]
    patterns: NotRequired[Annotated[Digest, Field(description="the kinds of lines that this attempt saw")]]
