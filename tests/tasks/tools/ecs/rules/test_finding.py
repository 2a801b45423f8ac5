"""What the rules have in common."""

import pytest

from tasks.tools.ecs.facts import Container, Facts, Task
from tasks.tools.ecs.rules.finding import (
    CITED,
    cited,
    ecs_command,
    failed,
    is_essential,
    is_planned,
    plural,
    steady_since,
)
from tests.stand_ins.facts import (
    NOW,
    ago,
    cluster,
    definition,
    ended,
    event,
    facts,
    revisions,
    rollout,
    running,
    service,
    spec,
    unstarted,
)

PULL = "CannotPullContainerError: not found"


@pytest.mark.parametrize(
    ("task", "planned"),
    [
        (ended(1, 3), False),
        (ended(1, 3, code="UserInitiated", reason="Task stopped by user"), True),
        (ended(1, 3, code="ServiceSchedulerInitiated", reason="Scaling activity initiated by (deployment x)"), True),
        (ended(1, 3, code="ServiceSchedulerInitiated", reason="Task failed ELB health checks in (x)"), False),
        (unstarted(1, 3, PULL), False),
        (ended(1, 3, code="SpotInterruption", reason="Your Spot Task was interrupted."), False),
    ],
)
def test_a_planned_end_is_told_from_others(task: Task, planned: bool):  # noqa: FBT001  # of the table
    """AWS, Task.stopCode and stoppedReason."""
    assert is_planned(task) is planned


def test_tasks_that_failed_are_those_that_something_was_wrong_with():
    """Ours: crashed, not started, or given up by a health check; the newest first."""
    bad = [
        ended(2, 9),
        unstarted(1, 3, PULL),
        ended(3, 12, code="ServiceSchedulerInitiated", reason="Task failed ELB health checks in (x)"),
        ended(4, 15, Container(name="web", reason=PULL), code="", reason=""),
    ]
    well = [
        running(5),
        ended(6, 4, code="UserInitiated", reason="stopped: its health check is slow"),
        ended(7, 5, code="ServiceSchedulerInitiated", reason="Scaling activity initiated by (deployment x)"),
    ]

    assert [task.id for task in failed(facts(tasks=tuple(bad + well)))] == ["task:1", "task:2", "task:3"]


@pytest.mark.parametrize(
    ("known", "since"),
    [
        (facts(service=service(2, 2, event(1, 2), event(2, 30))), 30),
        (facts(service=service(2, 1, event(1, 30)), tasks=()), None),
        (facts(service=service(2, 2, event(1, 41))), None),
        (facts(service=service(0, 0, event(1, 30))), None),
        (Facts(service=service(2, 2, event(1, 30))), None),
        (facts(), None),
        (Facts(service=service(2, 2, event(1, 30)), deployments=(rollout(1, 8, 35),)), 30),
        (Facts(service=service(2, 2, event(1, 30)), deployments=(rollout(1, 8, 35, "IN_PROGRESS"),)), None),
        (Facts(service=service(2, 2, event(1, 30)), deployments=(rollout(1, 8, 35, rolled_back=True),)), None),
    ],
    ids=["quiet", "one lacks", "before", "nothing runs", "no clock", "no service", "replaced", "not yet", "given up"],
)
def test_what_is_over_is_over_by_ecs_own_word(known: Facts, since: float | None):
    """Ours: steady after the last end, and quiet, or another revision in its place."""
    assert steady_since(known, [ended(1, 40)]) == (None if since is None else ago(since))


def test_quiet_is_longer_than_it_was_between_two_ends():
    """Ours: a leak that kills every twenty minutes is not over after ten."""
    known = facts(service=service(2, 2, event(1, 14)))

    assert steady_since(known, [ended(1, 15), ended(2, 35)]) is None
    assert steady_since(known, [ended(1, 15), ended(2, 20)]) == ago(14)


def test_a_container_is_essential_unless_its_own_definition_says_otherwise():
    """AWS, ContainerDefinition.essential: true by default; of another revision nothing is known."""
    known = facts(revisions=revisions(definition(7, spec(), spec("proxy", essential=False))))

    assert not is_essential(known, ended(1, 3), "proxy")
    assert is_essential(known, ended(1, 3), "web")
    assert is_essential(known, ended(1, 3, revision=6), "proxy")
    assert is_essential(facts(), ended(1, 3), "proxy")


def test_few_of_many_are_cited():
    """Ours: CITED."""
    assert cited([ended(number, 3) for number in range(9)]) == tuple(f"task:{number}" for number in range(CITED))


def test_a_command_names_what_is_known():
    """Ours: it can be run as it stands."""
    known = facts(cluster=cluster(), service=service())

    assert ecs_command(known, "describe-services") == "aws ecs describe-services --cluster shop --services web"
    assert ecs_command(known, "update-service", " --x") == "aws ecs update-service --cluster shop --service web --x"
    assert ecs_command(facts(), "update-service") == "aws ecs update-service --cluster <cluster> --service <service>"


@pytest.mark.parametrize(("count", "words"), [(1, "1 task"), (0, "0 tasks"), (1_200, "1,200 tasks")])
def test_words_are_counted(count: int, words: str):
    """Ours."""
    assert plural(count, "task") == words


def test_the_newest_end_comes_first():
    """Ours: facts.stopped, of what has ended or is about to."""
    known = facts(tasks=(ended(1, 9), running(2), running(3, stopping=NOW), ended(4, 3)))

    assert [task.id for task in known.stopped] == ["task:3", "task:4", "task:1"]
