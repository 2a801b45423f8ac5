"""What changed between two task definitions, and which two are compared."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from tasks.tools.ecs.collectors.cluster import service
from tasks.tools.ecs.collectors.deployments import deployments
from tasks.tools.ecs.collectors.revisions import differences, revisions
from tasks.tools.ecs.facts import ContainerSpec, Revisions
from tasks.tools.ecs.scene import NotThere, Scene, at
from tests.stand_ins.facts import definition, rollout, running, spec
from tests.stand_ins.facts import service as told
from tests.stand_ins.world.names import DAY, definition_arn
from tests.stand_ins.world.rollouts import deploy
from tests.stand_ins.world.shop import add_definition
from tests.stand_ins.world.world import World

Look = Callable[..., Scene]


def collected(scene: Scene) -> Revisions:
    scene.facts.service, scene.facts.deployments = service(scene), deployments(scene)
    return revisions(scene)


def changed(before: ContainerSpec, after: ContainerSpec) -> list[tuple[str, str, str]]:
    return list(differences(definition(7, before), definition(8, after)))


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"image": "web:1"}, {"image": "web:2"}, ("image of web", "web:1", "web:2")),
        ({"memory": 512}, {"memory": 256}, ("memory of web", "512", "256")),
        ({"memory": 512}, {"memory": None}, ("memory of web", "512", "none")),
        ({"cpu": 0}, {"cpu": 128}, ("CPU units of web", "0", "128")),
        ({"ports": (80, 443)}, {"ports": ()}, ("ports of web", "80 443", "none")),
        ({"command": ()}, {"command": ("run", "it")}, ("command of web", "none", "run it")),
        ({"health_check": "a"}, {"health_check": "b"}, ("health check of web", "a", "b")),
        ({"stop_timeout": 30}, {"stop_timeout": 2}, ("stop timeout of web", "30", "2")),
        ({"essential": True}, {"essential": False}, ("essential of web", "True", "False")),
        ({"environment": {"A": "1"}}, {}, ("variable A of web", "set", "removed")),
        ({}, {"environment": {"A": "1"}}, ("variable A of web", "not there", "added")),
        ({"environment": {"A": "1"}}, {"environment": {"A": "2"}}, ("variable A of web", "another value", "changed")),
        ({"secrets": {"A": "1"}}, {"secrets": {"A": "2"}}, ("secret A of web", "another value", "changed")),
    ],
)
def test_what_changed_in_a_container_is_told(before: dict[str, Any], after: dict[str, Any], told: tuple[str, str, str]):
    """Ours: the name of a variable, and never its value."""
    assert changed(spec(**before), spec(**after)) == [told]


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("cpu", "CPU units of the task"),
        ("memory", "memory of the task"),
        ("task_role", "task role"),
        ("execution_role", "execution role"),
        ("network", "network mode"),
    ],
)
def test_what_changed_of_the_task_is_told(field: str, told: str):
    """Ours."""
    before, after = (replace(definition(7), **{field: value}) for value in "ab")

    found = differences(before, after)

    assert list(found) == [(told, "a", "b")]


def test_containers_that_came_and_went_are_told_in_the_same_order_each_time():
    """Ours: an id of evidence is the same for every attempt."""
    before = definition(7, spec("d"), spec("c"), spec("web"))
    after = definition(8, spec("web"), spec("b"), spec("a"))

    assert [what for what, _, _ in differences(before, after)] == [f"container {name}" for name in "cdab"]


def test_the_same_is_no_change():
    """Ours."""
    assert changed(spec(), spec()) == []


def test_the_deployed_revision_is_compared_with_the_one_deployed_before(world: World, look: Look):
    """Ours: what was deployed, not the number before; and since when."""
    add_definition(world.account, 9, 30, environment=[{"name": "PAYMENTS_URL", "value": "hunter2"}])
    deploy(world.account, 9, 20)

    found = collected(look())

    assert found.previous is not None
    assert (found.current.name, found.previous.name, found.guessed) == ("web:9", "web:7", False)
    assert [(each.id, each.what, each.at) for each in found.changes] == [
        ("change:1", "image of web", at(world.account.ago(20))),
        ("change:2", "variable PAYMENTS_URL of web", at(world.account.ago(20))),
    ]
    assert "hunter2" not in repr(found)


def test_a_revision_that_was_rolled_back_is_compared_with_what_runs(world: World, look: Look):
    """Ours: web:8 was given up; what changed leads from web:7 to it, since it was deployed."""
    account = world.account
    add_definition(account, 8, 30, memory=64)
    deploy(account, 8, 20)
    account.deployments[0] |= {"status": "ROLLBACK_SUCCESSFUL", "rollback": {"reason": "it failed"}}
    account.service["taskDefinition"] = definition_arn(7)

    found = collected(look())

    assert found.given_up
    assert found.previous is not None
    assert (found.current.name, found.previous.name) == ("web:7", "web:8")
    assert [(each.what, each.before, each.after) for each in found.changes][1:] == [("memory of web", "none", "64")]
    assert {each.at for each in found.changes} == {at(world.account.ago(20))}


def test_the_same_revision_deployed_again_changed_when_it_was_first(look: Look):
    """AWS: forceNewDeployment."""
    scene = look()
    scene.facts.service = told(definition=definition_arn(7))
    scene.facts.deployments = (rollout(1, 7, 5), rollout(2, 7, 50), rollout(3, 6, 90), rollout(4, 7, 99))

    assert {each.at for each in revisions(scene).changes} == {scene.facts.deployments[1].created}


def test_without_a_deployment_before_the_number_before_is_a_guess(look: Look):
    """Ours: said to be one."""
    scene = look()
    scene.facts.service = told(definition=definition_arn(7))

    found = revisions(scene)

    assert found.previous is not None
    assert (found.previous.name, found.guessed) == ("web:6", True)


def test_a_revision_that_is_gone_leaves_nothing_to_compare_with(world: World, look: Look):
    """AWS: task definitions can be deleted."""
    del world.account.definitions["web:6"]

    assert collected(look()).previous is None


def test_of_a_task_alone_its_own_definition_is_told(look: Look):
    """Ours."""
    scene = look(service=None, task="x")
    scene.facts.tasks = (running(1, 6),)

    assert revisions(scene).current.name == "web:6"


def test_when_nothing_says_what_is_deployed_that_is_said(look: Look):
    """Ours."""
    with pytest.raises(NotThere, match="which task definition is deployed"):
        revisions(look())


def test_the_shop_was_deployed_two_days_ago(world: World, look: Look):
    """Ours: of a quiet service the last change is still told."""
    found = collected(look())

    assert [each.what for each in found.changes] == ["image of web"]
    assert found.changes[0].at == at(world.account.ago(2 * DAY))
