"""The rules: each fires on its evidence, and on nothing else."""

import pytest

from tasks.tools.ecs.findings import RULES, Evidence, judge
from tasks.tools.ecs.shapes import Container, Event, Service, Task


def task(*containers: Container, **fields: str) -> Task:
    made: Task = {"taskArn": "arn:aws:ecs:us-east-1:1:task/shop/abc", "tags": {}, "containers": list(containers)}
    made.update(fields)  # pyright: ignore[reportArgumentType, reportCallIssue]  # fields of the task
    return made


def container(code: int | None = None, reason: str | None = None) -> Container:
    made: Container = {"name": "web"}
    if code is not None:
        made["exitCode"] = code
    if reason is not None:
        made["reason"] = reason
    return made


def service(*messages: str, running: int = 2, desired: int = 2) -> Service:
    events: list[Event] = [{"createdAt": "2026-11-23T00:00:00+00:00", "message": message} for message in messages]
    return {"serviceName": "web", "runningCount": running, "desiredCount": desired, "events": events}


OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"
HEALTHY = Evidence(
    task=task(container(), lastStatus="RUNNING", healthStatus="HEALTHY"),
    service=service("(service web) has reached a steady state."),
    samples=({"timestamp": "1", "cpuPercent": 20.0, "memoryPercent": 50.0},),
    logs=({"logGroup": "/app", "lines": [{"timestamp": "1", "message": "all is well"}], "truncated": False},),
)


@pytest.mark.parametrize(
    ("evidence", "rules"),
    [
        (HEALTHY, []),
        (Evidence(), []),
        (Evidence(task=task(container(137, OUT_OF_MEMORY))), ["out-of-memory"]),
        (Evidence(task=task(container(137))), ["killed"]),
        (Evidence(task=task(container(139))), ["crashed"]),
        (Evidence(task=task(container(1))), ["crashed"]),
        (Evidence(task=task(container(0))), []),
        (Evidence(task=task(container(143))), []),
        (Evidence(task=task(stoppedReason="CannotPullContainerError: manifest unknown")), ["image-not-pulled"]),
        (Evidence(task=task(healthStatus="UNHEALTHY")), ["unhealthy"]),
        (Evidence(service=service("(service web) (task abc) failed container health checks.")), ["unhealthy"]),
        (Evidence(service=service("(service web) was unable to place a task")), ["not-placed"]),
        (Evidence(service=service(running=1)), ["too-few-running"]),
        (Evidence(task=task(lastStatus="STOPPED", stopCode="UserInitiated")), ["stopped"]),
        (Evidence(samples=({"timestamp": "1", "cpuPercent": 95.0},)), ["high-cpu"]),
        (Evidence(samples=({"timestamp": "1", "memoryPercent": 99.0},)), ["high-memory"]),
        (
            Evidence(
                logs=({"logGroup": "g", "lines": [{"timestamp": "1", "message": "FATAL: no"}], "truncated": False},)
            ),
            ["errors-logged"],
        ),
    ],
)
def test_each_rule_speaks_of_what_it_sees(evidence: Evidence, rules: list[str]):
    """Ours: an exit by SIGKILL alone is not called out of memory, and an obedient stop is no crash."""
    found = judge(evidence)

    assert [finding["rule"] for finding in found] == rules
    assert all(finding["message"].endswith(".") and finding["evidence"] for finding in found)


def test_the_gravest_comes_first():
    """Ours: who is woken at night reads the first line."""
    evidence = Evidence(task=task(container(137, OUT_OF_MEMORY), lastStatus="STOPPED"), service=service(running=0))

    assert [finding["severity"] for finding in judge(evidence)] == ["critical", "warning", "warning"]


def test_no_rule_appears_twice():
    """Ours: a rule's name tells findings apart."""
    assert len({rule.__name__ for rule in RULES}) == len(RULES)
