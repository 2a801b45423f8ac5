"""AWS on loopback: moto for ECS and S3, our stand-ins for what moto lacks."""

import json
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from moto.backends import get_backend
from moto.server import ThreadedMotoServer

from tests.stand_ins.bedrock import Bedrock, bedrock
from tests.stand_ins.insights import ACCOUNT, Insights, insights
from tests.stand_ins.insights_language import printed

REGION = "us-east-1"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
}
LOG_GROUP = "/app/web"


@dataclass
class Aws:
    """The endpoints, and the environment that leads a program to them."""

    url: str
    insights: Insights
    bedrock: Bedrock

    def environment(self) -> dict[str, str]:
        own = {"AWS_ENDPOINT_URL": self.url}
        return CREDENTIALS | own | self.insights.environment() | self.bedrock.environment()

    def forget(self) -> None:
        """Make our stand-ins as new; moto keeps what it has."""
        self.bedrock.stopped.set()
        for part in (self.insights, self.bedrock):
            vars(part).update(vars(type(part)(url=part.url)))

    def client(self, service: str) -> Any:
        return boto3.client(  # pyright: ignore[reportUnknownMemberType, reportCallIssue, reportUnknownVariableType]
            service,  # pyright: ignore[reportArgumentType]
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )


@contextmanager
def aws(**bedrock_mode: Any) -> Generator[Aws]:
    """All of it, empty."""
    with ExitStack() as stack:
        moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        moto.start()
        stack.callback(moto.stop)
        host, port = moto.get_host_and_port()
        logs = stack.enter_context(insights())
        yield Aws(f"http://{host}:{port}", logs, stack.enter_context(bedrock(**bedrock_mode)))
        for name in ("ecs", "s3"):
            get_backend(name).reset()


@dataclass
class BrokenService:
    """A service whose only task ran out of memory, with its logs and its samples."""

    cluster: str
    service: str
    task_arn: str

    @property
    def task_id(self) -> str:
        return self.task_arn.rpartition("/")[2]


def broken_service(cloud: Aws, cluster: str = "shop") -> BrokenService:
    """Make one in *cloud*."""
    ecs = cloud.client("ecs")
    ecs.create_cluster(clusterName=cluster)
    ecs.register_task_definition(
        family="web",
        containerDefinitions=[
            {
                "name": "web",
                "image": "web:1",
                "memory": 512,
                "logConfiguration": {
                    "logDriver": "awslogs",
                    "options": {"awslogs-group": LOG_GROUP, "awslogs-stream-prefix": "ecs", "awslogs-region": REGION},
                },
            }
        ],
    )
    ecs.create_service(cluster=cluster, serviceName="web", taskDefinition="web", desiredCount=2)
    ec2 = cloud.client("ec2")
    image = ec2.describe_images()["Images"][0]["ImageId"]
    instance = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"][0]
    document = json.dumps({"instanceId": instance["InstanceId"]})
    ecs.register_container_instance(cluster=cluster, instanceIdentityDocument=document)
    task = ecs.run_task(
        cluster=cluster, taskDefinition="web", group="service:web", tags=[{"key": "team", "value": "shop"}]
    )["tasks"][0]
    made = BrokenService(cluster, "web", task["taskArn"])
    _break(cluster, made)
    fill_logs(cloud, made)
    return made


def _break(cluster: str, made: BrokenService) -> None:
    """What moto cannot be asked for over HTTP: a stopped task's reasons, a service's events."""
    backend: Any = get_backend("ecs")[ACCOUNT][REGION]
    for tasks in backend.tasks.values():
        for task in tasks.values():
            if task.task_arn == made.task_arn:
                task.last_status = task.desired_status = "STOPPED"
                task.stopped_reason, task.stop_code = "Essential container in task exited", "EssentialContainerExited"
                for container in task.containers:
                    container.exitCode, container.reason = 137, "OutOfMemoryError: Container killed due to memory usage"
    service = next(each for each in backend.services.values() if each.cluster_name == cluster)
    service.events.append(
        {"id": "1", "createdAt": datetime.now(UTC), "message": "(service web) was unable to place a task"}
    )


def fill_logs(cloud: Aws, made: BrokenService) -> None:
    """Its lines and samples of the last minutes, among those that are none of its business."""
    now = datetime.now(UTC)
    stream = f"ecs/web/{made.task_id}"
    cloud.insights.groups[LOG_GROUP] = [
        {"@timestamp": printed(now - timedelta(minutes=3)), "@message": "listening on 8080", "@logStream": stream},
        {
            "@timestamp": printed(now - timedelta(minutes=2)),
            "@message": "ERROR heap is full, password=hunter2 key AKIAABCDEFGHIJKLMNOP",
            "@logStream": stream,
        },
        {
            "@timestamp": printed(now - timedelta(minutes=2)),
            "@message": "someone else's",
            "@logStream": "ecs/web/other",
        },
        {"@timestamp": printed(now - timedelta(days=2)), "@message": "ERROR of long ago", "@logStream": stream},
    ]
    cloud.insights.groups[f"/aws/ecs/containerinsights/{made.cluster}/performance"] = [
        {
            "@timestamp": printed(now - timedelta(minutes=minute)),
            "Type": "Task",
            "TaskId": made.task_id,
            "CpuReserved": "256.0",
            "CpuUtilized": "64.0",
            "MemoryReserved": "512",
            "MemoryUtilized": str(512 - minute * 20),
        }
        for minute in (3, 2, 1)
    ]
