"""What health checks say, and which way their packets take."""

from collections.abc import Iterator
from typing import Final

from tasks.tools.ecs.evidence import clock
from tasks.tools.ecs.facts import Act, Check, Facts, Target, TargetGroup, Task
from tasks.tools.ecs.rules.finding import (
    Cause,
    Finding,
    cited,
    definition_command,
    earliest,
    gravity,
    is_unhealthy,
    logs_command,
    plural,
    spec_of,
)

SOON: Final = 15 * 60_000
"""Milliseconds from the act to what it brings about, at most."""
_TIMEOUT: Final = "Target.Timeout"
_MISMATCH: Final = "Target.ResponseCodeMismatch"


def container_unhealthy(facts: Facts) -> Iterator[Finding]:
    """The check that the task definition itself has."""
    dead = [task for task in facts.stopped if is_unhealthy(task) and "container" in task.reason.lower()]
    alive = [task for task in facts.tasks or () if task not in facts.stopped]
    sick = [task for task in alive if task.health == "UNHEALTHY"]
    tasks = [*sick, *dead]
    if not tasks:
        return
    name = next((each.name for each in tasks[0].containers if each.health == "UNHEALTHY"), "")
    spec = spec_of(facts, tasks[0], name)
    check = spec.health_check if spec else ""
    grave = len(sick) * 2 >= len(alive) if sick else gravity(facts, dead) == "critical"
    yield Finding(
        rule="container-unhealthy",
        severity="critical" if grave else "warning",
        message=f"{plural(len(tasks), 'task')} fail the health check of their own container {name}".rstrip() + ".",
        evidence=(*cited(tasks), *_definition(facts, tasks[0])),
        since=earliest(dead) or earliest(tasks),
        cause=Cause(
            text=f"The container's own health check fails{f' ({check})' if check else ''}: what it calls is not there, "
            "or does not answer in time.",
            weight=70,
            confidence="medium",
            step="Run the health check's command in the container; compare interval, timeout and start period with how "
            "long the application takes to start.",
            command=definition_command(facts),
        ),
    )


def targets_unhealthy(facts: Facts) -> Iterator[Finding]:
    """What the load balancer says of the targets it has now."""
    for group in facts.targets or ():
        if not group.unhealthy:
            continue
        target = group.unhealthy[0]
        dead = _killed_by(facts, group)
        first = earliest(dead) or _since(facts)
        shut = _shut_out(facts, first) if _blocked(facts, group) else None
        yield Finding(
            rule="targets-unhealthy",
            severity="critical" if len(group.unhealthy) * 2 >= len(group.targets) else "warning",
            message=f"{len(group.unhealthy)} of {plural(len(group.targets), 'target')} in {group.name} are unhealthy: "
            f"{target.words or target.reason}.",
            evidence=(group.id, *_blocked_ids(facts, group), *((shut.id,) if shut else ()), *cited(dead)[:3]),
            since=shut.at if shut else first,
            cause=_cause(facts, group, target, shut),
        )


def stopped_by_balancer(facts: Facts) -> Iterator[Finding]:
    """What the load balancer said of tasks that are gone."""
    known = any(group.unhealthy for group in facts.targets or ())
    dead = [task for task in facts.stopped if is_unhealthy(task) and "ELB" in task.reason]
    if dead and not known:
        yield Finding(
            rule="stopped-by-load-balancer",
            severity=gravity(facts, dead),
            message=f"{plural(len(dead), 'task')} were stopped for failing the load balancer's health checks.",
            evidence=cited(dead),
            since=earliest(dead),
            cause=Cause(
                text="The load balancer's health checks fail: the application does not answer them as it should.",
                weight=66,
                confidence="medium",
                step="Call the health check's path in a running task; compare its start time with the grace period"
                f"{_grace(facts)}.",
                command=logs_command(facts),
            ),
        )


