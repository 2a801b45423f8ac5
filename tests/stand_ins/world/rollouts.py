"""The service and its deployments, as ECS tells them twice: short with the service, and at length by themselves."""

from typing import Any

from tests.stand_ins.world.account import NUMBER, Account, Shape, arn
from tests.stand_ins.world.names import (
    CLUSTER,
    CLUSTER_ARN,
    GROUP_ARN,
    PORT,
    REGISTRY,
    SERVICE,
    SERVICE_ARN,
    SUBNETS,
    WEB,
    definition_arn,
    digest,
    rollout_id,
)

ROLLING = {
    "deploymentCircuitBreaker": {"enable": False, "rollback": False},
    "maximumPercent": 200,
    "minimumHealthyPercent": 50,
    "strategy": "ROLLING",
    "bakeTimeInMinutes": 0,
}


def service(account: Account) -> Shape:
    """Without a deployment yet."""
    return {
        "serviceArn": SERVICE_ARN,
        "serviceName": SERVICE,
        "clusterArn": CLUSTER_ARN,
        "status": "ACTIVE",
        "desiredCount": 2,
        "runningCount": 2,
        "pendingCount": 0,
        "launchType": "FARGATE",
        "platformVersion": "1.4.0",
        "taskDefinition": definition_arn(7),
        "deploymentConfiguration": ROLLING,
        "deployments": [],
        "loadBalancers": [{"targetGroupArn": GROUP_ARN, "containerName": "web", "containerPort": PORT}],
        "networkConfiguration": network(),
        "healthCheckGracePeriodSeconds": 60,
        "schedulingStrategy": "REPLICA",
        "deploymentController": {"type": "ECS"},
        "createdAt": account.ago(60 * 24 * 400),
        "createdBy": f"arn:aws:iam::{NUMBER}:role/deployer",
        "events": [],
    }


def network(*groups: str) -> Shape:
    used = {"subnets": list(SUBNETS), "securityGroups": list(groups or (WEB,)), "assignPublicIp": "DISABLED"}
    return {"awsvpcConfiguration": used}


def deploy(account: Account, revision: int, minutes: float, *, groups: tuple[str, ...] = (WEB,)) -> None:
    """Deploy web:*revision*, so many minutes ago, all well: it takes the place of what was deployed before."""
    where = network(*groups)
    account.revisions.insert(0, _revision(account, revision, minutes, where))
    before = account.deployments[0] if account.deployments else None
    account.deployments.insert(0, _deployment(account, revision, minutes, before))
    account.service["deployments"] = [_rollout(account, revision, minutes, where)]
    account.service["taskDefinition"] = definition_arn(revision)
    account.service["networkConfiguration"] = where


def fail_deployment(account: Account, failed: int, *, running: int, old: tuple[int, float] | None = None) -> None:
    """Leave the newest deployment in progress with *failed* tasks and so many *running*.

    *old* is the deployment that still serves: its revision, and when it was made (minutes ago).
    """
    newest = account.deployments[0]
    for name in ("finishedAt", "statusReason"):
        newest.pop(name, None)
    newest["status"] = "IN_PROGRESS"
    newest["targetServiceRevision"] |= {"runningTaskCount": running, "pendingTaskCount": 1}
    newest["deploymentCircuitBreaker"] = {"status": "DISABLED", "failureCount": failed, "threshold": 3}
    rollout = account.service["deployments"][0]
    words = f"ECS deployment {rollout['id']} in progress."
    counts = {"failedTasks": failed, "runningCount": running, "pendingCount": 1}
    rollout |= counts | {"rolloutState": "IN_PROGRESS", "rolloutStateReason": words}
    account.service.update(runningCount=running, pendingCount=1)
    if old:
        active = _rollout(account, *old, rollout["networkConfiguration"]) | {"status": "ACTIVE", "desiredCount": 2}
        account.service["deployments"].append(active)
        account.service["runningCount"] = running + 2


