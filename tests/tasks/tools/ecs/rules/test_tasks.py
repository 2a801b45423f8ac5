"""How tasks ended: what each end means, and what it does not."""

from typing import Any

import pytest

from tasks.tools.ecs.facts import Facts, LastWords, Logs, Task
from tasks.tools.ecs.rules.finding import Finding
from tasks.tools.ecs.rules.tasks import (
    crash_loop,
    crashes,
    ended_well,
    interrupted,
    killed,
    out_of_memory,
    segfault,
)
from tests.stand_ins.facts import (
    ago,
    definition,
    ended,
    event,
    exited,
    facts,
    metric,
    revisions,
    running,
    service,
    spec,
)

OOM = "OutOfMemoryError: Container killed due to memory usage"
SCALED_IN: dict[str, Any] = {
    "code": "ServiceSchedulerInitiated",
    "reason": "Scaling activity initiated by (deployment ecs-svc/7)",
}
ELB: dict[str, Any] = {
    "code": "ServiceSchedulerInitiated",
    "reason": "Task failed ELB health checks in (target-group web)",
}
SIDECAR = revisions(definition(7, spec(), spec("proxy", essential=False)))


def rules(found: Facts) -> list[tuple[str, str]]:
    """All that this module finds in it."""
    judges = (out_of_memory, killed, segfault, crashes, ended_well, crash_loop, interrupted)
    return [(each.rule, each.severity) for judge in judges for each in judge(found)]


def of(*tasks: Task, **more: object) -> Facts:
    return facts(tasks=tasks, **more)


def one(found: list[Finding]) -> Finding:
    assert len(found) == 1
    return found[0]


def test_memory_ran_out_when_ecs_says_so():
    """AWS: OutOfMemoryError is in the reason of the container; ours: its limit, its tasks, since when."""
    known = of(ended(1, 4, exited("web", 137, OOM)), ended(2, 22, exited("web", 137, OOM)))
    known.revisions = revisions(definition(7, spec(memory=256)))
    known.metrics = (metric("cpu", 1), metric("memory", 99, number=2))

    found = one(list(out_of_memory(known)))

    assert (found.severity, found.since) == ("critical", ago(22))
    assert found.evidence == ("task:1", "task:2", "metric:2")
    assert found.message == "Container web used more memory than it may (256 MiB) in 2 tasks, and was killed."
    assert found.cause is not None
    assert "OutOfMemoryError" in found.cause.text
    assert "killed" not in dict(rules(known))


def test_the_limit_is_that_of_the_revision_that_was_killed():
    """Ours: the deployed revision may have more memory by now."""
    known = of(ended(1, 4, exited("web", 137, OOM), revision=6, memory="512"))
    known.revisions = revisions(definition(7, spec(memory=1024)))

    assert "(512 MiB)" in one(list(out_of_memory(known))).message


def test_an_exit_by_sigkill_is_not_called_a_lack_of_memory():
    """AWS: 137 is SIGKILL, whoever sent it."""
    found = one(list(killed(of(ended(1, 4, exited("web", 137))))))

    assert found.rule == "killed"
    assert found.cause is not None
    assert found.cause.confidence == "low"
    assert found.cause.against == ("ECS reports no OutOfMemoryError",)


@pytest.mark.parametrize("stop", [SCALED_IN, ELB, {"code": "UserInitiated", "reason": "Task stopped by user"}])
def test_a_task_that_ecs_stopped_and_killed_was_slow_to_stop(stop: dict[str, Any]):
    """AWS: after stopTimeout comes SIGKILL; that is no crash."""
    assert rules(of(ended(1, 4, exited("web", 137), **stop))) == [("slow-to-stop", "info")]


@pytest.mark.parametrize("code", [0, 1, 139, 143])
def test_a_planned_stop_is_no_crash_whatever_the_exit_code(code: int):
    """Ours: deployments and scaling stop tasks all day."""
    assert rules(of(*(ended(number, number, exited("web", code), **SCALED_IN) for number in (1, 2, 3)))) == []


def test_a_running_task_is_none_that_ended():
    """Ours."""
    assert rules(of(running(1), running(2))) == []


def test_a_crash_names_its_container_its_code_and_its_last_words():
    """Ours."""
    known = of(ended(1, 4, exited("web", 127)), ended(2, 9, exited("web", 127)))
    known.logs = Logs(groups=("/ecs/web",), last=(LastWords(id="lines:1", task="task:1", lines=((ago(4), "gone"),)),))

    found = one(list(crashes(known)))

    assert found.message == "Container web ended by itself with exit code 127 in 2 tasks."
    assert found.evidence == ("task:1", "task:2", "lines:1")
    assert found.since == ago(9)
    assert found.cause is not None
    assert "the command was not found" in found.cause.text
    assert found.cause.against == ()


