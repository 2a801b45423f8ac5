"""Whoever may not see everything is told what is missing, and gets the rest."""

import pytest

from tasks.aws.permissions import PERMISSIONS
from tasks.tool import ToolError
from tests.scenarios.judging import NAME, investigate, section
from tests.stand_ins.run import FakeRun
from tests.stand_ins.world.failures import healthy, memory_runs_out
from tests.stand_ins.world.weather import EVERYTHING
from tests.stand_ins.world.world import World

USED = (
    "DescribeServices",
    "ListTasks",
    "DescribeTasks",
    "DescribeTaskDefinition",
    "ListServiceDeployments",
    "DescribeImages",
    "DescribeTargetGroups",
    "DescribeTargetHealth",
    "DescribeSecurityGroups",
    "GetMetricData",
    "DescribeAlarms",
    "DescribeScalableTargets",
    "LookupEvents",
    "StartQuery",
    "GetQueryResults",
)
NEEDED = ("DescribeServices", "ListTasks", "DescribeTasks", "DescribeTargetHealth", "StartQuery")
"""Without these nobody can say that a service is healthy."""
BLIND = {"DescribeServices", "ListTasks", "DescribeTasks"}
"""Without these the tasks that ran out of memory are not seen, or not as the service's."""


def action_of(operation: str) -> str:
    return next(each.action for each in PERMISSIONS if each.tool == NAME and each.operation == operation)


@pytest.mark.parametrize("operation", USED)
def test_one_that_is_denied_is_named_and_the_rest_is_judged(world: World, run: FakeRun, operation: str):
    """Ours: the section says denied and which permission it takes; the cause is found without it where it can be."""
    memory_runs_out(world)
    world.weather.denied = {operation}

    found = investigate(run, world)

    assert world.weather.of(operation)
    denied = section(found, "denied")
    assert denied
    assert all(action_of(operation) in message for message in denied.values())
    assert section(found, "error") == section(found, "throttled") == {}
    assert section(found, "ok")
    assert found["verdict"]["status"] != "healthy"
    assert any(action_of(operation) in gap for gap in found["gaps"])
    if operation not in BLIND:
        assert "memory" in found["hypotheses"][0]["cause"].lower()


@pytest.mark.parametrize("operation", NEEDED)
def test_nobody_is_called_healthy_who_was_not_looked_at(world: World, run: FakeRun, operation: str):
    """Ours: unknown is the verdict when what would show trouble could not be read."""
    healthy(world)
    world.weather.denied = {operation}

    found = investigate(run, world)

    assert found["verdict"]["status"] == "unknown"
    assert found["findings"] == []


def test_whoever_may_see_nothing_is_told_what_it_takes(world: World, run: FakeRun):
    """Ours: an error that names a permission, or a result in which nothing is known."""
    healthy(world)
    world.weather.denied = {EVERYTHING}

    try:
        found = investigate(run, world)
    except ToolError as error:
        assert "ecs:Describe" in str(error)  # noqa: PT017  # either is right, and each is looked at
    else:
        assert found["verdict"]["status"] == "unknown"
        assert found["findings"] == found["hypotheses"] == []
        assert set(section(found, "denied"))


def test_a_model_that_is_denied_takes_nothing_away(world: World, run: FakeRun):
    """Ours: what rules found is returned without it, and the analysis says who wrote it."""
    memory_runs_out(world)
    world.bedrock.mode = "denied"

    found = investigate(run, world, analyze=True)

    assert world.bedrock.requests
    assert "memory" in found["hypotheses"][0]["cause"].lower()
    assert found["analysis"]["source"] == "rules"
    assert "bedrock:InvokeModelWithResponseStream" in found["analysis"]["note"]
