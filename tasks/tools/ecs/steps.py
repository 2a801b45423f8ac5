"""The table of sections: what each asks of AWS, after which others, and at which depth."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tasks.tools.ecs.collectors.alarms import alarms
from tasks.tools.ecs.collectors.cluster import cluster, service
from tasks.tools.ecs.collectors.deployments import deployments
from tasks.tools.ecs.collectors.images import images
from tasks.tools.ecs.collectors.metrics import metrics
from tasks.tools.ecs.collectors.network import network
from tasks.tools.ecs.collectors.revisions import revisions
from tasks.tools.ecs.collectors.samples import samples
from tasks.tools.ecs.collectors.scaling import scaling
from tasks.tools.ecs.collectors.targets import targets
from tasks.tools.ecs.collectors.tasks import tasks
from tasks.tools.ecs.collectors.trail import trail
from tasks.tools.ecs.facts import (
    Act,
    Alarm,
    Check,
    Cluster,
    Image,
    Metric,
    Revisions,
    Rollout,
    Samples,
    Scaling,
    Service,
    TargetGroup,
    Task,
)
from tasks.tools.ecs.scene import Scene


@dataclass(frozen=True, kw_only=True)
class Step:
    """*collect* makes a value of *kind*, once the sections that come *after* it names have settled."""

    name: str
    words: Callable[[Scene], str]
    collect: Callable[[Scene], Any]
    kind: Any
    after: tuple[str, ...] = ()
    quick: bool = True
    """Whether it is part of a quick look."""


LOGS: Final = "logs"
"""The one section with a step of its own: it keeps its queries."""
LOGS_AFTER: Final = ("tasks", "deployments", "revisions")

STEPS: Final[tuple[Step, ...]] = (
    Step(
        name="cluster",
        words=lambda scene: f"describing the cluster {scene.cluster_name}",
        collect=cluster,
        kind=Cluster,
    ),
    Step(
        name="tasks",
        words=lambda scene: f"describing the tasks of {scene.service or scene.request.task}",
        collect=tasks,
        kind=tuple[Task, ...],
        after=("cluster",),
    ),
    Step(
        name="service",
        words=lambda scene: f"describing the service {scene.service}",
        collect=service,
        kind=Service,
        after=("cluster",),
    ),
    Step(
        name="deployments",
        words=lambda scene: f"looking at the deployments of {scene.service}",
        collect=deployments,
        kind=tuple[Rollout, ...],
        after=("cluster",),
    ),
    Step(
        name="revisions",
        words=lambda scene: "comparing the deployed task definition with the one before",
        collect=revisions,
        kind=Revisions,
        after=("service", "tasks", "deployments"),
    ),
    Step(
        name="images",
        words=lambda scene: "looking up the images in ECR",
        collect=images,
        kind=tuple[Image, ...],
        after=("revisions",),
    ),
    Step(
        name="targets",
        words=lambda scene: "asking the load balancer how its targets are",
        collect=targets,
        kind=tuple[TargetGroup, ...],
        after=("service",),
    ),
    Step(
        name="network",
        words=lambda scene: "checking security groups and routes",
        collect=network,
        kind=tuple[Check, ...],
        after=("targets",),
    ),
    Step(
        name="alarms",
        words=lambda scene: "reading CloudWatch alarms",
        collect=alarms,
        kind=tuple[Alarm, ...],
        after=("targets",),
    ),
    Step(
        name="metrics",
        words=lambda scene: "reading CPU, memory, errors and latency",
        collect=metrics,
        kind=tuple[Metric, ...],
        after=("targets",),
    ),
    Step(
        name="scaling",
        words=lambda scene: "reading what auto scaling did",
        collect=scaling,
        kind=Scaling,
        after=("cluster",),
        quick=False,
    ),
    Step(
        name="trail",
        words=lambda scene: "asking CloudTrail who changed the service",
        collect=trail,
        kind=tuple[Act, ...],
        after=("service",),
        quick=False,
    ),
    Step(
        name="samples",
        words=lambda scene: "reading Container Insights' samples of the task",
        collect=samples,
        kind=Samples,
        after=("tasks",),
        quick=False,
    ),
)
