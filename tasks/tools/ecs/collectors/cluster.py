"""The cluster and the service: what should run, what does, and what ECS says about it."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from botocore.exceptions import BotoCoreError, ClientError

from tasks.redact import clipped
from tasks.tools.ecs.facts import Cluster, Event, Link, Rollout, Service
from tasks.tools.ecs.scene import NotThere, Scene, at, ms

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient

EVENTS: Final = 100
"""As many as ECS keeps."""
WORDS: Final = 600
"""Characters of a sentence of AWS's."""


def cluster(scene: Scene) -> Cluster:
    """The cluster with exactly this name; NotThere names the clusters there are."""
    ecs, wanted = scene.run.aws("ecs"), scene.request.cluster
    for found in ecs.describe_clusters(clusters=[wanted], include=["SETTINGS"]).get("clusters", []):
        if wanted in (found.get("clusterName"), found.get("clusterArn")):
            settings = {each.get("name"): each.get("value") for each in found.get("settings", [])}
            return Cluster(
                id="cluster:1",
                name=found.get("clusterName", wanted),
                arn=found.get("clusterArn", ""),
                status=found.get("status", ""),
                running=found.get("runningTasksCount", 0),
                pending=found.get("pendingTasksCount", 0),
                insights=settings.get("containerInsights", "disabled") != "disabled",
            )
    region = ecs.meta.region_name
    raise NotThere(f"There is no ECS cluster {wanted!r} in this account in {region}.{_names(ecs, None)}")


def service(scene: Scene) -> Service:
    """The service with exactly this name; NotThere names those there are."""
    ecs, name = scene.run.aws("ecs"), scene.must_have_service()
    for found in ecs.describe_services(cluster=scene.cluster, services=[name]).get("services", []):
        return _service(cast("Mapping[str, Any]", found), name)
    raise NotThere(f"There is no service {name!r} in the cluster {scene.cluster_name}.{_names(ecs, scene.cluster)}")


def _service(found: Mapping[str, Any], name: str) -> Service:
    network = found.get("networkConfiguration", {}).get("awsvpcConfiguration", {})
    breaker = found.get("deploymentConfiguration", {}).get("deploymentCircuitBreaker", {})
    providers = [each.get("capacityProvider", "") for each in found.get("capacityProviderStrategy", [])]
    return Service(
        id="service:1",
        name=found.get("serviceName", name),
        arn=found.get("serviceArn", ""),
        status=found.get("status", ""),
        desired=found.get("desiredCount", 0),
        running=found.get("runningCount", 0),
        pending=found.get("pendingCount", 0),
        launch=found.get("launchType") or ", ".join(providers),
        definition=found.get("taskDefinition", ""),
        grace=found.get("healthCheckGracePeriodSeconds"),
        links=tuple(link for each in found.get("loadBalancers", []) for link in _links(each)),
        subnets=tuple(network.get("subnets", [])),
        groups=tuple(network.get("securityGroups", [])),
        public_ip=network.get("assignPublicIp") == "ENABLED",
        breaker=bool(breaker.get("enable")),
        rollback=bool(breaker.get("rollback")),
        created=ms(found.get("createdAt")),
        events=tuple(
            Event(id=f"event:{number}", at=at(event["createdAt"]), text=clipped(event.get("message", ""), WORDS))
            for number, event in enumerate(found.get("events", [])[:EVENTS], 1)
        ),
        rollouts=tuple(_rollout(number, each) for number, each in enumerate(found.get("deployments", []), 1)),
        daemon=found.get("schedulingStrategy") == "DAEMON",
    )


def _links(found: Mapping[str, Any]) -> Iterator[Link]:
    """One, and of a blue/green deployment the other: either may be the one in use."""
    other = found.get("advancedConfiguration", {}).get("alternateTargetGroupArn")
    for group in dict.fromkeys(each for each in (found.get("targetGroupArn"), other) if each):
        yield Link(group=group, container=found.get("containerName", ""), port=found.get("containerPort", 0))


def _rollout(number: int, found: Mapping[str, Any]) -> Rollout:
    return Rollout(
        id=f"rollout:{number}",
        key=found.get("id", ""),
        status=found.get("status", ""),
        state=found.get("rolloutState", ""),
        reason=clipped(found.get("rolloutStateReason", ""), WORDS),
        definition=found.get("taskDefinition", ""),
        created=ms(found.get("createdAt")),
        updated=ms(found.get("updatedAt")),
        desired=found.get("desiredCount", 0),
        running=found.get("runningCount", 0),
        pending=found.get("pendingCount", 0),
        failed=found.get("failedTasks", 0),
    )


def _names(ecs: "ECSClient", cluster: str | None) -> str:
    """What there is instead: a hint, so it may be refused."""
    try:
        if cluster is None:
            what, arns = "clusters", ecs.list_clusters()["clusterArns"]
        else:
            what, arns = "services", ecs.list_services(cluster=cluster, maxResults=100)["serviceArns"]
    except (ClientError, BotoCoreError):
        return ""
    names = ", ".join(sorted(arn.rpartition("/")[2] for arn in arns)[:20]) or "none"
    return f" The {what} are: {names}."
