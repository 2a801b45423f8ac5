"""The log that Container Insights writes: a sample of each task in each minute of its life."""

from tests.stand_ins.world.account import Account, Shape
from tests.stand_ins.world.lines import Event, Written
from tests.stand_ins.world.names import CLUSTER, SERVICE

HOURS = 3
LIMIT = 512


def performance_log(account: Account) -> Written:
    """Of the last hours; a task that ran out of memory is seen on its way there."""
    log = Written()
    for task in account.tasks:
        if "startedAt" in task:
            log.add(*_samples(account, task))
    return log


def _samples(account: Account, task: Shape) -> list[Event]:
    end = (task.get("stoppedAt") or account.now).timestamp()
    first = max(task["startedAt"].timestamp(), account.now.timestamp() - HOURS * 3600)
    is_leaking = "OutOfMemory" in task["containers"][0].get("reason", "")
    minutes = range(int((end - first) // 60) + 1)
    return [_sample(task, first + 60 * minute, minute / len(minutes) if is_leaking else 0.0) for minute in minutes]


def _sample(task: Shape, at: float, towards_the_end: float) -> Event:
    name = task["taskArn"].rpartition("/")[2]
    used = 205 + round((LIMIT - 205) * towards_the_end)
    more = {
        "Type": "Task",
        "ClusterName": CLUSTER,
        "ServiceName": SERVICE,
        "TaskId": name,
        "CpuReserved": "256.0",
        "CpuUtilized": "51.2",
        "MemoryReserved": str(LIMIT),
        "MemoryUtilized": str(used),
    }
    return Event(round(at * 1000), f"FargateTelemetry-{name[:4]}", "{}", more)
