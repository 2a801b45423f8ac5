"""Deployments: which of them broke the service, and which did not."""

import pytest
from msgspec.structs import replace

from tasks.tools.ecs.facts import Act, Activity, Change, Facts, Rollout, Scaling, Service, Task
from tasks.tools.ecs.rules.deployments import (
    broke_after_deployment,
    deployment_failed,
    deployment_stuck,
    scaled_to_zero,
    service_gone,
    too_few_running,
)
from tasks.tools.ecs.rules.finding import Finding
from tests.stand_ins.facts import (
    ago,
    definition,
    ended,
    event,
    facts,
    revisions,
    rollout,
    running,
    service,
    unstarted,
)

CHANGE = Change(id="change:1", what="variable PAYMENTS_URL of web", before="set", after="removed")
EIGHT = revisions(definition(8), previous=definition(7, number=2), changes=(CHANGE,))


def one(found: list[Finding]) -> Finding:
    assert len(found) == 1
    return found[0]


def broken(*tasks: Task, **more: object) -> Facts:
    """web:8 was deployed half an hour ago, over web:7."""
    known = {"deployments": (rollout(1, 8, 30, "IN_PROGRESS"), rollout(2, 7, 3_000)), "revisions": EIGHT}
    return facts(tasks=tasks or (ended(1, 20, revision=8), ended(2, 29, revision=8)), **(known | more))


def test_a_deployment_whose_tasks_fail_broke_it():
    """Ours: what changed, the tasks, the deployment; and the way back."""
    made = one(list(broke_after_deployment(broken())))

    assert (made.severity, made.since) == ("critical", ago(29))
    assert made.evidence == ("deployment:1", "change:1", "task:1", "task:2")
    assert made.message.startswith("2 tasks of web:8 failed, the first 60 s after its deployment began")
    assert made.cause is not None
    assert made.cause.confidence == "high"
    assert "(changed: variable PAYMENTS_URL of web: set became removed)" in made.cause.text
    assert made.cause.command.endswith("--service <service> --task-definition web:7")


@pytest.mark.parametrize(
    "tasks",
    [
        [running(1, 8)],
        [ended(1, 20, revision=8), ended(2, 25, revision=7)],
        [ended(1, 20, revision=7)],
        [ended(1, 20, revision=8, code="UserInitiated", reason="Task stopped by user")],
    ],
    ids=["none failed", "the old ones fail too", "only old ones fail", "somebody stopped it"],
)
def test_a_deployment_is_not_blamed_for_what_others_do(tasks: list[Task]):
    """Ours: only when its tasks alone fail."""
    assert list(broke_after_deployment(broken(*tasks))) == []


def test_an_old_deployment_is_not_blamed_for_what_began_today():
    """Ours: it ran well for two days."""
    known = broken(deployments=(rollout(1, 8, 3_000), rollout(2, 7, 9_000)))

    assert list(broke_after_deployment(known)) == []


def test_a_first_deployment_has_nothing_to_be_compared_with():
    """Ours: there is no before that it broke."""
    known = broken(deployments=(rollout(1, 8, 30, "IN_PROGRESS"),), revisions=revisions(definition(8)))

    assert list(broke_after_deployment(known)) == []


def test_a_revision_that_is_only_the_number_before_makes_it_less_sure():
    """Ours: nothing says that it ever ran."""
    known = broken(deployments=(rollout(1, 8, 30),), revisions=replace(EIGHT, guessed=True))

    made = one(list(broke_after_deployment(known))).cause

    assert made is not None
    assert (made.confidence, made.against) == ("medium", ("that the revision before ever ran is not known",))


def test_a_deployment_that_was_rolled_back_is_not_told_the_wrong_way_round():
    """Ours: web:7 is deployed again; web:8 is what broke it, and never the way back."""
    given_up = revisions(definition(7), previous=definition(8, number=2), changes=(CHANGE,), given_up=True)
    rolled_back = rollout(1, 8, 30, "FAILED", rolled_back=True)

    made = one(
        list(broke_after_deployment(broken(deployments=(rolled_back, rollout(2, 7, 3_000)), revisions=given_up)))
    )

    assert made.cause is not None
    assert "web:8 broke it" in made.cause.text
    assert "update-service" not in made.cause.command
    assert "web:7" not in made.cause.command


