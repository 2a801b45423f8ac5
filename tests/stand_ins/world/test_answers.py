"""The stand-in by itself: what real boto3 clients read in its answers."""

from collections.abc import Callable, Generator
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.stand_ins.world.account import REGION, arn
from tests.stand_ins.world.failures import FAILURES, NOT_PLACED
from tests.stand_ins.world.names import (
    BALANCER_ARN,
    CLUSTER,
    EDGE,
    GROUP_ARN,
    LOG_GROUP,
    SUBNETS,
    VPC,
    WEB,
    task_id,
)
from tests.stand_ins.world.shop import healthy_shop
from tests.stand_ins.world.weather import EVERYTHING
from tests.stand_ins.world.wire import NAMES
from tests.stand_ins.world.world import World, serving_world

WEB_SERVICE = {"cluster": CLUSTER, "service": "web"}
NEWEST = f"{7:020d}"


@pytest.fixture(scope="module")
def served() -> Generator[World]:
    with serving_world(healthy_shop()) as made:
        FAILURES["healthy"](made)
        yield made


@pytest.fixture
def world(served: World) -> Generator[World]:
    """All is well, and AWS answers."""
    yield served
    weather = served.weather
    weather.denied.clear()
    weather.empty.clear()
    weather.throttled.clear()
    weather.slow.clear()
    weather.calls.clear()


def cpu(world: World) -> dict[str, Any]:
    dimensions = [{"Name": "ClusterName", "Value": CLUSTER}, {"Name": "ServiceName", "Value": "web"}]
    metric = {"Namespace": "AWS/ECS", "MetricName": "CPUUtilization", "Dimensions": dimensions}
    stat = {"Metric": metric, "Period": 60, "Stat": "Average"}
    start = world.account.ago(60)
    queries = [{"Id": "cpu", "MetricStat": stat}]
    return {"MetricDataQueries": queries, "StartTime": start, "EndTime": world.account.now}


def by_subnet(_: World) -> dict[str, Any]:
    return {"Filters": [{"Name": "association.subnet-id", "Values": list(SUBNETS)}]}


SCALED = {"ServiceNamespace": "ecs"}
CASES: dict[str, tuple[str, dict[str, Any] | Callable[[World], dict[str, Any]], Callable[[Any], object], object]] = {
    "describe_clusters": ("ecs", {"clusters": [CLUSTER]}, lambda a: a["clusters"][0]["status"], "ACTIVE"),
    "list_clusters": ("ecs", {}, lambda a: a["clusterArns"], [arn("ecs", "cluster/shop")]),
    "describe_services": (
        "ecs",
        {"cluster": CLUSTER, "services": ["web"]},
        lambda a: a["services"][0]["deployments"][0]["rolloutState"],
        "COMPLETED",
    ),
    "list_services": ("ecs", {"cluster": CLUSTER}, lambda a: len(a["serviceArns"]), 1),
    "list_tasks": ("ecs", {"cluster": CLUSTER, "serviceName": "web"}, lambda a: len(a["taskArns"]), 2),
    "describe_tasks": (
        "ecs",
        {"cluster": CLUSTER, "tasks": [task_id(1)]},
        lambda a: a["tasks"][0]["startedAt"].tzinfo is not None,
        True,
    ),
    "describe_task_definition": (
        "ecs",
        {"taskDefinition": "web"},
        lambda a: a["taskDefinition"]["containerDefinitions"][0]["logConfiguration"]["options"]["awslogs-region"],
        REGION,
    ),
    "list_service_deployments": (
        "ecs",
        WEB_SERVICE,
        lambda a: [each["status"] for each in a["serviceDeployments"]],
        ["SUCCESSFUL", "SUCCESSFUL"],
    ),
    "describe_service_deployments": (
        "ecs",
        {"serviceDeploymentArns": [arn("ecs", f"service-deployment/shop/web/{NEWEST}")]},
        lambda a: a["serviceDeployments"][0]["deploymentCircuitBreaker"]["threshold"],
        3,
    ),
    "describe_service_revisions": (
        "ecs",
        {"serviceRevisionArns": [arn("ecs", f"service-revision/shop/web/{NEWEST}")]},
        lambda a: a["serviceRevisions"][0]["containerImages"][0]["imageDigest"][:7],
        "sha256:",
    ),
    "describe_images": (
        "ecr",
        {"repositoryName": "web", "imageIds": [{"imageTag": "v7"}]},
        lambda a: a["imageDetails"][0]["imageTags"],
        ["v7"],
    ),
    "describe_target_groups": (
        "elbv2",
        {"TargetGroupArns": [GROUP_ARN]},
        lambda a: a["TargetGroups"][0]["Matcher"]["HttpCode"],
        "200",
    ),
    "describe_target_health": (
        "elbv2",
        {"TargetGroupArn": GROUP_ARN},
        lambda a: [each["TargetHealth"]["State"] for each in a["TargetHealthDescriptions"]],
        ["healthy", "healthy"],
    ),
    "describe_load_balancers": (
        "elbv2",
        {"LoadBalancerArns": [BALANCER_ARN]},
        lambda a: a["LoadBalancers"][0]["SecurityGroups"],
        [EDGE],
    ),
    "describe_security_groups": (
        "ec2",
        {"GroupIds": [WEB]},
        lambda a: a["SecurityGroups"][0]["IpPermissions"][0]["UserIdGroupPairs"][0]["GroupId"],
        EDGE,
    ),
    "describe_subnets": (
        "ec2",
        {"SubnetIds": list(SUBNETS)},
        lambda a: {each["VpcId"] for each in a["Subnets"]},
        {VPC},
    ),
    "describe_route_tables": ("ec2", by_subnet, lambda a: a["RouteTables"][0]["Routes"][1]["NatGatewayId"][:4], "nat-"),
    "describe_vpc_endpoints": ("ec2", {}, lambda a: a["VpcEndpoints"], []),
    "get_metric_data": ("cloudwatch", cpu, lambda a: len(a["MetricDataResults"][0]["Values"]) >= 60, True),
    "describe_alarms": ("cloudwatch", {}, lambda a: {each["StateValue"] for each in a["MetricAlarms"]}, {"OK"}),
    "describe_scalable_targets": (
        "application-autoscaling",
        SCALED,
        lambda a: a["ScalableTargets"][0]["MaxCapacity"],
        6,
    ),
    "describe_scaling_activities": ("application-autoscaling", SCALED, lambda a: a["ScalingActivities"], []),
    "lookup_events": ("cloudtrail", {}, lambda a: a["Events"], []),
    "filter_log_events": ("logs", {"logGroupName": LOG_GROUP}, lambda a: a["events"], []),
}


