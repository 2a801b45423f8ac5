"""The marks that trouble leaves: stopped tasks, unhealthy targets, alarms, lines in the log, acts in the trail."""

import json
from collections.abc import Iterable
from datetime import datetime

from tests.stand_ins.world.account import NUMBER, REGION, Account, Series, Shape
from tests.stand_ins.world.lines import Event, Written
from tests.stand_ins.world.names import CLUSTER, GROUP_ARN, SERVICE
from tests.stand_ins.world.shop import event, running_task, stream_of

EXITED = "Essential container in task exited"


def stopped_task(
    account: Account, number: int, revision: int, *, began: float, ended: float, started: bool = True
) -> Shape:
    """A task whose container exited with 1; it began and ended so many minutes ago."""
    task = running_task(number, account, revision, began)
    container = task["containers"][0]
    container |= {"lastStatus": "STOPPED", "exitCode": 1}
    task |= {
        "lastStatus": "STOPPED",
        "desiredStatus": "STOPPED",
        "stopCode": "EssentialContainerExited",
        "stoppedReason": EXITED,
        "stoppingAt": account.ago(ended),
        "stoppedAt": account.ago(max(ended - 0.2, 0)),
        "executionStoppedAt": account.ago(ended),
        "attachments": [task["attachments"][0] | {"status": "DELETED"}],
    }
    if not started:
        # It never came so far: no exit code, no address of its own in use, no start.
        for name in ("startedAt", "pullStoppedAt", "executionStoppedAt"):
            task.pop(name)
        del container["exitCode"]
        for name in ("runtimeId", "imageDigest"):
            container.pop(name)
    account.tasks.append(task)
    return task


def out_of_memory(task: Shape) -> None:
    task["containers"][0] |= {"exitCode": 137, "reason": "OutOfMemoryError: Container killed due to memory usage"}


def failed_to_start(task: Shape, reason: str) -> None:
    task |= {"stopCode": "TaskFailedToStart", "stoppedReason": reason}
    if reason.startswith("CannotPull"):
        task["containers"][0]["reason"] = reason


def failed_health_checks(task: Shape) -> None:
    """As the scheduler stops a task that its load balancer finds unhealthy; SIGTERM ended it well."""
    task |= {
        "stopCode": "ServiceSchedulerInitiated",
        "stoppedReason": f"Task failed ELB health checks in (target-group {GROUP_ARN})",
    }
    task["containers"][0]["exitCode"] = 0


def unhealthy(account: Account, reason: str, words: str) -> None:
    for each in account.targets[GROUP_ARN]:
        each["TargetHealth"] = {"State": "unhealthy", "Reason": reason, "Description": words}


def told_unhealthy(account: Account, words: str, minutes: Iterable[float]) -> None:
    for age in minutes:
        event(account, age, f"(service web) (port 8080) is unhealthy in (target-group {GROUP_ARN}) due to ({words})")


def replaced(account: Account, task: Shape, successor: int, minutes: float) -> None:
    """The scheduler's events about a task that it lost, and the one it started instead."""
    old = task["taskArn"].rpartition("/")[2]
    event(account, minutes, f"(service web) has stopped 1 running tasks: (task {old}).")
    event(account, minutes - 0.3, f"(service web) has started 1 tasks: (task {f'{successor:02x}' * 16}).")


def cannot_start(account: Account, minutes: float) -> None:
    words = "For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."
    event(account, minutes, f"(service web) is unable to consistently start tasks successfully. {words}")


def alarmed(account: Account, name: str, minutes: float, value: float) -> None:
    """Let the alarm *name* go off."""
    alarm = next(each for each in account.alarms if each["AlarmName"] == name)
    at = account.ago(minutes)
    points = f"1 out of the last 1 datapoints [{value} ({at:%d/%m/%y %H:%M:%S})]"
    reason = f"Threshold Crossed: {points} was greater than the threshold ({alarm['Threshold']})"
    alarm |= {"StateValue": "ALARM", "StateReason": f"{reason} (minimum 1 datapoint for OK -> ALARM transition)."}
    alarm |= {"StateUpdatedTimestamp": at, "StateTransitionedTimestamp": at}


def since(minutes: float, value: float, before: float | None = None) -> Series:
    """A series that is *value* from so many minutes ago on."""
    return lambda age: value if age <= minutes else before


def acted(account: Account, minutes: float, name: str, parameters: Shape, *, source: str = "ecs") -> None:
    """Somebody did it, by CloudTrail: the record is JSON in a string."""
    at = account.ago(minutes)
    identity = {
        "type": "AssumedRole",
        "arn": f"arn:aws:sts::{NUMBER}:assumed-role/deployer/alice",
        "accountId": NUMBER,
        "accessKeyId": "ASIAEXAMPLEEXAMPLE12",
    }
    record = {
        "eventVersion": "1.11",
        "userIdentity": identity,
        "eventTime": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": f"{source}.amazonaws.com",
        "eventName": name,
        "awsRegion": REGION,
        "sourceIPAddress": "203.0.113.9",
        "requestParameters": parameters,
        "responseElements": None,
        "readOnly": False,
        "eventType": "AwsApiCall",
    }
    account.trail.append(
        {
            "EventId": f"{len(account.trail):08x}-0000-4000-8000-000000000000",
            "EventName": name,
            "ReadOnly": "false",
            "AccessKeyId": "ASIAEXAMPLEEXAMPLE12",
            "EventTime": at.replace(microsecond=0),
            "EventSource": f"{source}.amazonaws.com",
            "Username": "alice",
            "Resources": [],
            "CloudTrailEvent": json.dumps(record),
        }
    )


def deployed_by_somebody(account: Account, revision: int, minutes: float) -> None:
    acted(account, minutes + 1, "RegisterTaskDefinition", {"family": "web"})
    update = {"cluster": CLUSTER, "service": SERVICE, "taskDefinition": f"web:{revision}"}
    acted(account, minutes, "UpdateService", update)


def said(log: Written, task: Shape, at: datetime, *messages: str) -> None:
    """Lines of a task, a tenth of a second apart."""
    milliseconds = round(at.timestamp() * 1000)
    stream = stream_of(task)
    log.add(*(Event(milliseconds + 100 * number, stream, each) for number, each in enumerate(messages)))