def test_changes_of_another_pair_of_revisions_are_not_laid_at_its_door():
    """Ours: compared was something else."""
    made = one(list(broke_after_deployment(broken(revisions=revisions(definition(9), changes=(CHANGE,))))))

    assert "change:1" not in made.evidence
    assert made.cause is not None
    assert "changed" not in made.cause.text


def test_the_same_revision_deployed_again_changed_nothing_of_its_own():
    """AWS: forceNewDeployment pulls the tag again; the definition is the same."""
    again = (rollout(1, 8, 30), rollout(2, 8, 3_000), rollout(3, 7, 9_000))

    made = one(list(broke_after_deployment(broken(deployments=again))))

    assert "change:1" not in made.evidence
    assert made.cause is not None
    assert "with the same definition" in made.cause.text
    assert "update-service" not in made.cause.command


def test_a_broken_revision_deployed_once_more_stays_to_blame():
    """Ours: somebody tried again while it failed."""
    again = (rollout(1, 8, 10), rollout(2, 8, 30), rollout(3, 7, 9_000))

    made = one(list(broke_after_deployment(broken(deployments=again))))

    assert made.evidence[:2] == ("deployment:2", "change:1")


def test_a_failed_deployment_is_told_with_the_reason_and_the_alarms():
    """AWS, ServiceDeployment."""
    failed = rollout(1, 8, 30, "FAILED", breaker="TRIGGERED", reason="tasks failed to start.", alarms=("web-5xx",))

    made = one(list(deployment_failed(facts(deployments=(failed, rollout(2, 7, 3_000))))))

    assert (made.severity, made.since, made.evidence) == ("critical", ago(30), ("deployment:1",))
    assert made.message == "The deployment of web:8 failed: tasks failed to start. Alarms: web-5xx."


@pytest.mark.parametrize(
    ("newest", "word"),
    [
        (rollout(1, 8, 30, "FAILED", rolled_back=True), "was rolled back"),
        (rollout(1, 8, 30, "FAILED", reason="Stopped by alice"), "was stopped"),
    ],
)
def test_what_was_rolled_back_or_stopped_by_hand_did_not_fail_for_good(newest: Rollout, word: str):
    """AWS: STOPPED without a triggered breaker or alarm is somebody's wish."""
    made = one(list(deployment_failed(facts(deployments=(newest,)))))

    assert made.severity == "warning"
    assert word in made.message


@pytest.mark.parametrize(
    "rollouts",
    [
        (rollout(1, 8, 30), rollout(2, 7, 40, "FAILED", breaker="TRIGGERED")),
        (rollout(1, 8, 30, "IN_PROGRESS", breaker="MONITORING"),),
        (rollout(1, 8, 4_000, "FAILED", rolled_back=True),),
    ],
    ids=["an older one failed", "it goes on", "it was rolled back days ago"],
)
def test_no_deployment_failed_lately(rollouts: tuple[Rollout, ...]):
    """Ours: the newest counts, and only what ended in the time that is looked at."""
    assert list(deployment_failed(facts(deployments=rollouts))) == []


def test_deployments_of_the_service_stand_in_for_those_that_are_denied():
    """Ours: DescribeServices tells of them too."""
    failed = rollout(1, 8, 30, "FAILED", id="rollout:1", status="PRIMARY")

    made = one(list(deployment_failed(facts(service=service(2, 0, rollouts=(failed,)), deployments=None))))

    assert made.evidence == ("rollout:1",)


def test_a_deployment_that_goes_on_for_long_is_stuck():
    """Ours: SLOW."""
    slow = rollout(1, 8, 40, "IN_PROGRESS", running=1)

    made = one(
        list(deployment_stuck(facts(service=service(2, 2, event(1, 2, "has started 1 tasks")), deployments=(slow,))))
    )

    assert (made.severity, made.since, made.evidence) == ("warning", ago(40), ("deployment:1",))


@pytest.mark.parametrize(
    "newest",
    [
        rollout(1, 8, 20, "IN_PROGRESS", running=1),
        rollout(1, 8, 40, "IN_PROGRESS", running=2),
        rollout(1, 8, 40, "COMPLETED", running=1),
    ],
    ids=["young", "bakes with all its tasks", "complete"],
)
def test_a_deployment_that_takes_its_time_is_not_stuck(newest: Rollout):
    """Ours; AWS: a blue/green deployment bakes with both sets of tasks."""
    known = facts(service=service(2, 2, event(1, 2, "has started 1 tasks")), deployments=(newest,))

    assert list(deployment_stuck(known)) == []


