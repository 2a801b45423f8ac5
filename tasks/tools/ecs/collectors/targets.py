"""What the load balancer thinks of the tasks."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from tasks.redact import clipped
from tasks.tools.ecs.collectors.cluster import WORDS
from tasks.tools.ecs.facts import Target, TargetGroup
from tasks.tools.ecs.scene import NotThere, Scene

if TYPE_CHECKING:
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client

MOST: Final = 20
"""Target groups that one DescribeTargetGroups takes."""
MOST_TARGETS: Final = 100


def targets(scene: Scene) -> tuple[TargetGroup, ...]:
    service = scene.facts.service
    arns = list(dict.fromkeys(link.group for link in service.links)) if service else []
    if not arns:
        raise NotThere("The service is behind no load balancer.")
    elb = scene.run.aws("elbv2")
    found = elb.describe_target_groups(TargetGroupArns=arns[:MOST]).get("TargetGroups", [])
    return tuple(_group(elb, number, cast("Mapping[str, Any]", each)) for number, each in enumerate(found, 1))


def _group(elb: "ElasticLoadBalancingv2Client", number: int, found: Mapping[str, Any]) -> TargetGroup:
    arn: str = found["TargetGroupArn"]
    health = elb.describe_target_health(TargetGroupArn=arn).get("TargetHealthDescriptions", [])
    return TargetGroup(
        id=f"target:{number}",
        name=found.get("TargetGroupName", ""),
        arn=arn,
        port=found.get("Port", 0),
        protocol=found.get("Protocol", ""),
        path=found.get("HealthCheckPath", ""),
        matcher=found.get("Matcher", {}).get("HttpCode", ""),
        interval=found.get("HealthCheckIntervalSeconds", 0),
        timeout=found.get("HealthCheckTimeoutSeconds", 0),
        check_port=found.get("HealthCheckPort", ""),
        balancers=tuple(found.get("LoadBalancerArns", [])),
        targets=tuple(_target(cast("Mapping[str, Any]", each)) for each in health[:MOST_TARGETS]),
    )


def _target(found: Mapping[str, Any]) -> Target:
    target, health = found.get("Target", {}), found.get("TargetHealth", {})
    return Target(
        target=target.get("Id", ""),
        port=target.get("Port", 0),
        state=health.get("State", ""),
        reason=health.get("Reason", ""),
        words=clipped(health.get("Description", ""), WORDS),
    )
