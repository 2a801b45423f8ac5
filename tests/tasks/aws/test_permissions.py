"""The table of permissions is what the tools really call, and the policies come from it."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tasks.aws.permissions import PERMISSIONS, action_of, assuming, needed_by, policy, tools, trust
from tasks.settings import ToolSettings
from tasks.tool import Cancelled, ToolError
from tasks.tools import TOOLS
from tasks.tools.cloudwatch.search import search_logs
from tasks.tools.cloudwatch.tail import tail_logs
from tasks.tools.ecs.tool import investigate_ecs_service
from tasks.tools.s3.tool import aws_s3
from tests.stand_ins.aws import LOG_GROUP, Aws
from tests.stand_ins.calls import recorded
from tests.stand_ins.insights_language import printed
from tests.stand_ins.logs_tail import logs_tail
from tests.stand_ins.run import FakeRun
from tests.stand_ins.world.failures import bad_image_tag
from tests.stand_ins.world.shop import healthy_shop
from tests.stand_ins.world.world import serving_world

WRITES = re.compile(r":(Create|Put|Delete|Update|Run|Stop(?!Query)|Terminate|Register|Deregister|Tag|Untag|Pass)")


@pytest.fixture(scope="module")
def lived_in(servers: Aws) -> Aws:
    """Servers with a bucket and a log in them."""
    servers.client("s3").create_bucket(Bucket="bucket")
    servers.client("s3").put_object(Bucket="bucket", Key="key", Body=b"text")
    servers.insights.groups[LOG_GROUP] = [
        {"@timestamp": printed(datetime.now(UTC)), "@message": "ERROR heap is full", "@logStream": "web"}
    ]
    return servers


def use_s3(run: FakeRun) -> None:
    run.settings = ToolSettings(s3_presign=timedelta(seconds=60))
    run.call(aws_s3, operation="listObjects")
    run.call(aws_s3, operation="listPrefixes", bucket="bucket")
    for operation in ("headObject", "previewObject", "presignGet"):
        run.call(aws_s3, operation=operation, bucket="bucket", key="key")


def use_investigation(run: FakeRun) -> None:
    # An account of its own, in which everything can be asked.
    with serving_world(healthy_shop()) as world, pytest.MonkeyPatch.context() as patch:
        bad_image_tag(world)
        for table in world.account.route_tables:
            table["Routes"] = table["Routes"][:1]
        for name, value in world.environment().items():
            patch.setenv(name, value)
        patch.delenv("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS")
        run.call(investigate_ecs_service, cluster="shop", service="web")
        for cluster, service in (("none", "web"), ("shop", "none")):
            with pytest.raises(ToolError):
                FakeRun().call(investigate_ecs_service, cluster=cluster, service=service)
        # A query that nobody waits for any more.
        world.logs.polls = -1
        gone = FakeRun(settings=run.settings)
        gone.sleep = lambda duration: gone.cancel() or gone.check()  # pyright: ignore[reportAttributeAccessIssue]
        with pytest.raises(Cancelled):
            gone.call(investigate_ecs_service, cluster="shop", service="web")


def use_search_logs(run: FakeRun) -> None:
    for preset in ("errors", "slow", "pattern", "diff", "lines"):
        run.kept = None
        run.call(search_logs, logGroups=[LOG_GROUP], preset=preset)
    # A query that nobody waits for any more.
    gone = FakeRun(settings=run.settings)
    gone.sleep = lambda duration: gone.cancel() or gone.check()  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(Cancelled):
        gone.call(search_logs, logGroups=[LOG_GROUP])


def use_tail(run: FakeRun) -> None:
    # Logs of their own: there is no Live Tail beside the other stand-ins.
    with logs_tail("/app/web") as logs, pytest.MonkeyPatch.context() as patch:
        for name, value in logs.environment().items():
            patch.setenv(name, value)
        for mode in ("live", "poll"):
            run.call(tail_logs, logGroups=["/app/web"], seconds=1, mode=mode)


USES: dict[str, Callable[[FakeRun], None]] = {
    "aws_s3": use_s3,
    "investigate_ecs_service": use_investigation,
    "aws_ecs": use_investigation,
    "search_logs": use_search_logs,
    "tail_logs": use_tail,
}


def test_every_tool_that_asks_aws_is_in_the_table():
    """Ours: a tool that is new brings its permissions, and a use of it here."""
    named = {tool.name for tool in TOOLS if "mcp:aws" in tool.scopes or tool.name.startswith("aws_")}

    assert set(tools()) == named == set(USES)


@pytest.mark.parametrize("name", list(USES))
def test_every_operation_that_a_tool_calls_is_in_the_table(name: str, lived_in: Aws, monkeypatch: pytest.MonkeyPatch):
    """Ours: whoever gives the policy to a role gets tools that work; and nothing stands in it that no tool calls."""
    for variable, value in lived_in.environment().items():
        monkeypatch.setenv(variable, value)
    lived_in.insights.polls = 1
    lived_in.insights.polled.clear()

    with recorded(monkeypatch) as calls:
        run = FakeRun()
        # Waiting for a query is no matter here.
        run.sleep = lambda duration: None  # pyright: ignore[reportAttributeAccessIssue]
        USES[name](run)

    assert set(calls.operations) == {each.operation for each in needed_by(name)}


def test_the_policy_has_every_action_and_none_that_writes():
    """Ours: read-only."""
    found = policy(tools())

    actions = [action for statement in found["Statement"] for action in statement["Action"]]
    assert set(actions) == {each.action for each in PERMISSIONS}
    assert not [action for action in actions if WRITES.search(action) or "*" in action]
    assert len({statement["Sid"] for statement in found["Statement"]}) == len(found["Statement"])
    assert all(re.fullmatch("[A-Za-z0-9]+", statement["Sid"]) for statement in found["Statement"])


def test_a_policy_for_one_tool_has_its_actions_alone():
    """Ours."""
    found = policy(["aws_s3"])

    assert [(statement["Action"], statement["Resource"]) for statement in found["Statement"]] == [
        (["s3:ListAllMyBuckets"], ["*"]),
        (["s3:ListBucket"], ["arn:aws:s3:::*"]),
        (["s3:GetObject"], ["arn:aws:s3:::*/*"]),
    ]


def test_regions_become_a_condition_but_for_models():
    """AWS, cross-region inference: a global profile is asked without a region, which the condition would refuse."""
    statements = policy(tools(), ["eu-west-1"])["Statement"]

    bound = {"StringEquals": {"aws:RequestedRegion": ["eu-west-1"]}}
    assert all(
        (each.get("Condition") == bound) is not any(action.startswith("bedrock:") for action in each["Action"])
        for each in statements
    )


def test_the_policies_of_roles_let_sessions_be_tagged():
    """AWS, session tags: both the trust policy and the caller's own must allow sts:TagSession."""
    worker, role = "arn:aws:iam::123456789012:role/worker", "arn:aws:iam::123456789012:role/reader"

    assert trust(worker)["Statement"][0]["Action"] == ["sts:AssumeRole", "sts:TagSession"]
    assert trust(worker)["Statement"][0]["Principal"] == {"AWS": worker}
    assert assuming([role])["Statement"][0]["Action"] == ["sts:AssumeRole", "sts:TagSession"]
    assert assuming([role])["Statement"][0]["Resource"] == [role]


def test_a_refusal_without_words_is_explained_by_the_table():
    """AWS, S3: ListObjectsV2 is refused as Access Denied, and needs s3:ListBucket."""
    assert action_of("ListObjectsV2") == "s3:ListBucket"
    assert action_of("DropEverything") is None
