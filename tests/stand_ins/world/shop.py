"""A shop on Fargate in which all is well: the cluster `shop` with the service `web` behind a load balancer."""

import random
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

from tests.stand_ins.world.account import NUMBER, REGION, Account, Shape, arn
from tests.stand_ins.world.lines import Event, Written
from tests.stand_ins.world.names import (
    CLUSTER,
    CLUSTER_ARN,
    DAY,
    LOG_GROUP,
    PORT,
    REGISTRY,
    SERVICE,
    SUBNETS,
    definition_arn,
    digest,
    rollout_id,
    task_id,
)
from tests.stand_ins.world.rollouts import deploy, service
from tests.stand_ins.world.surroundings import surround


def healthy_shop(now: datetime | None = None) -> Account:
    """Deployed two days ago, and quiet since."""
    account = Account(now or datetime.now(UTC))
    account.clusters.append(_cluster())
    for revision, at in ((6, 9 * DAY), (7, 2 * DAY)):
        add_definition(account, revision, at)
        add_image(account, f"v{revision}", at + 30)
    account.services.append(service(account))
    deploy(account, 6, 9 * DAY)
    deploy(account, 7, 2 * DAY)
    account.tasks += [running_task(number, account, 7, 2 * DAY - number) for number in (1, 2)]
    surround(account)
    event(account, 2 * DAY - 5, f"(service web) (deployment {rollout_id(7)}) deployment completed.")
    for hours in (42, 36, 30, 24, 18, 12, 6, 0.4):
        event(account, hours * 60, "(service web) has reached a steady state.")
    return account


def quiet_log(account: Account, minutes: float = 3 * DAY) -> Written:
    """What the running tasks say when all is well: a line of each in every minute."""
    chance = random.Random(11)  # noqa: S311  # the same lines in every run
    log = Written()
    streams = [stream_of(task) for task in account.tasks]
    log.add(*(_quiet_line(account, age + 0.3, streams[age % len(streams)], chance) for age in range(int(minutes))))
    return log


def _quiet_line(account: Account, age: float, stream: str, chance: random.Random) -> Event:
    words = f"INFO GET /carts/{chance.randint(1, 9999)} 200 {chance.randint(3, 40)}ms"
    return Event(round(account.ago(age).timestamp() * 1000), stream, words)


def stream_of(task: Shape) -> str:
    """Where its container logs to: prefix/container/task id."""
    return f"ecs/web/{task['taskArn'].rpartition('/')[2]}"


def event(account: Account, minutes: float, message: str) -> None:
    """Newest first, as ECS gives them."""
    events: list[Shape] = account.service["events"]
    events.append({"id": f"{len(events):08x}", "createdAt": account.ago(minutes), "message": message})
    events.sort(key=itemgetter("createdAt"), reverse=True)


def add_definition(account: Account, revision: int, minutes: float, **container: Any) -> Shape:
    """web:*revision*, registered so many minutes ago; *container* changes its only one."""
    options = {"awslogs-group": LOG_GROUP, "awslogs-stream-prefix": "ecs", "awslogs-region": REGION}
    own = {
        "name": "web",
        "image": f"{REGISTRY}/web:v{revision}",
        "cpu": 0,
        "essential": True,
        "portMappings": [{"containerPort": PORT, "hostPort": PORT, "protocol": "tcp"}],
        "environment": [{"name": "PAYMENTS_URL", "value": "https://payments.internal"}],
        "logConfiguration": {"logDriver": "awslogs", "options": options},
    }
    made = {
        "taskDefinitionArn": definition_arn(revision),
        "family": "web",
        "revision": revision,
        "status": "ACTIVE",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "taskRoleArn": f"arn:aws:iam::{NUMBER}:role/web-task",
        "executionRoleArn": f"arn:aws:iam::{NUMBER}:role/ecsTaskExecutionRole",
        "containerDefinitions": [own | container],
        "registeredAt": account.ago(minutes),
        "registeredBy": f"arn:aws:sts::{NUMBER}:assumed-role/deployer/pipeline",
    }
    account.definitions[f"web:{revision}"] = made
    return made


def add_image(account: Account, tag: str, minutes: float) -> None:
    image = {
        "registryId": NUMBER,
        "repositoryName": "web",
        "imageDigest": digest(tag),
        "imageTags": [tag],
        "imageSizeInBytes": 48_000_000,
        "imagePushedAt": account.ago(minutes),
    }
    account.images.setdefault("web", []).append(image)


def running_task(number: int, account: Account, revision: int, minutes: float) -> Shape:
    """A task that started so many minutes ago."""
    name = task_id(number)
    subnet, zone = list(SUBNETS.items())[number % 2]
    address = f"10.0.{number % 2}.{10 + number}"
    container = {
        "containerArn": arn("ecs", f"container/{CLUSTER}/{name}/0"),
        "taskArn": arn("ecs", f"task/{CLUSTER}/{name}"),
        "name": "web",
        "image": account.definitions[f"web:{revision}"]["containerDefinitions"][0]["image"],
        "imageDigest": digest(f"v{revision}"),
        "runtimeId": f"{name}-0",
        "lastStatus": "RUNNING",
        "healthStatus": "UNKNOWN",
        "networkInterfaces": [{"attachmentId": f"eni-{number}", "privateIpv4Address": address}],
    }
    return {
        "taskArn": arn("ecs", f"task/{CLUSTER}/{name}"),
        "clusterArn": CLUSTER_ARN,
        "taskDefinitionArn": definition_arn(revision),
        "group": f"service:{SERVICE}",
        "startedBy": rollout_id(revision),
        "launchType": "FARGATE",
        "availabilityZone": zone,
        "lastStatus": "RUNNING",
        "desiredStatus": "RUNNING",
        "healthStatus": "UNKNOWN",
        "connectivity": "CONNECTED",
        "cpu": "256",
        "memory": "512",
        "createdAt": account.ago(minutes + 0.6),
        "pullStartedAt": account.ago(minutes + 0.4),
        "pullStoppedAt": account.ago(minutes + 0.2),
        "startedAt": account.ago(minutes),
        "containers": [container],
        "attachments": [_interface(number, subnet, address)],
    }


def _interface(number: int, subnet: str, address: str) -> Shape:
    details = {"subnetId": subnet, "networkInterfaceId": f"eni-{number}", "privateIPv4Address": address}
    named = [{"name": name, "value": value} for name, value in details.items()]
    return {"id": f"eni-{number}", "type": "ElasticNetworkInterface", "status": "ATTACHED", "details": named}


def _cluster() -> Shape:
    return {
        "clusterArn": CLUSTER_ARN,
        "clusterName": CLUSTER,
        "status": "ACTIVE",
        "registeredContainerInstancesCount": 0,
        "runningTasksCount": 2,
        "pendingTasksCount": 0,
        "activeServicesCount": 1,
        "settings": [{"name": "containerInsights", "value": "enabled"}],
        "capacityProviders": ["FARGATE"],
    }