def port_mismatch(facts: Facts) -> Iterator[Finding]:
    """A load balancer that sends where no container listens."""
    service, revisions = facts.service, facts.revisions
    if service is None or revisions is None:
        return
    ports = {each.name: each.ports for each in revisions.current.containers}
    for link in service.links:
        if link.port and link.container in ports and link.port not in ports[link.container]:
            shown = ", ".join(map(str, ports[link.container])) or "none"
            yield Finding(
                rule="port-mismatch",
                severity="critical",
                message=f"The load balancer sends to port {link.port} of {link.container}, whose ports are: {shown}.",
                evidence=("service:1", "definition:1"),
                cause=Cause(
                    text=f"The service sends to port {link.port}, and container {link.container} has no such port.",
                    weight=91,
                    confidence="high",
                    step="Give service and task definition the same container port.",
                    command=definition_command(facts),
                ),
            )


def _cause(facts: Facts, group: TargetGroup, target: Target, shut: Act | None) -> Cause:
    path = group.path or "its port"
    command = f"aws elbv2 describe-target-health --target-group-arn {group.arn}"
    if target.reason == _TIMEOUT and (blocked := _blocked(facts, group)):
        return Cause(
            text=f"A security group does not let the load balancer reach the tasks: {blocked.text}"
            f"{f' {shut.who} revoked a rule of {shut.about} at {clock(shut.at)}.' if shut else ''}",
            weight=97,
            confidence="high",
            step="Let the load balancer's security group in at the container's port.",
            command=blocked.command,
        )
    if target.reason == _MISMATCH:
        return Cause(
            text=f"The health check of {path} is answered with the wrong status: {target.words or 'not a success'}.",
            weight=86,
            confidence="high",
            step=f"Let {path} answer with {group.matcher or '200'}, or have another path checked.",
            command=command,
        )
    if target.reason == _TIMEOUT:
        return Cause(
            text=f"The application does not answer the health check of {path} within {group.timeout} s.",
            weight=66,
            confidence="medium",
            step="See whether it listens on that port and all addresses, and what keeps it busy.",
            command=command,
            against=_network_unknown(facts),
        )
    return Cause(
        text=f"The health check of {path} fails: nothing healthy listens at port {target.port}.",
        weight=67,
        confidence="medium",
        step="See whether the application has started, listens on 0.0.0.0 and on this port, and how long its start "
        f"takes{_grace(facts)}.",
        command=command,
    )


def _blocked(facts: Facts, group: TargetGroup) -> Check | None:
    """The check of a port that the load balancer sends to, or asks, in this group."""
    ports = {link.port for link in (facts.service.links if facts.service else ()) if link.group == group.arn}
    ports |= {target.port for target in group.targets}
    ports |= {int(group.check_port)} if group.check_port.isdecimal() else set()
    checks = (each for each in facts.network or () if each.name == "from-load-balancer" and each.ok is False)
    return next((each for each in checks if not each.port or each.port in ports), None)


def _shut_out(facts: Facts, first: int | None) -> Act | None:
    """Who took a rule from the tasks' security groups last before it began, and not long before."""
    acts = [act for act in facts.trail or () if act.about and first is not None and 0 <= first - act.at <= SOON]
    return max(acts, key=lambda act: act.at, default=None)


def _blocked_ids(facts: Facts, group: TargetGroup) -> tuple[str, ...]:
    found = _blocked(facts, group)
    return (found.id,) if found else ()


def _network_unknown(facts: Facts) -> tuple[str, ...]:
    if any(each.ok for each in facts.network or () if each.name == "from-load-balancer"):
        return ()
    return ("whether the security groups let the load balancer in is not known",)


def _killed_by(facts: Facts, group: TargetGroup) -> list[Task]:
    return [task for task in facts.stopped if "ELB health check" in task.reason and group.name in task.reason]


def _since(facts: Facts) -> int | None:
    """When the load balancer first counted an unhealthy target."""
    points = (point for each in facts.metrics or () if each.name == "unhealthy" for point in each.points)
    return min((moment for moment, value in points if value > 0), default=None)


def _definition(facts: Facts, task: Task) -> tuple[str, ...]:
    """The id of its definition, if that is one of those that are known."""
    known = (facts.revisions.current, facts.revisions.previous) if facts.revisions else ()
    return tuple(each.id for each in known if each and each.arn == task.definition)


def _grace(facts: Facts) -> str:
    grace = facts.service.grace if facts.service else None
    return "" if grace is None else f" (healthCheckGracePeriodSeconds is {grace})"
