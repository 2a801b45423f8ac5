"""The shape of what `investigate_ecs_service` returns. Moments are ISO 8601, in UTC."""

from typing import Annotated, Final, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from tasks.tools.ecs.timeline import Timeline

Status = Literal["ok", "denied", "throttled", "empty", "error", "skipped"]
BLIND: Final[frozenset[Status]] = frozenset({"denied", "throttled", "error"})
"""Of a section that could not be seen."""
Severity = Literal["critical", "warning", "info"]
Confidence = Literal["high", "medium", "low"]
Ids = Annotated[list[str], Field(description="of the pieces of evidence")]
Moment = Annotated[str | None, Field(description="ISO 8601, UTC")]


class Section(TypedDict):
    """How the collection of one part of the evidence went."""

    name: str
    status: Status
    message: str


class Verdict(TypedDict):
    status: Annotated[
        Literal["broken", "degraded", "healthy", "unknown"],
        Field(description="by rules alone; unknown when too little could be read to say that it is healthy"),
    ]
    severity: Severity
    summary: str
    since: Moment


class Finding(TypedDict):
    """What a rule concluded."""

    rule: str
    severity: Severity
    message: str
    evidence: Ids
    since: Moment


class Hypothesis(TypedDict):
    cause: str
    confidence: Confidence
    evidence: Ids
    counterEvidence: Annotated[list[str], Field(description="what speaks against it, or is missing")]
    nextStep: str
    command: Annotated[str, Field(description="a command that shows more or mends it; read before you run it")]
    source: Literal["rules", "model"]


class Evidence(TypedDict):
    id: str
    at: Moment
    text: str


class Change(TypedDict):
    what: str
    before: str
    after: str
    at: Moment
    evidence: str


class LogPattern(TypedDict):
    id: str
    template: str
    count: int
    first: str
    last: str
    severity: str
    new: Annotated[bool, Field(description="not seen before the latest deployment, or the time compared with")]
    rose: NotRequired[Annotated[float, Field(description="by which factor, against the time compared with")]]
    sample: str


class TimelineEntry(TypedDict):
    at: str
    what: str
    evidence: str


class Analysis(TypedDict):
    """Words for a reader, and who wrote them."""

    text: str
    source: Literal["bedrock", "rules"]
    model: NotRequired[str]
    note: NotRequired[str]
    dropped: NotRequired[Annotated[int, Field(description="claims that cited no evidence there is")]]


class Usage(TypedDict):
    """What the investigation used that AWS bills."""

    logQueries: int
    scannedBytes: int
    inputTokens: int
    outputTokens: int
    cacheReadTokens: int
    cacheWriteTokens: int


class Window(TypedDict):
    start: str
    end: str


class Investigation(TypedDict):
    cluster: str
    service: str | None
    task: str | None
    window: Window
    verdict: Verdict
    hypotheses: Annotated[list[Hypothesis], Field(description="the likeliest first")]
    findings: Annotated[list[Finding], Field(description="the gravest first")]
    changes: Annotated[list[Change], Field(description="of the deployed revision against the one before")]
    timeline: list[TimelineEntry]
    logPatterns: list[LogPattern]
    evidence: Annotated[list[Evidence], Field(description="what is cited above; all of it is at evidenceUri")]
    gaps: Annotated[list[str], Field(description="what could not be looked at, and what would help")]
    sections: list[Section]
    analysis: Analysis
    usage: Usage
    chart: Timeline
    console: Annotated[dict[str, str], Field(description="links into the AWS console")]
    evidenceUri: str
