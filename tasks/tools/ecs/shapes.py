"""The shape of what `aws_ecs` returns."""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

Status = Literal["ok", "denied", "throttled", "empty", "error"]
Severity = Literal["critical", "warning", "info"]


class Section(TypedDict):
    """How the collection of one part of the evidence went."""

    name: str
    status: Status
    message: str


class Finding(TypedDict):
    rule: str
    severity: Severity
    message: str
    evidence: str


class Container(TypedDict):
    name: str
    lastStatus: NotRequired[str]
    exitCode: NotRequired[int]
    reason: NotRequired[str]
    healthStatus: NotRequired[str]
    image: NotRequired[str]


class Task(TypedDict):
    taskArn: str
    lastStatus: NotRequired[str]
    desiredStatus: NotRequired[str]
    healthStatus: NotRequired[str]
    stopCode: NotRequired[str]
    stoppedReason: NotRequired[str]
    startedAt: NotRequired[str]
    stoppedAt: NotRequired[str]
    cpu: NotRequired[str]
    memory: NotRequired[str]
    launchType: NotRequired[str]
    group: NotRequired[str]
    taskDefinitionArn: NotRequired[str]
    tags: dict[str, str]
    containers: list[Container]


class Event(TypedDict):
    createdAt: str
    message: str


class Service(TypedDict):
    serviceName: str
    status: NotRequired[str]
    desiredCount: NotRequired[int]
    runningCount: NotRequired[int]
    pendingCount: NotRequired[int]
    taskDefinition: NotRequired[str]
    events: list[Event]


class Utilisation(TypedDict):
    """One Container Insights sample. CPU is in CPU units (1024 a core), memory in MB."""

    timestamp: str
    cpuReserved: NotRequired[float]
    cpuUtilized: NotRequired[float]
    cpuPercent: NotRequired[float]
    memoryReserved: NotRequired[float]
    memoryUtilized: NotRequired[float]
    memoryPercent: NotRequired[float]


class LogLine(TypedDict):
    timestamp: str
    message: str
    stream: NotRequired[str]


class Logs(TypedDict):
    logGroup: str
    lines: list[LogLine]
    truncated: bool


class Analyst(TypedDict):
    """Who wrote the analysis."""

    source: Literal["bedrock", "rules"]
    model: NotRequired[str]
    inputTokens: NotRequired[int]
    outputTokens: NotRequired[int]
    note: NotRequired[str]


class Seen(TypedDict):
    """The evidence."""

    cluster: dict[str, Any]
    service: Service | None
    task: Task | None
    cloudwatchLogs: Annotated[list[Utilisation], Field(description="Container Insights: CPU and memory over time")]
    applicationLogs: list[Logs]
    sections: list[Section]


class Investigation(Seen):
    analysis: str
    analyst: Analyst
    findings: list[Finding]
    window: Annotated[dict[str, str], Field(description="the time that logs were read for: start and end, ISO 8601")]
    consoleLink: str
