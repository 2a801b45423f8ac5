"""Facts of a service as a test tells them: the service `web` of the cluster `shop`, in which all is well."""

from typing import Any, Final

from msgspec.structs import replace

from tasks.tools.ecs.facts import (
    Alarm,
    Cluster,
    Container,
    ContainerSpec,
    Definition,
    Event,
    Facts,
    LogTarget,
    Metric,
    Pattern,
    Revisions,
    Rollout,
    Service,
    Target,
    TargetGroup,
    Task,
)
from tests.stand_ins.world.account import arn
from tests.stand_ins.world.names import CLUSTER_ARN, GROUP_ARN, LOG_GROUP, SERVICE_ARN, definition_arn

NOW: Final = 1_790_000_000_000
MINUTE: Final = 60_000
STEADY: Final = "(service web) has reached a steady state."
EXITED: Final = "Essential container in task exited"


def ago(minutes: float) -> int:
    return NOW - round(minutes * MINUTE)


def facts(**known: Any) -> Facts:
    """Of the last hour, as far as they are *known*."""
    return Facts(start=ago(60), end=NOW, **known)


def cluster(**more: Any) -> Cluster:
    return Cluster(id="cluster:1", name="shop", arn=CLUSTER_ARN, status="ACTIVE", running=2, insights=True, **more)


def service(desired: int = 2, running: int = 2, *events: Event, **more: Any) -> Service:
    made = Service(
        id="service:1",
        name="web",
        arn=SERVICE_ARN,
        status="ACTIVE",
        desired=desired,
        running=running,
        definition=definition_arn(7),
        events=events,
    )
    return replace(made, **more)


def event(number: int, minutes: float, text: str = STEADY) -> Event:
    return Event(id=f"event:{number}", at=ago(minutes), text=text)


def rollout(number: int, revision: int, minutes: float, state: str = "COMPLETED", **more: Any) -> Rollout:
    """A service deployment, begun so many minutes ago."""
    made = Rollout(
        id=f"deployment:{number}",
        key=f"{number}",
        status={"COMPLETED": "SUCCESSFUL", "FAILED": "STOPPED"}.get(state, state),
        state=state,
        definition=definition_arn(revision),
        created=ago(minutes),
        updated=ago(minutes - 1),
        desired=2,
        running=2,
    )
    return replace(made, **more)


def running(number: int, revision: int = 7, **more: Any) -> Task:
    made = Task(
        id=f"task:{number}",
        arn=arn("ecs", f"task/shop/{number:032x}"),
        status="RUNNING",
        health="UNKNOWN",
        definition=definition_arn(revision),
        created=ago(600),
        started=ago(599),
        group="service:web",
        memory="512",
        containers=(Container(name="web", status="RUNNING"),),
    )
    return replace(made, **more)


def ended(number: int, minutes: float, *containers: Container, revision: int = 7, **more: Any) -> Task:
    """A task of the service whose essential container exited with 1 so many minutes ago, after one minute."""
    made = running(
        number,
        revision,
        status="STOPPED",
        code="EssentialContainerExited",
        reason=EXITED,
        created=ago(minutes + 2),
        started=ago(minutes + 1),
        stopping=ago(minutes),
        stopped=ago(minutes),
        containers=containers or (exited("web", 1),),
    )
    return replace(made, **more)


def exited(name: str, code: int | None, reason: str = "", **more: Any) -> Container:
    return Container(name=name, status="STOPPED", exit=code, reason=reason, **more)


def unstarted(number: int, minutes: float, reason: str, **more: Any) -> Task:
    """A task that never came to run, for this *reason*."""
    made: dict[str, Any] = {"code": "TaskFailedToStart", "reason": reason, "started": None}
    return ended(number, minutes, exited("web", None, image="web:7"), **(made | more))


def spec(name: str = "web", **more: Any) -> ContainerSpec:
    logs = LogTarget(container=name, driver="awslogs", group=LOG_GROUP, prefix="ecs", region="us-east-1")
    return replace(ContainerSpec(name=name, image=f"{name}:7", ports=(8080,), logs=logs), **more)


def definition(revision: int = 7, *containers: ContainerSpec, number: int = 1, **more: Any) -> Definition:
    made = Definition(id=f"definition:{number}", arn=definition_arn(revision), cpu="256", memory="512")
    return replace(made, containers=containers or (spec(),), **more)


def revisions(current: Definition | None = None, **more: Any) -> Revisions:
    return Revisions(current=current or definition(), **more)


def group(*targets: Target, number: int = 1, **more: Any) -> TargetGroup:
    made = TargetGroup(
        id=f"target:{number}", name="web", arn=GROUP_ARN, port=8080, path="/health", matcher="200", timeout=5
    )
    return replace(made, targets=targets, **more)


def target(state: str = "healthy", reason: str = "", words: str = "", port: int = 8080) -> Target:
    return Target(target="10.0.0.1", port=port, state=state, reason=reason, words=words)


def metric(name: str, *values: float, number: int = 1, step: int = 1, unit: Any = "percent") -> Metric:
    """A value a *step* of minutes, the last one now."""
    points = tuple((ago((len(values) - 1 - n) * step), value) for n, value in enumerate(values))
    return Metric(id=f"metric:{number}", name=name, unit=unit, points=points)


def alarm(number: int, name: str, state: str = "ALARM", minutes: float = 9) -> Alarm:
    return Alarm(id=f"alarm:{number}", name=name, state=state, since=ago(minutes), reason="Threshold Crossed")


def pattern(number: int, text: str, count: int = 30, severity: str = "error", **more: Any) -> Pattern:
    made = Pattern(
        id=f"log:{number}",
        template=text,
        count=count,
        first=ago(20),
        last=ago(1),
        severity=severity,
        samples=((ago(1), text),),
    )
    return replace(made, **more)