def trip_breaker(account: Account, failed: int, *, ended: float) -> None:
    """Let the circuit breaker give the newest deployment up."""
    fail_deployment(account, failed, running=0)
    words = "ECS deployment circuit breaker: tasks failed to start."
    account.service["deployments"][0] |= {"rolloutState": "FAILED", "rolloutStateReason": words, "pendingCount": 0}
    account.service["deploymentConfiguration"] = ROLLING | {
        "deploymentCircuitBreaker": {"enable": True, "rollback": False}
    }
    account.service["pendingCount"] = 0
    newest = account.deployments[0]
    newest["deploymentConfiguration"] = account.service["deploymentConfiguration"]
    newest["deploymentCircuitBreaker"] = {"status": "TRIGGERED", "failureCount": failed, "threshold": 3}
    newest |= {"status": "STOPPED", "statusReason": words, "stoppedAt": account.ago(ended)}
    newest["targetServiceRevision"]["pendingTaskCount"] = 0


def _rollout(account: Account, revision: int, minutes: float, where: Shape) -> Shape:
    """A deployment that is complete, as DescribeServices tells it."""
    return {
        "id": rollout_id(revision),
        "status": "PRIMARY",
        "taskDefinition": definition_arn(revision),
        "desiredCount": 2,
        "pendingCount": 0,
        "runningCount": 2,
        "failedTasks": 0,
        "createdAt": account.ago(minutes),
        "updatedAt": account.ago(max(minutes - 5, 0)),
        "launchType": "FARGATE",
        "platformVersion": "1.4.0",
        "networkConfiguration": where,
        "rolloutState": "COMPLETED",
        "rolloutStateReason": f"ECS deployment {rollout_id(revision)} completed.",
    }


def _deployment(account: Account, revision: int, minutes: float, before: Shape | None) -> Shape:
    counts = {"requestedTaskCount": 2, "runningTaskCount": 2, "pendingTaskCount": 0}
    # What was there before is told as it was when this one began.
    source = [{"arn": before["targetServiceRevision"]["arn"]} | counts] if before else []
    return {
        "serviceDeploymentArn": arn("ecs", f"service-deployment/{CLUSTER}/{SERVICE}/{revision:020d}"),
        "serviceArn": SERVICE_ARN,
        "clusterArn": CLUSTER_ARN,
        "createdAt": account.ago(minutes),
        "startedAt": account.ago(minutes - 0.1),
        "updatedAt": account.ago(max(minutes - 5, 0)),
        "finishedAt": account.ago(max(minutes - 5, 0)),
        "sourceServiceRevisions": source,
        "targetServiceRevision": {"arn": _revision_arn(revision)} | counts,
        "status": "SUCCESSFUL",
        "deploymentConfiguration": ROLLING,
        "deploymentCircuitBreaker": {"status": "DISABLED", "failureCount": 0, "threshold": 3},
    }


def _revision(account: Account, revision: int, minutes: float, where: Shape) -> Shape:
    image: dict[str, Any] = {"containerName": "web", "image": f"{REGISTRY}/web:v{revision}"}
    # ECS resolves the tag once, when it deploys; where it cannot, there is no digest.
    tags = {tag for each in account.images.get("web", []) for tag in each["imageTags"]}
    image |= {"imageDigest": digest(f"v{revision}")} if f"v{revision}" in tags else {}
    return {
        "serviceRevisionArn": _revision_arn(revision),
        "serviceArn": SERVICE_ARN,
        "clusterArn": CLUSTER_ARN,
        "taskDefinition": definition_arn(revision),
        "launchType": "FARGATE",
        "platformVersion": "1.4.0",
        "platformFamily": "Linux",
        "loadBalancers": [{"targetGroupArn": GROUP_ARN, "containerName": "web", "containerPort": PORT}],
        "networkConfiguration": where,
        "containerImages": [image],
        "guardDutyEnabled": False,
        "createdAt": account.ago(minutes),
    }


def _revision_arn(revision: int) -> str:
    return arn("ecs", f"service-revision/{CLUSTER}/{SERVICE}/{revision:020d}")
