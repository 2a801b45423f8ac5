"""Services whose tasks do not start, or do not stay."""

import pytest

from tests.scenarios.judging import has_finding, investigate, since, speaks_only_of, top
from tests.stand_ins.run import FakeRun
from tests.stand_ins.world.failures import bad_image_tag, crash_loop, memory_runs_out, no_capacity
from tests.stand_ins.world.rollouts import trip_breaker
from tests.stand_ins.world.world import World


def test_a_tag_that_nobody_pushed_is_the_cause(world: World, run: FakeRun):
    """Ours: the tag, by what the tasks say and by ECR; the tasks of before still serve, so nothing is down."""
    began = bad_image_tag(world)

    found = investigate(run, world)

    assert found["verdict"]["status"] in {"degraded", "broken"}
    assert found["verdict"]["severity"] != "info"
    top(found, "image|tag", "v8", proof={"task", "image"})
    has_finding(found, "image|pull", proof={"task", "image"})
    since(found, began)
    speaks_only_of(found, "image", "deployment", "exit")
    assert any("v8" in each["after"] for each in found["changes"])


def test_a_circuit_breaker_that_gave_up_is_told(world: World, run: FakeRun):
    """Ours: the deployment failed for good, and why its tasks did not start is still the cause."""
    bad_image_tag(world)
    world.account.service["deployments"] = world.account.service["deployments"][:1]
    trip_breaker(world.account, 5, ended=2)

    found = investigate(run, world)

    top(found, "image|tag", "v8", proof={"task", "image"})
    has_finding(found, "circuit breaker|deployment", "fail|gave up|stopped|triggered", proof={"deployment", "service"})


def test_tasks_that_run_out_of_memory_are_told_from_other_kills(world: World, run: FakeRun):
    """Ours: only the reason OutOfMemoryError says so; the memory's curve is beside it."""
    began = memory_runs_out(world)

    found = investigate(run, world)

    assert found["verdict"]["status"] in {"degraded", "broken"}
    top(found, "memory", proof={"task"})
    has_finding(found, "memory", proof={"task"})
    since(found, began)
    speaks_only_of(found, "memory", "exit")


def test_a_kill_without_the_words_for_it_is_not_called_out_of_memory(world: World, run: FakeRun):
    """AWS, exit codes: 137 is SIGKILL, which stopTimeout and health checks send too."""
    memory_runs_out(world)
    for task in world.account.tasks:
        task["containers"][0].pop("reason", None)
    world.account.metrics = {key: value for key, value in world.account.metrics.items() if "Memory" not in key[1]}

    found = investigate(run, world)

    said = [each["message"] for each in found["findings"]] + [each["cause"] for each in found["hypotheses"]]
    assert not [each for each in said if "OutOfMemoryError" in each or "ran out of memory" in each.lower()]
    assert any("137" in each or "SIGKILL" in each for each in said)


def test_a_crash_after_a_deployment_is_laid_to_what_changed(world: World, run: FakeRun):
    """Ours: exit code, deployment and the lines it died with stand together; the changed variable is named."""
    began = crash_loop(world)

    found = investigate(run, world)

    assert found["verdict"]["status"] == "broken"
    assert found["verdict"]["severity"] == "critical"
    top(found, "deploy|web:8|revision|task definition", proof={"task"})
    first = found["hypotheses"][0]
    assert {"change", "deployment"} & {each.partition(":")[0] for each in first["evidence"]}
    has_finding(found, "exit", proof={"task"})
    since(found, began)
    speaks_only_of(found, "exit", "deployment", "image", "logs")
    assert any("PAYMENT" in f"{each['what']}{each['before']}{each['after']}" for each in found["changes"])
    assert any("PAYMENTS_URL" in each["template"] + each["sample"] for each in found["logPatterns"])


@pytest.mark.parametrize("launch", ["ec2", "fargate"])
def test_a_service_without_room_is_told_so(world: World, run: FakeRun, launch: str):
    """Ours: no container instance has the memory, or Fargate no capacity; what runs is not blamed."""
    began = no_capacity(world, launch)

    found = investigate(run, world)

    assert found["verdict"]["status"] in {"degraded", "broken"}
    top(found, "capacity|place|room|resources", proof={"event"})
    has_finding(found, "place|capacity", proof={"event"})
    since(found, began)
    speaks_only_of(found, "capacity", *(["memory"] if launch == "ec2" else []))
