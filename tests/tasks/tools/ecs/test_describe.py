"""Where a task logs to, as its definition says."""

from typing import Any

import pytest

from tasks.tools.ecs.describe import Destination, cluster, destinations, newest, service, service_of, task, tasks_of
from tasks.tools.ecs.section import NotThere
from tasks.tools.ecs.shapes import Task
from tests.stand_ins.aws import REGION, Aws, BrokenService

AWSLOGS = {"awslogs-group": "/app", "awslogs-region": REGION, "awslogs-stream-prefix": "ecs"}


@pytest.fixture
def ecs(cloud: Aws) -> Any:
    return cloud.client("ecs")


def defined(ecs: Any, *containers: dict[str, Any]) -> Task:
    """A task of a definition with these containers."""
    made = ecs.register_task_definition(
        family="web",
        containerDefinitions=[
            {"name": f"c{number}", "image": "i", "memory": 64, **each} for number, each in enumerate(containers)
        ],
    )
    return {
        "taskArn": "arn:aws:ecs:us-east-1:1:task/shop/abc",
        "taskDefinitionArn": made["taskDefinition"]["taskDefinitionArn"],
        "tags": {},
        "containers": [],
    }


def logging(driver: str, **options: str) -> dict[str, Any]:
    return {"logConfiguration": {"logDriver": driver, "options": options}}


def test_streams_are_named_after_prefix_container_and_task(ecs: Any):
    """AWS, awslogs: prefix-name/container-name/ecs-task-id."""
    made = defined(ecs, logging("awslogs", **AWSLOGS), logging("awslogs", **AWSLOGS), logging("json-file"))

    assert destinations(ecs, made) == [Destination("/app", REGION, ("ecs/c0/abc", "ecs/c1/abc"))]


def test_a_stream_without_prefix_has_no_name_to_know(ecs: Any):
    """AWS, awslogs: without a prefix Docker's container id names the stream, so the whole group is read."""
    plain = {name: value for name, value in AWSLOGS.items() if name != "awslogs-stream-prefix"}
    made = defined(ecs, logging("awslogs", **AWSLOGS), logging("awslogs", **plain))

    assert destinations(ecs, made) == [Destination("/app", REGION, ())]


def test_containers_that_log_elsewhere_are_named(ecs: Any):
    """Ours: 'no logs' and 'logs we cannot read' are not the same."""
    made = defined(ecs, logging("awsfirelens"), {})

    with pytest.raises(NotThere, match="awsfirelens, none"):
        destinations(ecs, made)


def test_a_cluster_is_found_by_its_exact_name_or_arn(ecs: Any):
    """The predecessor took any cluster whose name contained the word."""
    arn = ecs.create_cluster(clusterName="shop-production")["cluster"]["clusterArn"]

    assert cluster(ecs, "shop-production")["clusterArn"] == arn
    assert cluster(ecs, arn)["clusterName"] == "shop-production"
    with pytest.raises(NotThere, match=r"The clusters are: .*shop-production"):
        cluster(ecs, "shop-prod")


def test_what_a_stopped_task_says_is_kept_and_its_secrets_are_not(ecs: Any, broken: BrokenService):
    """Ours: stop code, reasons, exit codes and tags."""
    ecs.tag_resource(resourceArn=broken.task_arn, tags=[{"key": "db_password", "value": "hunter2"}])

    shown = task(ecs, "shop", broken.task_id)

    assert shown.get("stopCode") == "EssentialContainerExited"
    assert shown["containers"][0].get("exitCode") == 137
    assert shown["tags"]["team"] == "shop"
    assert "hunter2" not in str(shown)


def test_a_service_leads_to_the_task_that_stopped(ecs: Any, broken: BrokenService):
    """Ours: what stopped shows what went wrong."""
    arns = tasks_of(ecs, "shop", "web")

    assert arns == [broken.task_arn]
    assert newest(ecs, "shop", arns)["taskArn"] == broken.task_arn


def test_a_service_shows_its_counts_and_events(ecs: Any, broken: BrokenService):
    """Ours: by its exact name."""
    shown = service(ecs, "shop", "web")

    assert shown.get("desiredCount") == 2
    assert shown["events"][0]["message"].endswith("unable to place a task")
    with pytest.raises(NotThere, match="'nobody'"):
        service(ecs, "shop", "nobody")


@pytest.mark.parametrize(("group", "name"), [("service:web", "web"), ("family:web", None)])
def test_the_service_of_a_task_is_read_from_its_group(group: str, name: str | None):
    """AWS: tasks that a service started are in the group service:NAME."""
    made: Task = {"taskArn": "arn", "tags": {}, "containers": [], "group": group}

    assert service_of(made) == name
    assert service_of(None) is None


def test_an_unknown_task_is_not_there(ecs: Any, broken: BrokenService):
    """AWS: stopped tasks vanish."""
    with pytest.raises(NotThere, match="about an hour"):
        task(ecs, "shop", "0" * 32)