def test_two_codes_are_two_crashes():
    """Ours."""
    found = list(crashes(of(ended(1, 4, exited("web", 1)), ended(2, 9, exited("web", 2)))))

    assert [each.evidence for each in found] == [("task:1",), ("task:2",)]


@pytest.mark.parametrize("code", [0, 137, 143])
def test_a_container_that_was_stopped_with_its_task_did_not_crash(code: int):
    """AWS: when the essential container ends, ECS sends SIGTERM to the others, and SIGKILL after that."""
    known = of(ended(1, 4, exited("proxy", code), exited("web", 1)))

    assert rules(known) == [("crashed", "critical")]
    assert "Container web" in one(list(crashes(known))).message


def test_a_sidecar_that_is_not_essential_ends_no_task():
    """AWS: a task ends with its essential containers; what a sidecar exits with on SIGTERM is its own affair."""
    known = of(ended(1, 4, exited("proxy", 2), exited("web", 1)), revisions=SIDECAR)

    assert "Container web" in one(list(crashes(known))).message


def test_a_container_that_did_its_work_before_is_not_the_one_that_ended_the_task():
    """AWS: dependsOn with COMPLETE or SUCCESS; such a container ends with 0 in every task."""
    migrated = revisions(definition(7, spec(), spec("migrate", essential=False)))

    assert rules(of(ended(1, 4, exited("migrate", 0), exited("web", 143)), revisions=migrated)) == []


def test_an_essential_container_that_was_killed_is_told_apart_from_a_sidecar_that_was():
    """Ours: the sidecar's 137 follows the end of the task."""
    assert rules(of(ended(1, 4, exited("proxy", 137), exited("web", 0)), revisions=SIDECAR)) == [
        ("ended-by-itself", "critical")
    ]


def test_a_segmentation_fault_is_told():
    """AWS: 139 is SIGSEGV."""
    found = one(list(segfault(of(ended(1, 4, exited("web", 139))))))

    assert (found.rule, found.evidence, found.since) == ("segfault", ("task:1",), ago(4))


def test_a_service_whose_process_ends_well_is_broken_all_the_same():
    """Ours: a service is to go on."""
    found = one(list(ended_well(of(ended(1, 4, exited("web", 0))))))

    assert (found.rule, found.severity) == ("ended-by-itself", "critical")


@pytest.mark.parametrize("code", [0, 143])
def test_a_job_that_ended_is_done(code: int):
    """AWS: a task that no service started ends when its work is done."""
    assert rules(of(ended(1, 4, exited("web", code), group="family:job"))) == []


def test_a_job_that_failed_has_crashed_and_is_no_loop():
    """Ours: a job that is started again and again is not restarted by ECS."""
    jobs = [ended(number, number, exited("web", 1), group="family:job") for number in (1, 2, 3)]

    assert {rule for rule, _ in rules(of(*jobs))} == {"crashed"}


def test_three_crashes_are_a_loop_and_two_are_not():
    """Ours: LOOP."""
    two = [ended(1, 4), ended(2, 9)]

    assert list(crash_loop(of(*two))) == []
    found = one(list(crash_loop(of(*two, ended(3, 14)))))
    assert found.message == "A crash loop: 3 tasks ended by themselves within 10 minutes, each after about 60 s."
    assert found.since == ago(14)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("SpotInterruption", "Fargate Spot took capacity back"),
        ("TerminationNotice", "their instance was terminated"),
        ("InfrastructureHealth", "what they ran on was not healthy"),
    ],
)
def test_a_task_whose_place_went_away_is_not_to_blame(code: str, words: str):
    """AWS, Task.stopCode."""
    known = of(ended(1, 4, exited("web", 137), code=code, reason="Your Spot Task was interrupted."))

    assert dict(rules(known)) == {"slow-to-stop": "info", "interrupted": "warning"}
    assert words in one(list(interrupted(known))).message


def test_one_crash_long_ago_is_less_grave_once_the_service_is_steady():
    """Ours: the task was replaced, ECS says so, and nothing has happened since."""
    known = of(ended(1, 40), service=service(2, 2, event(1, 38)))

    assert rules(known) == [("crashed", "warning")]


@pytest.mark.parametrize(
    ("alive", "steady", "ends"),
    [
        (1, 38, [40]),
        (2, 45, [40]),
        (2, 3, [4]),
        (2, 3, [4, 22, 41]),
        (2, 10, [12, 32, 52]),
    ],
    ids=["one lacks", "steady before it", "a moment ago", "a leak", "a leak that is not due again yet"],
)
def test_what_may_come_again_stays_grave(alive: int, steady: float, ends: list[float]):
    """Ours: between two ends of a leak ECS calls the service steady each time."""
    tasks = [ended(number, minutes) for number, minutes in enumerate(ends, 1)]
    known = of(*tasks, service=service(2, alive, event(1, steady)))

    assert dict(rules(known))["crashed"] == "critical"
