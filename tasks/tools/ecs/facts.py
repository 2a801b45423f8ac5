"""What is known of a service: the answers of AWS, told apart from what they mean.

Every fact that a rule may rest on has the id of its piece of evidence. Moments are milliseconds since 1970. Facts are
kept with each section, so that a later attempt need not ask again: add fields at the end, with a default.
"""

from typing import Literal

import msgspec


class Fact(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Something AWS said; *id* is what a conclusion cites."""

    id: str


class Cluster(Fact, frozen=True, kw_only=True):
    name: str
    arn: str
    status: str = ""
    running: int = 0
    pending: int = 0
    insights: bool = False
    """Whether Container Insights is on."""


class Event(Fact, frozen=True, kw_only=True):
    at: int
    text: str


class Rollout(Fact, frozen=True, kw_only=True):
    """A deployment as DescribeServices tells it, and as ListServiceDeployments does where it knows more."""

    key: str
    status: str
    """PRIMARY, ACTIVE, INACTIVE, or the status of a service deployment."""
    state: str = ""
    """IN_PROGRESS, COMPLETED, FAILED; or ROLLED_BACK and the like."""
    reason: str = ""
    definition: str = ""
    created: int | None = None
    updated: int | None = None
    desired: int = 0
    running: int = 0
    pending: int = 0
    failed: int = 0
    breaker: str = ""
    """What the circuit breaker says: TRIGGERED, MONITORING, ..."""
    alarms: tuple[str, ...] = ()
    """Alarms that stopped it."""
    rolled_back: bool = False


class Link(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A target group that the service registers a container in."""

    group: str
    container: str = ""
    port: int = 0


class Service(Fact, frozen=True, kw_only=True):
    name: str
    arn: str
    status: str = ""
    desired: int = 0
    running: int = 0
    pending: int = 0
    launch: str = ""
    definition: str = ""
    grace: int | None = None
    """Seconds in which failed health checks do not count."""
    links: tuple[Link, ...] = ()
    subnets: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    """Security groups."""
    public_ip: bool = False
    breaker: bool = False
    rollback: bool = False
    created: int | None = None
    events: tuple[Event, ...] = ()
    rollouts: tuple[Rollout, ...] = ()
    daemon: bool = False
    """Whether it runs one task on each instance: its desired count is nobody's wish."""


class Container(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    name: str
    status: str = ""
    exit: int | None = None
    reason: str = ""
    health: str = ""
    image: str = ""
    digest: str = ""


class Task(Fact, frozen=True, kw_only=True):
    arn: str
    status: str = ""
    desired: str = ""
    health: str = ""
    code: str = ""
    """stopCode."""
    reason: str = ""
    """stoppedReason."""
    definition: str = ""
    created: int | None = None
    started: int | None = None
    stopping: int | None = None
    stopped: int | None = None
    launch: str = ""
    zone: str = ""
    address: str = ""
    group: str = ""
    cpu: str = ""
    memory: str = ""
    containers: tuple[Container, ...] = ()

    @property
    def name(self) -> str:
        return self.arn.rpartition("/")[2]

    @property
    def ended(self) -> int | None:
        """When it stopped, or began to."""
        return self.stopped or self.stopping

    @property
    def lived(self) -> float | None:
        """Seconds from its start to its end."""
        if self.started is None or self.ended is None:
            return None
        return (self.ended - self.started) / 1000


class LogTarget(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Where a container logs to."""

    container: str
    driver: str
    group: str = ""
    prefix: str = ""
    region: str | None = None


class ContainerSpec(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A container of a task definition; of its environment the names, and digests by which values are compared."""

    name: str
    image: str = ""
    essential: bool = True
    cpu: int = 0
    memory: int | None = None
    ports: tuple[int, ...] = ()
    environment: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    secrets: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    command: tuple[str, ...] = ()
    health_check: str = ""
    stop_timeout: int | None = None
    logs: LogTarget | None = None


class Definition(Fact, frozen=True, kw_only=True):
    arn: str
    cpu: str = ""
    memory: str = ""
    network: str = ""
    task_role: str = ""
    execution_role: str = ""
    containers: tuple[ContainerSpec, ...] = ()

    @property
    def name(self) -> str:
        """family:revision."""
        return self.arn.rpartition("/")[2]


class Change(Fact, frozen=True, kw_only=True):
    """What is another one now than it was."""

    what: str
    before: str = ""
    after: str = ""
    at: int | None = None


class Revisions(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The task definition that is deployed, the one before it, and what became of it."""

    current: Definition
    previous: Definition | None = None
    guessed: bool = False
    """Whether the one before is only the number before: nothing says that it ever ran."""
    changes: tuple[Change, ...] = ()
    given_up: bool = False
    """Whether the other one came later and was rolled back: then *previous* is that one, and *changes* lead to it."""


class Image(Fact, frozen=True, kw_only=True):
    """An image in ECR; *found* is None where it could not be looked up."""

    name: str
    found: bool | None = None
    pushed: int | None = None
    digest: str = ""
    tags: tuple[str, ...] = ()
    """What other tags the repository has, when this one is missing; the newest first."""


class Target(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    target: str
    port: int
    state: str
    reason: str = ""
    words: str = ""


class TargetGroup(Fact, frozen=True, kw_only=True):
    name: str
    arn: str
    port: int = 0
    protocol: str = ""
    path: str = ""
    matcher: str = ""
    interval: int = 0
    timeout: int = 0
    check_port: str = ""
    balancers: tuple[str, ...] = ()
    targets: tuple[Target, ...] = ()

    @property
    def unhealthy(self) -> tuple[Target, ...]:
        return tuple(each for each in self.targets if each.state == "unhealthy")


class Check(Fact, frozen=True, kw_only=True):
    """A question about the way packets take: *ok* is None where the answer is not known."""

    name: Literal["from-load-balancer", "to-internet"]
    text: str
    ok: bool | None = None
    command: str = ""
    port: int = 0
    """That the packets are for; 0 is any."""


class Alarm(Fact, frozen=True, kw_only=True):
    name: str
    state: str
    reason: str = ""
    metric: str = ""
    since: int | None = None


class Metric(Fact, frozen=True, kw_only=True):
    """A series; *name* is cpu, memory, 5xx, latency, unhealthy or running."""

    name: str
    unit: Literal["percent", "count", "seconds", "tasks"]
    points: tuple[tuple[int, float], ...] = ()

    @property
    def peak(self) -> float:
        return max((value for _, value in self.points), default=0.0)

    @property
    def peak_at(self) -> int | None:
        return max(self.points, key=lambda point: point[1])[0] if self.points else None


class Activity(Fact, frozen=True, kw_only=True):
    at: int
    status: str
    text: str


class Scaling(Fact, frozen=True, kw_only=True):
    least: int
    most: int
    suspended: bool = False
    activities: tuple[Activity, ...] = ()


class Act(Fact, frozen=True, kw_only=True):
    """What somebody did, by CloudTrail."""

    at: int
    name: str
    who: str
    words: str = ""
    about: str = ""
    """The security group, where it is one that was changed."""


class Pattern(Fact, frozen=True, kw_only=True):
    """Log lines that are alike."""

    template: str
    count: int
    first: int
    last: int
    severity: str
    is_new: bool = False
    rose: float | None = None
    peak: float = 0.0
    """A minute, at the most."""
    peak_at: int | None = None
    samples: tuple[tuple[int, str], ...] = ()


class LastWords(Fact, frozen=True, kw_only=True):
    """The last lines of a task that ended."""

    task: str
    """Its evidence id."""
    lines: tuple[tuple[int, str], ...] = ()


class Logs(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    groups: tuple[str, ...]
    patterns: tuple[Pattern, ...] = ()
    minutes: tuple[tuple[int, int, int], ...] = ()
    """Of each minute: when it began, how many lines, how many that speak of errors."""
    events: int = 0
    errors: int = 0
    read: int = 0
    """Lines that were read and mined."""
    scanned: int = 0
    """Bytes."""
    queries: int = 0
    compared: bool = False
    """Whether there was a time before to compare with."""
    cut: str = ""
    """Why not all was read."""
    unread: tuple[str, ...] = ()
    """Containers that log elsewhere than to CloudWatch."""
    last: tuple[LastWords, ...] = ()


class Sample(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One of Container Insights' samples of a task. CPU is in CPU units (1024 a core), memory in MB."""

    timestamp: str
    cpu_reserved: float | None = None
    cpu_utilized: float | None = None
    cpu_percent: float | None = None
    memory_reserved: float | None = None
    memory_utilized: float | None = None
    memory_percent: float | None = None


class Samples(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What Container Insights has of one task: to look is a query, which is billed whether it finds any or none."""

    all: tuple[Sample, ...] = ()
    scanned: int = 0
    """Bytes."""


class Facts(msgspec.Struct, kw_only=True, rename="camel"):
    """All of it, as far as it is known by now: each section sets its own."""

    start: int = 0
    """Of the time that is looked at: what was over before it is history."""
    end: int | None = None
    cluster: Cluster | None = None
    service: Service | None = None
    tasks: tuple[Task, ...] | None = None
    deployments: tuple[Rollout, ...] | None = None
    revisions: Revisions | None = None
    images: tuple[Image, ...] | None = None
    targets: tuple[TargetGroup, ...] | None = None
    network: tuple[Check, ...] | None = None
    alarms: tuple[Alarm, ...] | None = None
    metrics: tuple[Metric, ...] | None = None
    scaling: Scaling | None = None
    trail: tuple[Act, ...] | None = None
    logs: Logs | None = None
    samples: Samples | None = None

    @property
    def stopped(self) -> tuple[Task, ...]:
        """Tasks that have ended or are about to, the newest first."""
        ended = [task for task in self.tasks or () if task.ended or task.status in ("STOPPED", "DEPROVISIONING")]
        return tuple(sorted(ended, key=lambda task: task.ended or 0, reverse=True))

    @property
    def rollouts(self) -> tuple[Rollout, ...]:
        """Deployments, the newest first."""
        return self.deployments or (self.service.rollouts if self.service else ())
