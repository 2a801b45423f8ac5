"""What happened, and when."""

from tasks.tools.ecs.facts import Act, Activity, Logs, Scaling
from tasks.tools.ecs.happenings import Happening, happenings
from tests.stand_ins.facts import ago, alarm, ended, facts, pattern, rollout, running, service


def test_all_that_has_a_moment_happened():
    """Ours: each with the evidence it rests on."""
    known = facts(
        deployments=(rollout(1, 8, 30),),
        tasks=(ended(1, 20), running(2)),
        alarms=(alarm(1, "web-5xx"), alarm(2, "web-cpu", "OK")),
        trail=(Act(id="trail:1", at=ago(31), name="UpdateService", who="alice"),),
        scaling=Scaling(
            id="scaling:0", least=1, most=2, activities=(Activity(id="scaling:1", at=ago(3), status="x", text="up"),)
        ),
        logs=Logs(groups=(), patterns=(pattern(1, "ERROR a", 1_200), pattern(2, "WARN b", severity="warning"))),
    )

    assert sorted(happenings(known)) == [
        Happening(ago(31), "change", "alice called UpdateService", "trail:1"),
        Happening(ago(30), "deployment", "deployment of web:8 began", "deployment:1"),
        Happening(ago(20), "log", "first of 1,200: ERROR a", "log:1"),
        Happening(ago(20), "stopped", "task 00000000 ended: Essential container in task exited", "task:1"),
        Happening(ago(9), "alarm", "alarm web-5xx was raised", "alarm:1"),
        Happening(ago(3), "scaling", "scaling: up", "scaling:1"),
    ]


def test_deployments_of_the_service_stand_in_for_those_that_could_not_be_read():
    """Ours."""
    known = facts(service=service(rollouts=(rollout(1, 8, 30, id="rollout:1"),)))

    assert [each.evidence for each in happenings(known)] == ["rollout:1"]
    assert list(happenings(facts())) == []