@pytest.mark.parametrize("operation", list(CASES))
def test_a_boto3_client_reads_what_the_account_holds(world: World, operation: str):
    """AWS: each operation answers in its service's own protocol, by botocore's model."""
    service, given, look, expected = CASES[operation]

    answer = getattr(world.client(service), operation)(**(given(world) if callable(given) else given))

    assert look(answer) == expected
    assert world.weather.mistakes == []


@pytest.mark.parametrize("operation", list(CASES))
def test_each_operation_can_be_denied_throttled_and_empty(world: World, operation: str):
    """AWS: the error's code is its service's, and who is denied what is said in words."""
    service, given, _, _ = CASES[operation]
    ask = getattr(world.client(service), operation)
    arguments = given(world) if callable(given) else given
    name = operation.replace("_", " ").title().replace(" ", "")
    world.weather.denied = {EVERYTHING}

    with pytest.raises(ClientError) as denied:
        ask(**arguments)
    world.weather.denied = set()
    world.weather.throttled = {name: 1}
    ask(**arguments)
    world.weather.empty = {name}
    nothing = ask(**arguments)

    assert f"perform: {NAMES_OF[service]}:{name} on resource" in str(denied.value)
    assert [call.error for call in world.weather.of(name)][1] in {
        "ThrottlingException",
        "Throttling",
        "RequestLimitExceeded",
    }
    assert not any(value for key, value in nothing.items() if key != "ResponseMetadata")


NAMES_OF = {botocore: signed for signed, botocore in NAMES.items()} | {"cloudwatch": "cloudwatch"}


@pytest.mark.parametrize("name", list(FAILURES))
def test_every_failure_is_told_in_the_shapes_of_aws(name: str):
    """Ours: what the scenarios look at could come from AWS: every answer fits its model, word by word."""
    with serving_world(healthy_shop()) as world:
        began = FAILURES[name](world)
        ecs = world.client("ecs")
        arns = [
            each
            for status in ("RUNNING", "STOPPED")
            for each in ecs.list_tasks(cluster=CLUSTER, serviceName="web", desiredStatus=status)["taskArns"]
        ]
        if arns:
            ecs.describe_tasks(cluster=CLUSTER, tasks=arns)
        for operation, (service, given, _, _) in CASES.items():
            if operation != "describe_tasks":
                getattr(world.client(service), operation)(**(given(world) if callable(given) else given))

    assert began <= world.account.now
    assert world.account.now - began < timedelta(hours=1)


def test_the_calls_are_kept_with_their_times(world: World):
    """Ours: a test can say what was asked when, and when it was answered."""
    world.weather.slow = {"ListClusters": 0.2}

    world.client("ecs").list_clusters()

    (call,) = world.weather.of("ListClusters")
    assert call.answered is not None
    assert call.answered - call.asked >= 0.2


def test_what_does_not_exist_is_missing(world: World):
    """AWS: failures beside what was found, or an error of its own."""
    ecs = world.client("ecs")

    assert ecs.describe_services(cluster=CLUSTER, services=["api"])["failures"][0]["reason"] == "MISSING"
    assert ecs.describe_clusters(clusters=["none"])["failures"][0]["reason"] == "MISSING"
    with pytest.raises(ecs.exceptions.ClusterNotFoundException):
        ecs.list_tasks(cluster="none")
    ecr = world.client("ecr")
    with pytest.raises(ecr.exceptions.ImageNotFoundException):
        ecr.describe_images(repositoryName="web", imageIds=[{"imageTag": "v8"}])
    ec2 = world.client("ec2")
    with pytest.raises(ClientError, match=r"InvalidGroup\.NotFound"):
        ec2.describe_security_groups(GroupIds=["sg-none"])


def test_the_words_for_no_capacity_are_known():
    """AWS, service event messages: container instances without room, and Fargate without capacity."""
    assert "no container instance met all of its requirements" in NOT_PLACED["ec2"]
    assert "Capacity is unavailable at this time" in NOT_PLACED["fargate"]