@pytest.mark.parametrize(
    ("desired", "alive", "severity"), [(2, 0, "critical"), (2, 1, "warning"), (2, 2, None), (0, 0, None), (2, 4, None)]
)
def test_tasks_that_lack_are_counted(desired: int, alive: int, severity: str | None):
    """Ours: none at all is graver than few; more than enough is what a deployment does."""
    found = list(too_few_running(facts(service=service(desired, alive), tasks=())))

    assert [each.severity for each in found] == ([severity] if severity else [])


@pytest.mark.parametrize(
    ("alive", "tasks", "severity"),
    [
        (1, [running(1, status="PENDING", created=ago(1))], "info"),
        (0, [running(n, status="PROVISIONING", created=ago(1)) for n in (1, 2)], "warning"),
        (1, [running(1, status="PENDING", created=ago(9))], "warning"),
        (1, [running(1, status="PENDING", created=ago(1)), ended(2, 3)], "warning"),
        (0, [running(1, status="PENDING", created=ago(1))], "critical"),
    ],
    ids=["one starts", "all start", "it takes too long", "one failed before", "another lacks"],
)
def test_tasks_that_have_just_begun_to_start_are_not_missing(alive: int, tasks: list[Task], severity: str):
    """Ours: a service that was made, or scaled out, a minute ago is not broken."""
    found = one(list(too_few_running(facts(service=service(2, alive), tasks=tuple(tasks)))))

    assert found.severity == severity


def test_a_service_scaled_to_zero_is_told_with_who_did_it():
    """Ours: CloudTrail knows."""
    act = Act(id="trail:1", at=ago(7), name="UpdateService", who="alice")

    made = one(list(scaled_to_zero(facts(service=service(0, 0), trail=(act,)))))

    assert (made.severity, made.since, made.evidence) == ("warning", ago(7), ("service:1", "trail:1"))
    assert "alice changed the service last" in made.message


def test_auto_scaling_that_scaled_to_zero_is_told():
    """AWS: a scheduled action says "Setting desired count to 0"."""
    activity = Activity(id="scaling:1", at=ago(9), status="Successful", text="Setting desired count to 0. night")
    scaling = Scaling(id="scaling:0", least=0, most=4, activities=(activity,))

    made = one(list(scaled_to_zero(facts(service=service(0, 0), scaling=scaling))))

    assert (made.since, made.evidence) == (ago(9), ("service:1", "scaling:1"))
    assert made.cause is not None
    assert "by auto scaling" in made.cause.text


@pytest.mark.parametrize(
    "known",
    [service(1, 0), service(0, 0, daemon=True), service(0, 0, status="INACTIVE"), service(0, 1, status="DRAINING")],
)
def test_nobody_scaled_it_to_zero(known: Service):
    """AWS: a daemon's desired count is that of its instances; a deleted service has none."""
    assert list(scaled_to_zero(facts(service=known))) == []


@pytest.mark.parametrize("status", ["DRAINING", "INACTIVE"])
def test_a_deleted_service_is_told(status: str):
    """AWS: DRAINING until its tasks are gone, then INACTIVE."""
    act = Act(id="trail:1", at=ago(7), name="DeleteService", who="alice")

    made = one(list(service_gone(facts(service=service(0, 0, status=status), trail=(act,)))))

    assert (made.severity, made.since, made.evidence) == ("critical", ago(7), ("service:1", "trail:1"))
    assert list(service_gone(facts(service=service()))) == []


def test_nothing_is_found_without_facts():
    """Ours: a section that could not be read is no finding."""
    known = facts()
    judges = (
        broke_after_deployment,
        deployment_failed,
        deployment_stuck,
        scaled_to_zero,
        service_gone,
        too_few_running,
    )

    assert [each for judge in judges for each in judge(known)] == []


def test_tasks_that_could_not_start_count_as_failed():
    """Ours."""
    tasks = (unstarted(1, 20, "CannotPullContainerError: not found", revision=8),)

    assert one(list(broke_after_deployment(broken(*tasks)))).evidence[-1] == "task:1"
