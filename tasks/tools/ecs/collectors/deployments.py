"""Deployments: what ECS began, how far it came, and why it gave up."""

from collections.abc import Mapping
from typing import Any, Final, cast

from tasks.redact import clipped
from tasks.tools.ecs.collectors.cluster import WORDS
from tasks.tools.ecs.facts import Rollout
from tasks.tools.ecs.scene import NotThere, Scene, ms

MOST: Final = 10
_GONE_BACK: Final = frozenset({"ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"})
_STATES: Final = {"SUCCESSFUL": "COMPLETED", "PENDING": "IN_PROGRESS", "STOPPED": "FAILED"}


def deployments(scene: Scene) -> tuple[Rollout, ...]:
    """The newest first, with the task definition of each."""
    ecs, name = scene.run.aws("ecs"), scene.must_have_service()
    listed = ecs.list_service_deployments(cluster=scene.cluster, service=name, maxResults=MOST)["serviceDeployments"]
    if not listed:
        raise NotThere("ECS knows no deployments of the service of the last months.")
    arns = [each["serviceDeploymentArn"] for each in listed if "serviceDeploymentArn" in each][:MOST]
    answer = ecs.describe_service_deployments(serviceDeploymentArns=arns)
    found = cast("list[Mapping[str, Any]]", answer.get("serviceDeployments", []))
    found.sort(key=lambda each: each["createdAt"].timestamp() if each.get("createdAt") else 0.0, reverse=True)
    definitions = _definitions(scene, found)
    return tuple(_rollout(number, each, definitions) for number, each in enumerate(found, 1))


def _definitions(scene: Scene, found: list[Mapping[str, Any]]) -> dict[str, str]:
    """The task definition of each service revision."""
    arns = list(dict.fromkeys(_revision(each) for each in found if _revision(each)))
    if not arns:
        return {}
    answer = scene.run.aws("ecs").describe_service_revisions(serviceRevisionArns=arns[:20])
    return {
        each.get("serviceRevisionArn", ""): each.get("taskDefinition", "")
        for each in answer.get("serviceRevisions", [])
    }


def _revision(found: Mapping[str, Any]) -> str:
    return found.get("targetServiceRevision", {}).get("arn", "")


def _rollout(number: int, found: Mapping[str, Any], definitions: Mapping[str, str]) -> Rollout:
    target, rollback = found.get("targetServiceRevision", {}), found.get("rollback", {})
    breaker, status = found.get("deploymentCircuitBreaker", {}), found.get("status", "")
    reasons = [found.get("statusReason", ""), rollback.get("reason", "")]
    return Rollout(
        id=f"deployment:{number}",
        key=found.get("serviceDeploymentArn", "").rpartition("/")[2],
        status=status,
        state=_STATES.get(status, "FAILED" if status in _GONE_BACK else status),
        reason=clipped("; ".join(dict.fromkeys(reason for reason in reasons if reason)), WORDS),
        definition=definitions.get(_revision(found), ""),
        created=ms(found.get("createdAt") or found.get("startedAt")),
        updated=ms(found.get("finishedAt") or found.get("stoppedAt") or found.get("updatedAt")),
        desired=target.get("requestedTaskCount", 0),
        running=target.get("runningTaskCount", 0),
        pending=target.get("pendingTaskCount", 0),
        failed=breaker.get("failureCount", 0),
        breaker=breaker.get("status", ""),
        alarms=tuple(found.get("alarms", {}).get("triggeredAlarmNames", [])),
        rolled_back=status in _GONE_BACK or bool(rollback),
    )
