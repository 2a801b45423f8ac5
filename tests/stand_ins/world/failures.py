"""The ways in which the shop breaks. Each changes a healthy world, and says when the trouble began."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from tests.stand_ins.world.lines import Flood
from tests.stand_ins.world.names import CLUSTER, DAY, GROUP_ARN, LOG_GROUP, REGISTRY, WEB
from tests.stand_ins.world.rollouts import deploy, fail_deployment
from tests.stand_ins.world.shop import add_definition, add_image, event, quiet_log, stream_of
from tests.stand_ins.world.surroundings import OWN, measure, rule
from tests.stand_ins.world.trouble import (
    acted,
    alarmed,
    cannot_start,
    deployed_by_somebody,
    failed_health_checks,
    failed_to_start,
    out_of_memory,
    replaced,
    said,
    since,
    stopped_task,
    told_unhealthy,
    unhealthy,
)
from tests.stand_ins.world.world import World

Break = Callable[[World], datetime]

OLD: Final = (7, 2.0 * DAY)
"""The deployment before the broken one."""
NOT_PLACED: Final = {
    "ec2": (
        "was unable to place a task because no container instance met all of its requirements. The closest matching "
        "(container-instance 3f1a2b4c5d6e4f708192a3b4c5d6e7f8) has insufficient memory available. For more "
        "information, see the Troubleshooting section of the Amazon ECS Developer Guide."
    ),
    "fargate": (
        "was unable to place a task. Reason: Capacity is unavailable at this time. Please try again later or in a "
        "different availability zone. For more information, see the Troubleshooting section of the Amazon ECS "
        "Developer Guide."
    ),
}


def healthy(world: World) -> datetime:
    """Nothing is broken; the moment means nothing."""
    world.logs.groups[LOG_GROUP] = quiet_log(world.account)
    return world.account.now


def bad_image_tag(world: World) -> datetime:
    """web:8 names a tag that nobody pushed; the tasks of web:7 still serve."""
    account = world.account
    healthy(world)
    add_definition(account, 8, 21, image=f"{REGISTRY}/web:v8")
    deploy(account, 8, 20)
    deployed_by_somebody(account, 8, 20)
    reference = f"{REGISTRY}/web:v8"
    reason = (
        f"CannotPullContainerError: pull image manifest has been retried 7 time(s): failed to resolve ref {reference}: "
        f"{reference}: not found"
    )
    for number, age in enumerate((19, 16, 12, 7, 3), 3):
        failed_to_start(stopped_task(account, number, 8, began=age, ended=age - 0.8, started=False), reason)
        event(account, age + 0.5, f"(service web) has started 1 tasks: (task {f'{number:02x}' * 16}).")
    fail_deployment(account, 5, running=0, old=OLD)
    cannot_start(account, 11)
    return account.ago(20)


def memory_runs_out(world: World) -> datetime:
    """A leak: each task is killed when it comes to 512 MB."""
    account = world.account
    log = quiet_log(account)
    world.logs.groups[LOG_GROUP] = log
    for number, ended in enumerate((41, 22, 4), 3):
        task = stopped_task(account, number, 7, began=ended + 19, ended=ended)
        out_of_memory(task)
        replaced(account, task, number + 1, ended - 0.3)
        said(log, task, account.ago(ended + 0.05), "INFO cache of product pictures holds 118000 entries")
    account.measure(
        "AWS/ECS", "MemoryUtilization", lambda age: 40 + 59 * (1 - age % 20 / 20) if age < 60 else 40, **OWN
    )
    return account.ago(41)


def health_check_fails(world: World) -> datetime:
    """The application answers 503 on /health, since its dependency check was broken by nobody's deployment."""
    account = world.account
    log = quiet_log(account)
    world.logs.groups[LOG_GROUP] = log
    unhealthy(account, "Target.ResponseCodeMismatch", "Health checks failed with these codes: [503]")
    for number, ended in enumerate((27, 18, 9), 3):
        task = stopped_task(account, number, 7, began=ended + 9, ended=ended)
        failed_health_checks(task)
        replaced(account, task, number + 1, ended - 0.3)
        said(log, task, account.ago(ended + 1), *["INFO GET /health 503 1ms"] * 3)
    told_unhealthy(account, "reason Health checks failed with these codes: [503]", (28, 19, 10))
    for name, value in (("UnHealthyHostCount", 2), ("HealthyHostCount", 0)):
        measure(account, name, since(28, value, 2 - value))
    measure(account, "HTTPCode_ELB_5XX_Count", since(28, 300))
    return account.ago(28)


def crash_loop(world: World) -> datetime:
    """web:8 lost a variable of its environment, and every start ends in three seconds."""
    account = world.account
    log = quiet_log(account)
    world.logs.groups[LOG_GROUP] = log
    add_image(account, "v8", 40)
    add_definition(account, 8, 31, environment=[{"name": "PAYMENT_URL", "value": "https://payments.internal"}])
    deploy(account, 8, 30)
    deployed_by_somebody(account, 8, 30)
    trace = (
        "Traceback (most recent call last):",
        '  File "/app/main.py", line 12, in <module>',
        '    payments = Payments(os.environ["PAYMENTS_URL"])',
        '  File "<frozen os>", line 714, in __getitem__',
        "KeyError: 'PAYMENTS_URL'",
    )
    for number, age in enumerate((29, 26, 22, 17, 11, 4), 3):
        task = stopped_task(account, number, 8, began=age, ended=age - 0.05)
        said(log, task, account.ago(age - 0.01), "INFO starting web v8", *trace)
        event(account, age + 0.5, f"(service web) has started 1 tasks: (task {f'{number:02x}' * 16}).")
    del account.tasks[:2]
    account.targets[GROUP_ARN] = []
    fail_deployment(account, 6, running=0)
    cannot_start(account, 20)
    account.measure("ECS/ContainerInsights", "RunningTaskCount", since(29, 0, 2), **OWN)
    measure(account, "HealthyHostCount", since(29, 0, 2))
    measure(account, "HTTPCode_ELB_5XX_Count", since(29, 580))
    return account.ago(30)


