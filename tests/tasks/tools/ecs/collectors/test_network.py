"""The ways packets take."""

from collections.abc import Callable
from typing import Any

import pytest

from tasks.tools.ecs.collectors.cluster import service
from tasks.tools.ecs.collectors.network import network
from tasks.tools.ecs.collectors.targets import targets
from tasks.tools.ecs.facts import Check
from tasks.tools.ecs.scene import NotThere, Scene
from tests.stand_ins.world.names import EDGE, VPC, WEB
from tests.stand_ins.world.surroundings import rule
from tests.stand_ins.world.world import World

Look = Callable[..., Scene]
Shape = dict[str, Any]


def checks(scene: Scene) -> tuple[Check, ...]:
    scene.facts.service = service(scene)
    scene.facts.targets = targets(scene)
    return network(scene)


def admit(world: World, *rules: Shape) -> None:
    next(each for each in world.account.security_groups if each["GroupId"] == WEB)["IpPermissions"] = list(rules)


def ranges(port: int = 8080, **more: list[Shape]) -> Shape:
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port} | more


def test_a_healthy_network_lets_in_and_out(look: Look):
    """Ours: what is asked of it, with its port."""
    inward, outward = checks(look())

    assert (inward.id, inward.name, inward.ok, inward.port) == ("network:1", "from-load-balancer", True, 8080)
    assert (outward.id, outward.name, outward.ok) == ("network:2", "to-internet", True)


@pytest.mark.parametrize(
    ("rules", "ok"),
    [
        ([], False),
        ([rule(443, EDGE)], False),
        ([rule(8080, WEB)], False),
        ([rule(8080, EDGE)], True),
        ([{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": EDGE}]}], True),
        ([ranges(IpRanges=[{"CidrIp": "0.0.0.0/0"}])], True),
        ([ranges(IpRanges=[{"CidrIp": "10.0.0.0/8"}])], True),
        ([ranges(IpRanges=[{"CidrIp": "10.0.1.0/24"}])], None),
        ([ranges(Ipv6Ranges=[{"CidrIpv6": "2600:1f18::/56"}])], None),
        ([ranges(PrefixListIds=[{"PrefixListId": "pl-1"}])], None),
        ([ranges(9090, IpRanges=[{"CidrIp": "0.0.0.0/0"}])], False),
        ([{"IpProtocol": "udp", "FromPort": 8080, "ToPort": 8080, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}], False),
    ],
)
def test_security_groups_let_in_by_port_and_source(world: World, look: Look, rules: list[Shape], ok: bool | None):  # noqa: FBT001  # of the table
    """AWS, IpPermissions; ours: whether a range holds the load balancer is not known, and so not claimed."""
    admit(world, *rules)

    found = checks(look())[0]

    assert found.ok is ok
    assert (f"--group-id {WEB} --protocol tcp --port 8080 --source-group {EDGE}") in found.command


def test_a_health_check_at_its_own_port_must_be_let_in_too(world: World, look: Look):
    """AWS, HealthCheckPort."""
    world.account.target_groups[0]["HealthCheckPort"] = "9090"

    assert [(each.port, each.ok) for each in checks(look())][:2] == [(8080, True), (9090, False)]


@pytest.mark.parametrize(
    ("rules", "ok"), [([rule(8080, EDGE)], None), ([ranges(IpRanges=[{"CidrIp": "0.0.0.0/0"}])], True)]
)
def test_a_load_balancer_without_a_security_group_is_not_judged_by_one(
    world: World,
    look: Look,
    rules: list[Shape],
    ok: bool | None,  # noqa: FBT001  # of the table
):
    """AWS: a network load balancer may have none."""
    world.account.balancers[0]["SecurityGroups"] = []
    admit(world, *rules)

    found = checks(look())[0]

    assert found.ok is ok
    assert "8080" in found.text


def routed(world: World, **route: str) -> None:
    world.account.route_tables[0]["Routes"] = [{"DestinationCidrBlock": "0.0.0.0/0", "State": "active"} | route]


@pytest.mark.parametrize(
    ("route", "public", "ok"),
    [
        ({"NatGatewayId": "nat-1"}, "DISABLED", True),
        ({"TransitGatewayId": "tgw-1"}, "DISABLED", True),
        ({"GatewayId": "igw-1"}, "ENABLED", True),
        ({"GatewayId": "igw-1"}, "DISABLED", False),
        ({"NatGatewayId": "nat-1", "State": "blackhole"}, "ENABLED", False),
        ({"GatewayId": "local", "DestinationCidrBlock": "10.0.0.0/16"}, "ENABLED", False),
    ],
)
def test_the_way_out_is_a_gateway(world: World, look: Look, route: dict[str, str], public: str, ok: bool):  # noqa: FBT001  # of the table
    """AWS: an internet gateway serves only who has a public address."""
    routed(world, **route)
    world.account.service["networkConfiguration"]["awsvpcConfiguration"]["assignPublicIp"] = public

    assert checks(look())[-1].ok is ok


def test_endpoints_are_a_way_out_when_all_that_is_needed_is_there(world: World, look: Look):
    """AWS: ECR has two, and keeps its layers in S3; the state is written with and without a capital."""
    routed(world, GatewayId="local", DestinationCidrBlock="10.0.0.0/16")
    names = ("ecr.api", "ecr.dkr", "logs", "s3")
    world.account.endpoints += [
        {"VpcId": VPC, "ServiceName": f"com.amazonaws.us-east-1.{name}", "State": "Available"} for name in names
    ]
    assert checks(look())[-1].ok

    world.account.endpoints.pop()
    found = checks(look())[-1]

    assert found.ok is False
    assert "no endpoints for s3:" in found.text


def test_a_subnet_without_a_table_of_its_own_has_its_networks_main_one(world: World, look: Look):
    """AWS: implicit association."""
    table = world.account.route_tables[0]
    world.account.route_tables.append(
        table | {"RouteTableId": "rtb-1", "Routes": [], "Associations": [table["Associations"][0]]}
    )
    table["Associations"] = [{"Main": True, "RouteTableAssociationId": "rtbassoc-9"}]

    found = checks(look())[-1]

    assert found.ok is False
    assert "subnet-0a00000000000001a have no way" in found.text


def test_tasks_on_their_instances_network_are_not_looked_at(world: World, look: Look):
    """AWS: bridge and host mode; the instance's network is another one."""
    world.account.service["networkConfiguration"] = {}

    with pytest.raises(NotThere, match="awsvpc"):
        checks(look())
