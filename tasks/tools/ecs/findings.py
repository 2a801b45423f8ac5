"""Rules that need no model: each looks at the evidence and says what it means, with the evidence it rests on."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from tasks.tools.ecs.shapes import Container, Finding, Logs, Service, Severity, Task, Utilisation

HIGH_PERCENT: Final = 90.0
SIGKILL: Final = 137
SEGFAULT: Final = 139
SIGTERM: Final = 143
"""How a container ends that obeys when ECS asks it to stop."""
_ERROR: Final = re.compile(r"\b(error|exception|fatal|panic|traceback|critical)\b", re.IGNORECASE)
_IMAGE: Final = re.compile(r"CannotPullContainer|pull image|manifest unknown", re.IGNORECASE)
_HEALTH: Final = re.compile(r"health check", re.IGNORECASE)
_PLACEMENT: Final = re.compile(r"unable to place|insufficient|no container instance", re.IGNORECASE)
_STEADY: Final = re.compile(r"has reached a steady state", re.IGNORECASE)


@dataclass(frozen=True)
class Evidence:
    task: Task | None = None
    service: Service | None = None
    samples: Sequence[Utilisation] = ()
    logs: Sequence[Logs] = field(default_factory=tuple)

    @property
    def containers(self) -> Sequence[Container]:
        return self.task["containers"] if self.task else ()

    @property
    def reasons(self) -> Iterator[str]:
        """Every sentence in which ECS says why something happened."""
        if self.task:
            yield self.task.get("stoppedReason", "")
        for container in self.containers:
            yield container.get("reason", "")
        for event in self.service["events"] if self.service else ():
            yield event["message"]


Rule = Callable[[Evidence], Finding | None]


def out_of_memory(evidence: Evidence) -> Finding | None:
    """Only what ECS itself calls OutOfMemoryError: an exit by SIGKILL alone has other causes."""
    for reason in evidence.reasons:
        if "OutOfMemory" in reason:
            return _finding(
                "out-of-memory", "critical", "A container was killed for using more memory than it may.", reason
            )
    return None


def killed(evidence: Evidence) -> Finding | None:
    for container in evidence.containers:
        if container.get("exitCode") == SIGKILL and "OutOfMemory" not in container.get("reason", ""):
            message = f"Container {container['name']} was killed (SIGKILL): it did not stop in time, or memory ran out."
            return _finding("killed", "critical", message, f"exit code {SIGKILL}")
    return None


def crashed(evidence: Evidence) -> Finding | None:
    for container in evidence.containers:
        code = container.get("exitCode", 0)
        if code not in (0, SIGKILL, SIGTERM):
            what = "crashed with a segmentation fault" if code == SEGFAULT else f"ended with exit code {code}"
            return _finding("crashed", "critical", f"Container {container['name']} {what}.", f"exit code {code}")
    return None


def image_not_pulled(evidence: Evidence) -> Finding | None:
    return _first(
        "image-not-pulled",
        "critical",
        "An image could not be pulled: check its name, tag and access.",
        _IMAGE,
        evidence,
    )


def unhealthy(evidence: Evidence) -> Finding | None:
    if evidence.task and evidence.task.get("healthStatus") == "UNHEALTHY":
        return _finding("unhealthy", "critical", "The task fails its own health check.", "healthStatus UNHEALTHY")
    return _first("unhealthy", "critical", "A health check fails.", _HEALTH, evidence)


def not_placed(evidence: Evidence) -> Finding | None:
    return _first(
        "not-placed",
        "critical",
        "ECS finds no place for a task: capacity or resources are missing.",
        _PLACEMENT,
        evidence,
    )


def too_few_running(evidence: Evidence) -> Finding | None:
    service = evidence.service
    if service is None or service.get("runningCount", 0) >= service.get("desiredCount", 0):
        return None
    counts = f"{service.get('runningCount', 0)} running, {service.get('desiredCount', 0)} desired"
    return _finding("too-few-running", "warning", "The service runs fewer tasks than it should.", counts)


def stopped(evidence: Evidence) -> Finding | None:
    task = evidence.task
    if task is None or task.get("lastStatus") != "STOPPED":
        return None
    reason = task.get("stoppedReason", "no reason given")
    return _finding("stopped", "warning", "The task has stopped.", f"{task.get('stopCode', 'no stop code')}: {reason}")


def high_cpu(evidence: Evidence) -> Finding | None:
    return _high("cpuPercent", "cpu", evidence)


def high_memory(evidence: Evidence) -> Finding | None:
    return _high("memoryPercent", "memory", evidence)


def errors_logged(evidence: Evidence) -> Finding | None:
    lines = [line for log in evidence.logs for line in log["lines"] if _ERROR.search(line["message"])]
    if not lines:
        return None
    message = f"The application logged {len(lines)} lines that speak of errors; the newest is the evidence."
    return _finding("errors-logged", "warning", message, f"{lines[-1]['timestamp']} {lines[-1]['message'][:300]}")


RULES: Final[tuple[Rule, ...]] = (
    out_of_memory,
    killed,
    crashed,
    image_not_pulled,
    not_placed,
    unhealthy,
    stopped,
    too_few_running,
    high_memory,
    high_cpu,
    errors_logged,
)


def judge(evidence: Evidence) -> list[Finding]:
    """What the rules find, the gravest first."""
    order: tuple[Severity, ...] = ("critical", "warning", "info")
    found = [finding for rule in RULES if (finding := rule(evidence)) is not None]
    return sorted(found, key=lambda finding: order.index(finding["severity"]))


def _high(field_name: str, what: str, evidence: Evidence) -> Finding | None:
    values = [float(value) for sample in evidence.samples if (value := sample.get(field_name)) is not None]
    if not values or max(values) < HIGH_PERCENT:
        return None
    numbers = f"highest {max(values):g} %, latest {values[-1]:g} %"
    return _finding(f"high-{what}", "warning", f"The task used nearly all of the {what} it reserved.", numbers)


def _first(rule: str, severity: Severity, message: str, pattern: re.Pattern[str], evidence: Evidence) -> Finding | None:
    for reason in evidence.reasons:
        if pattern.search(reason) and not _STEADY.search(reason):
            return _finding(rule, severity, message, reason)
    return None


def _finding(rule: str, severity: Severity, message: str, evidence: str) -> Finding:
    return {"rule": rule, "severity": severity, "message": message, "evidence": evidence}