def no_capacity(world: World, launch: str = "ec2") -> datetime:
    """It is to grow from two tasks to six, and there is no room for four of them."""
    account = world.account
    healthy(world)
    account.service.update(desiredCount=6, launchType=launch.upper())
    for each in (*account.tasks, account.service["deployments"][0], account.revisions[0]):
        each["launchType"] = launch.upper()
    account.service["deployments"][0]["desiredCount"] = 6
    account.service["deploymentConfiguration"] = account.service["deploymentConfiguration"] | {"maximumPercent": 200}
    for age in (24, 18, 12, 6, 1):
        event(account, age, f"(service web) {NOT_PLACED[launch]}")
    acted(account, 25, "UpdateService", {"cluster": CLUSTER, "service": "web", "desiredCount": 6})
    account.measure("ECS/ContainerInsights", "DesiredTaskCount", since(25, 6, 2), **OWN)
    return account.ago(24)


def wrong_security_group(world: World) -> datetime:
    """Somebody took the rule away by which the load balancer reaches the tasks."""
    account = world.account
    healthy(world)
    group = next(each for each in account.security_groups if each["GroupId"] == WEB)
    group["IpPermissions"] = [rule(443, WEB)]
    acted(account, 33, "RevokeSecurityGroupIngress", {"groupId": WEB}, source="ec2")
    unhealthy(account, "Target.Timeout", "Request timed out")
    for number, ended in enumerate((29, 20, 11), 3):
        task = stopped_task(account, number, 7, began=ended + 9, ended=ended)
        failed_health_checks(task)
        replaced(account, task, number + 1, ended - 0.3)
    told_unhealthy(account, "reason Request timed out", (31, 21, 12))
    for name, value in (("UnHealthyHostCount", 2), ("HealthyHostCount", 0)):
        measure(account, name, since(32, value, 2 - value))
    measure(account, "HTTPCode_ELB_5XX_Count", since(32, 290))
    return account.ago(32)


def logged_errors(world: World, minutes: float, *messages: str) -> datetime:
    """The tasks run, and since so many minutes say *messages* every twenty seconds, and answer with 500."""
    account = world.account
    log = quiet_log(account)
    world.logs.groups[LOG_GROUP] = log
    for third in range(int(minutes * 3)):
        age = minutes - third / 3 - 0.05
        said(log, account.tasks[third % 2], account.ago(max(age, 0.05)), *messages)
    measure(account, "HTTPCode_Target_5XX_Count", since(minutes, 42))
    alarmed(account, "web-5xx", minutes - 1, 42.0)
    return account.ago(minutes)


def role_denied(world: World) -> datetime:
    """The task's role lost its leave to read the table."""
    return logged_errors(
        world,
        35,
        "ERROR cart could not be read: AccessDeniedException: An error occurred (AccessDeniedException) when calling "
        "the GetItem operation: User: arn:aws:sts::123456789012:assumed-role/web-task/1f2e3d4c is not authorized to "
        "perform: dynamodb:GetItem on resource: arn:aws:dynamodb:us-east-1:123456789012:table/carts because no "
        "identity-based policy allows the dynamodb:GetItem action",
    )


def dependency_times_out(world: World) -> datetime:
    """The database does not answer."""
    began = logged_errors(
        world,
        25,
        'ERROR could not connect to server: Connection timed out. Is the server running on host "db.internal" '
        "(10.0.9.12) and accepting TCP/IP connections on port 5432?",
        "ERROR GET /carts/17 500 connect timeout db:5432 after 5000ms",
    )
    measure(world.account, "TargetResponseTime", since(25, 5.1, 0.03))
    return began


def throttled_by_dynamodb(world: World) -> datetime:
    """The table has less capacity than is asked of it."""
    return logged_errors(
        world,
        30,
        "ERROR cart not saved: An error occurred (ProvisionedThroughputExceededException) when calling the PutItem "
        "operation (reached max retries: 9): The level of configured provisioned throughput for the table was "
        "exceeded. Consider increasing your provisioning level with the UpdateTable API.",
    )


FLOOD: Final = (
    "ERROR worker-%d lost its lease of queue orders, retrying",
    "ERROR order %d refused by pricing: java.net.SocketException: Broken pipe",
    "WARN retry %d of pricing call",
    "INFO order %d queued",
)


def log_flood(world: World, count: int = 1_000_000, rate: int = 800, templates: Sequence[str] = FLOOD) -> datetime:
    """*count* lines, *rate* in a second, by default half of them errors; the tasks run."""
    account = world.account
    beside = quiet_log(account)
    minutes = count / rate / 60
    streams = [stream_of(task) for task in account.tasks]
    began = account.ago(minutes + 1)
    world.logs.groups[LOG_GROUP] = Flood(began, count, rate, templates, streams, beside)
    return began


FAILURES: Final[Mapping[str, Break]] = {
    "healthy": healthy,
    "bad image tag": bad_image_tag,
    "out of memory": memory_runs_out,
    "failing health check": health_check_fails,
    "crash loop": crash_loop,
    "no capacity": no_capacity,
    "wrong security group": wrong_security_group,
    "role denied": role_denied,
    "dependency times out": dependency_times_out,
    "throttled": throttled_by_dynamodb,
    "log flood": log_flood,
}
