"""Who changed the service."""

from collections.abc import Callable

import pytest

from tasks.tools.ecs.collectors.cluster import service
from tasks.tools.ecs.collectors.trail import trail
from tasks.tools.ecs.scene import NotThere, Scene, at
from tests.stand_ins.world.names import CLUSTER_ARN, SERVICE_ARN, WEB
from tests.stand_ins.world.trouble import acted
from tests.stand_ins.world.world import World

Look = Callable[..., Scene]


def test_who_changed_the_service_is_told_the_newest_first(world: World, look: Look):
    """AWS: CloudTrail lists no resources with these events; what was asked is JSON in them."""
    acted(world.account, 150, "CreateService", {"serviceName": "web", "cluster": "shop"})
    acted(world.account, 9, "UpdateService", {"service": SERVICE_ARN, "cluster": CLUSTER_ARN, "desiredCount": 0})

    found = trail(look())

    assert [(each.id, each.name, each.who) for each in found] == [
        ("trail:1", "UpdateService", "alice"),
        ("trail:2", "CreateService", "alice"),
    ]
    assert found[0].at == at(world.account.ago(9).replace(microsecond=0))


@pytest.mark.parametrize(
    ("name", "parameters", "minutes"),
    [
        ("UpdateService", {"service": "api", "cluster": "shop"}, 9),
        ("UpdateService", {"service": "web", "cluster": "other"}, 9),
        ("UpdateService", {"service": "web"}, 9),
        ("UpdateService", {"service": "web", "cluster": "shop"}, 300),
        ("DescribeServices", {"services": ["web"], "cluster": "shop"}, 9),
    ],
    ids=["another service", "another cluster", "the default cluster", "too long ago", "a look"],
)
def test_what_was_done_to_others_is_not_told(
    world: World, look: Look, name: str, parameters: dict[str, object], minutes: float
):
    """Ours: an account is shared by many."""
    acted(world.account, minutes, name, parameters)

    with pytest.raises(NotThere, match="15 minutes late"):
        trail(look())


@pytest.mark.parametrize("record", ["", "{", "[]", '{"requestParameters": null}'])
def test_an_event_that_cannot_be_read_is_not_told(world: World, look: Look, record: str):
    """Ours: nor does it fail the section."""
    acted(world.account, 9, "UpdateService", {"service": "web", "cluster": "shop"})
    world.account.trail[0]["CloudTrailEvent"] = record

    with pytest.raises(NotThere):
        trail(look())


def test_what_aws_refused_changed_nothing(world: World, look: Look):
    """AWS, CloudTrail: errorCode."""
    acted(world.account, 9, "UpdateService", {"service": "web", "cluster": "shop"})
    event = world.account.trail[0]
    event["CloudTrailEvent"] = event["CloudTrailEvent"].replace("{", '{"errorCode": "AccessDenied", ', 1)

    with pytest.raises(NotThere):
        trail(look())


@pytest.mark.parametrize(("group", "told"), [(WEB, [("RevokeSecurityGroupIngress", WEB)]), ("sg-of-others", [])])
def test_what_the_tasks_security_groups_let_in_no_more_is_told(
    world: World, look: Look, group: str, told: list[tuple[str, str]]
):
    """Ours: what shuts a load balancer out; other groups are other people's."""
    acted(world.account, 12, "UpdateService", {"service": "web", "cluster": "shop"})
    acted(world.account, 9, "RevokeSecurityGroupIngress", {"groupId": group}, source="ec2")
    scene = look()
    scene.facts.service = service(scene)

    assert [(each.name, each.about) for each in trail(scene)] == [*told, ("UpdateService", "")]
