"""What health checks say, and why."""

import pytest

from tasks.tools.ecs.facts import Check, Facts, Link, Target, Task
from tasks.tools.ecs.rules.finding import Finding
from tasks.tools.ecs.rules.health import (
    container_unhealthy,
    port_mismatch,
    stopped_by_balancer,
    targets_unhealthy,
)
from tests.stand_ins.facts import (
    ago,
    definition,
    ended,
    event,
    exited,
    facts,
    group,
    metric,
    revisions,
    running,
    service,
    spec,
    target,
)
from tests.stand_ins.world.names import GROUP_ARN

SCHEDULER = "ServiceSchedulerInitiated"
ELB = "Task failed ELB health checks in (target-group web)"
OWN = "Task failed container health checks"
CURL = "CMD-SHELL curl -f localhost:8080/health"
LINKED = service(links=(Link(group=GROUP_ARN, container="web", port=8080),))
TIMEOUT = target("unhealthy", "Target.Timeout", "Request timed out")


def blocked(port: int = 8080, *, ok: bool | None = False) -> Check:
    text = f"do not let in at TCP port {port}."
    return Check(id="network:1", name="from-load-balancer", text=text, ok=ok, port=port, command="aws ec2 authorize")


def one(found: list[Finding]) -> Finding:
    assert len(found) == 1
    return found[0]


def why(known: Facts) -> str:
    made = one(list(targets_unhealthy(known))).cause
    assert made is not None
    return made.text


def test_a_container_that_fails_its_own_check_is_named_with_the_check():
    """AWS: the health check of the task definition."""
    sick = running(1, health="UNHEALTHY", containers=(exited("web", None, health="UNHEALTHY"),))
    dead = ended(2, 9, code=SCHEDULER, reason=OWN)

    made = one(
        list(
            container_unhealthy(facts(tasks=(sick, dead), revisions=revisions(definition(7, spec(health_check=CURL)))))
        )
    )

    assert (made.severity, made.since) == ("critical", ago(9))
    assert made.evidence == ("task:1", "task:2", "definition:1")
    assert made.cause is not None
    assert CURL in made.cause.text


def test_one_sick_task_of_many_is_less_grave():
    """Ours: half of them or more is."""
    tasks = (running(1, health="UNHEALTHY"), running(2), running(3))

    assert one(list(container_unhealthy(facts(tasks=tasks)))).severity == "warning"


@pytest.mark.parametrize(
    "task",
    [
        running(1, health="HEALTHY"),
        running(1, health="UNKNOWN"),
        ended(1, 3, code=SCHEDULER, reason="Scaling activity initiated by (deployment x)", health="UNHEALTHY"),
        ended(1, 3, code="UserInitiated", reason="tries what a failed container health check does"),
        ended(1, 3, code=SCHEDULER, reason=ELB),
    ],
    ids=["healthy", "no check", "was stopped anyway", "somebody's words", "another check"],
)
def test_no_container_fails_its_own_check(task: Task):
    """AWS: a stopped task keeps the health it had; the load balancer's check is another one."""
    assert list(container_unhealthy(facts(tasks=(task,)))) == []


def test_a_security_group_that_shuts_the_load_balancer_out_explains_a_timeout():
    """Ours: two facts that mean something only together."""
    known = facts(service=LINKED, targets=(group(TIMEOUT, TIMEOUT),), network=(blocked(),), tasks=())

    made = one(list(targets_unhealthy(known)))

    assert (made.severity, made.evidence) == ("critical", ("target:1", "network:1"))
    assert made.cause is not None
    assert made.cause.text.startswith("A security group does not let the load balancer reach the tasks")
    assert made.cause.command == "aws ec2 authorize"


@pytest.mark.parametrize(
    ("check", "against"),
    [
        (blocked(9090), ("whether the security groups let the load balancer in is not known",)),
        (blocked(ok=None), ("whether the security groups let the load balancer in is not known",)),
        (blocked(ok=True), ()),
    ],
    ids=["another port", "not known", "let in"],
)
def test_a_timeout_alone_is_no_security_group(check: Check, against: tuple[str, ...]):
    """Ours: the port that is blocked must be the one that is asked."""
    known = facts(service=LINKED, targets=(group(TIMEOUT),), network=(check,), tasks=())

    made = one(list(targets_unhealthy(known))).cause

    assert made is not None
    assert made.text == "The application does not answer the health check of /health within 5 s."
    assert made.against == against


def test_a_health_check_at_a_port_of_its_own_is_looked_at():
    """AWS, TargetGroup.HealthCheckPort: it need not be the traffic's."""
    known = facts(service=LINKED, targets=(group(TIMEOUT, check_port="9090"),), network=(blocked(9090),), tasks=())

    assert "security group" in why(known)


