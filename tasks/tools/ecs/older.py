"""The answer of `aws_ecs` beside the investigation: task and service by the names that ECS gives their fields."""

from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from tasks.tools.ecs.answer import Investigation
from tasks.tools.ecs.evidence import moment
from tasks.tools.ecs.facts import Container, Facts, Sample, Service, Task

EVENTS = 20


class OlderContainer(TypedDict):
    name: str
    lastStatus: str
    exitCode: NotRequired[int]
    reason: NotRequired[str]
    image: str


class OlderTask(TypedDict):
    taskArn: str
    lastStatus: str
    healthStatus: str
    stopCode: str
    stoppedReason: str
    startedAt: str | None
    stoppedAt: str | None
    taskDefinitionArn: str
    containers: list[OlderContainer]


class OlderEvent(TypedDict):
    createdAt: str | None
    message: str


class OlderService(TypedDict):
    serviceName: str
    status: str
    desiredCount: int
    runningCount: int
    pendingCount: int
    taskDefinition: str
    events: list[OlderEvent]


class Utilisation(TypedDict):
    """One sample. CPU is in CPU units (1024 a core), memory in MB."""

    timestamp: str
    cpuReserved: float | None
    cpuUtilized: float | None
    cpuPercent: float | None
    memoryReserved: float | None
    memoryUtilized: float | None
    memoryPercent: float | None


class Older(TypedDict):
    """What `aws_ecs` has always returned, and the investigation."""

    analysis: str
    service: OlderService | None
    task: OlderTask | None
    cloudwatchLogs: Annotated[list[Utilisation], Field(description="Container Insights: CPU and memory over time")]
    investigation: Investigation


def older(found: Investigation, facts: Facts) -> Older:
    task = next(iter(facts.stopped or facts.tasks or ()), None)
    return {
        "analysis": found["analysis"]["text"],
        "service": _service(facts.service) if facts.service else None,
        "task": _task(task) if task else None,
        "cloudwatchLogs": [_sample(each) for each in facts.samples or ()],
        "investigation": found,
    }


def _service(found: Service) -> OlderService:
    return {
        "serviceName": found.name,
        "status": found.status,
        "desiredCount": found.desired,
        "runningCount": found.running,
        "pendingCount": found.pending,
        "taskDefinition": found.definition,
        "events": [{"createdAt": moment(each.at), "message": each.text} for each in found.events[:EVENTS]],
    }


def _task(found: Task) -> OlderTask:
    return {
        "taskArn": found.arn,
        "lastStatus": found.status,
        "healthStatus": found.health,
        "stopCode": found.code,
        "stoppedReason": found.reason,
        "startedAt": moment(found.started),
        "stoppedAt": moment(found.stopped),
        "taskDefinitionArn": found.definition,
        "containers": [_container(each) for each in found.containers],
    }


def _container(found: Container) -> OlderContainer:
    made: OlderContainer = {"name": found.name, "lastStatus": found.status, "image": found.image}
    if found.exit is not None:
        made["exitCode"] = found.exit
    if found.reason:
        made["reason"] = found.reason
    return made


def _sample(found: Sample) -> Utilisation:
    return {
        "timestamp": found.timestamp,
        "cpuReserved": found.cpu_reserved,
        "cpuUtilized": found.cpu_utilized,
        "cpuPercent": found.cpu_percent,
        "memoryReserved": found.memory_reserved,
        "memoryUtilized": found.memory_utilized,
        "memoryPercent": found.memory_percent,
    }