def test_a_blocked_port_does_not_explain_a_wrong_answer():
    """Ours: whoever answers is reached."""
    wrong = target("unhealthy", "Target.ResponseCodeMismatch", "Health checks failed with these codes: [503]")
    known = facts(service=LINKED, targets=(group(wrong),), network=(blocked(),), tasks=())

    assert "is answered with the wrong status: Health checks failed with these codes: [503]" in why(known)


def test_a_target_that_refuses_is_told_with_its_port():
    """AWS: Target.FailedHealthChecks."""
    refused = target("unhealthy", "Target.FailedHealthChecks", "Health checks failed")

    assert "nothing healthy listens at port 8080" in why(facts(targets=(group(refused),), tasks=()))


@pytest.mark.parametrize("state", ["healthy", "initial", "draining", "unused", "unavailable"])
def test_a_target_that_is_not_unhealthy_is_no_finding(state: str):
    """AWS, TargetHealth.State: during a deployment targets come and go."""
    assert list(targets_unhealthy(facts(targets=(group(target(state)),), tasks=()))) == []


def test_less_than_half_of_the_targets_is_less_grave():
    """Ours."""
    some = group(TIMEOUT, target(), target())

    assert one(list(targets_unhealthy(facts(targets=(some,), tasks=())))).severity == "warning"


def test_each_target_group_is_told_apart():
    """AWS: a service may be in several, and blue/green has two."""
    both = (group(TIMEOUT), group(TIMEOUT, number=2, name="web-green"))

    found = list(targets_unhealthy(facts(targets=both, tasks=())))

    assert [each.evidence[0] for each in found] == ["target:1", "target:2"]


def test_since_when_is_known_from_the_tasks_or_from_the_count():
    """Ours: the first task that was stopped, or the first minute with an unhealthy target."""
    known = facts(targets=(group(TIMEOUT),), tasks=(ended(1, 9, code=SCHEDULER, reason=ELB),))
    assert one(list(targets_unhealthy(known))).since == ago(9)

    known = facts(targets=(group(TIMEOUT),), tasks=(), metrics=(metric("unhealthy", 0, 0, 1, 1, unit="tasks"),))
    assert one(list(targets_unhealthy(known))).since == ago(1)


def test_tasks_the_load_balancer_gave_up_are_told_when_no_target_is_left():
    """Ours: what it said of them stands in their reasons."""
    known = facts(
        targets=(group(target()),), tasks=(ended(1, 9, code=SCHEDULER, reason=ELB),), service=service(grace=30)
    )

    made = one(list(stopped_by_balancer(known)))

    assert (made.severity, made.since, made.evidence) == ("critical", ago(9), ("task:1",))
    assert made.cause is not None
    assert "healthCheckGracePeriodSeconds is 30" in made.cause.step


def test_tasks_it_gave_up_long_ago_are_less_grave():
    """Ours: replaced, and quiet since."""
    tasks = (ended(1, 40, code=SCHEDULER, reason=ELB),)

    known = facts(targets=(group(target()),), tasks=tasks, service=service(2, 2, event(1, 37)))

    assert one(list(stopped_by_balancer(known))).severity == "warning"


@pytest.mark.parametrize(
    ("targets", "reason"), [((TIMEOUT,), ELB), ((target(),), OWN), ((target(),), "Scaling activity initiated by x")]
)
def test_the_load_balancer_is_not_told_of_twice_nor_for_others(targets: tuple[Target, ...], reason: str):
    """Ours: unhealthy targets are a finding of their own."""
    known = facts(targets=(group(*targets),), tasks=(ended(1, 9, code=SCHEDULER, reason=reason),))

    assert list(stopped_by_balancer(known)) == []


def test_a_port_that_no_container_has_is_told():
    """Ours."""
    known = facts(service=LINKED, revisions=revisions(definition(7, spec(ports=(80, 443)))))

    made = one(list(port_mismatch(known)))

    assert made.evidence == ("service:1", "definition:1")
    assert made.message == "The load balancer sends to port 8080 of web, whose ports are: 80, 443."


@pytest.mark.parametrize(
    "known",
    [
        facts(service=LINKED, revisions=revisions()),
        facts(service=LINKED, revisions=revisions(definition(7, spec("api", ports=(80,))))),
        facts(service=LINKED),
        facts(revisions=revisions()),
    ],
    ids=["it has it", "another container", "no definition", "no service"],
)
def test_a_port_that_is_there_or_not_known_is_no_mismatch(known: Facts):
    """Ours."""
    assert list(port_mismatch(known)) == []
