"""What callers ask AWS tools for that is none of their business, and names that are more than names."""

import json
import string
from collections.abc import Generator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tasks.aws.errors import explain
from tasks.schema import InvalidArguments
from tasks.settings import ToolSettings
from tasks.tool import Cancelled, ToolError
from tasks.tools.ecs.tool import aws_ecs
from tasks.tools.s3.tool import aws_s3
from tests.stand_ins.aws import ACCOUNT, CREDENTIALS, REGION
from tests.stand_ins.calls import Calls, recorded
from tests.stand_ins.http import Handler, serving
from tests.stand_ins.run import FakeRun
from tests.stand_ins.sts import ROLE, Sts, sts
from tests.stand_ins.world.failures import healthy
from tests.stand_ins.world.shop import healthy_shop
from tests.stand_ins.world.world import World, serving_world

HERE = ToolSettings(aws_regions=(REGION,), aws_accounts=(ACCOUNT,))
ELSEWHERE = "arn:aws:ecs:eu-west-1:123456789012:"
STRANGERS = "arn:aws:ecs:us-east-1:999999999999:"


@pytest.fixture(scope="module")
def account() -> Generator[World]:
    with serving_world(healthy_shop()) as made:
        healthy(made)
        yield made


@pytest.fixture
def cloud(account: World, monkeypatch: pytest.MonkeyPatch) -> World:
    for name, value in account.environment().items():
        monkeypatch.setenv(name, value)
    account.logs.polls = 0
    return account


@pytest.fixture
def calls(cloud: World, monkeypatch: pytest.MonkeyPatch) -> Generator[Calls]:
    with recorded(monkeypatch) as made:
        yield made


@pytest.fixture
def roles(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> Generator[Sts]:
    with sts() as made:
        for name, value in made.environment().items():
            monkeypatch.setenv(name, value)
        yield made


@pytest.mark.parametrize(
    "prefix", [ELSEWHERE, STRANGERS, STRANGERS.upper(), "arn:aws:ecs:::", "arn:aws:ecs:us-east-1:"]
)
@pytest.mark.parametrize(
    "arguments",
    [
        {"ecsCluster": "{}cluster/shop", "ecsService": "web"},
        {"ecsCluster": "shop", "ecsTaskArn": "{}task/shop/0"},
        {"ecsCluster": "shop", "ecsService": "{}service/shop/web"},
    ],
    ids=["cluster", "task", "service"],
)
def test_an_arn_of_elsewhere_is_refused_before_aws_is_called(calls: Calls, prefix: str, arguments: dict[str, str]):
    """A54, CWE-639: another account's or region's, or one that leaves it open; whichever argument it is in."""
    given = {name: value.format(prefix) for name, value in arguments.items()}

    with pytest.raises(ToolError, match=r"MCP_AWS_REGIONS|MCP_AWS_ACCOUNTS|is not an ARN"):
        FakeRun(settings=HERE).call(aws_ecs, **given)

    assert calls.operations == []


def test_an_arn_of_here_is_taken(calls: Calls, cloud: World):
    """A54, the other side: what is allowed works."""
    cluster = f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/shop"

    task = cloud.account.tasks[0]["taskArn"]

    found = FakeRun(settings=HERE).call(aws_ecs, ecsCluster=cluster, ecsTaskArn=task, analyze=False)

    assert found["task"]["taskArn"] == task
    assert "DescribeTasks" in calls.operations


@pytest.mark.parametrize("resource", [f"{ELSEWHERE}cluster/shop", f"{STRANGERS}cluster/shop"])
def test_a_tool_that_forgets_to_look_is_refused_by_its_client(calls: Calls, resource: str):
    """A54: no tool of anybody's gets further, for clients look at what they are handed."""
    client = FakeRun(settings=HERE).aws("ecs")

    with pytest.raises(Exception, match=r"MCP_AWS_REGIONS|MCP_AWS_ACCOUNTS") as refused:
        client.describe_clusters(clusters=["shop", resource])

    assert "is not allowed here" in explain(refused.value)
    assert calls.operations == []


def test_a_region_that_is_not_on_the_list_is_not_asked(calls: Calls, monkeypatch: pytest.MonkeyPatch):
    """A54: whatever AWS_REGION or a profile says."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")

    for tool, arguments in ((aws_s3, {"operation": "listBuckets"}), (aws_ecs, {"ecsCluster": "x", "ecsService": "y"})):
        with pytest.raises(ToolError, match="'eu-west-1' is not allowed here: MCP_AWS_REGIONS lists us-east-1"):
            FakeRun(settings=HERE).call(tool, **arguments)

    assert calls.operations == []


@pytest.mark.parametrize(("settings", "regions"), [(HERE, {REGION}), (ToolSettings(), {REGION, "eu-west-1"})])
def test_a_bucket_does_not_lead_to_a_region_that_is_not_on_the_list(
    monkeypatch: pytest.MonkeyPatch, settings: ToolSettings, regions: set[str]
):
    """A54: S3 sends its callers on to the bucket's own region, and boto3 goes. Without a list it may."""
    signed: list[str] = []

    class Buckets(Handler):
        def do_GET(self) -> None:
            region = self.headers["authorization"].split("/")[2]
            signed.append(region)
            if "list-type" not in self.path:
                names = "<Buckets><Bucket><Name>far</Name></Bucket></Buckets>"
                self.answer(200, f"<ListAllMyBucketsResult>{names}</ListAllMyBucketsResult>".encode(), type="text/xml")
            elif region == REGION:
                error = b"<Error><Code>PermanentRedirect</Code><Message>elsewhere</Message></Error>"
                self.answer(301, error, type="text/xml", x_amz_bucket_region="eu-west-1")
            else:
                self.answer(200, b"<ListBucketResult></ListBucketResult>", type="text/xml")

    with serving(Buckets) as url:
        for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL_S3": url}.items():
            monkeypatch.setenv(name, value)
        found = FakeRun(settings=settings).call(aws_s3, operation="listObjects")

    assert set(signed) == regions
    assert ("MCP_AWS_REGIONS" in found["buckets"][0].get("error", "")) is (settings is HERE)


def test_a_role_that_denies_is_reported_and_not_asked_again(roles: Sts, calls: Calls):
    """A54: a refusal is an answer; trying again makes it no other."""
    roles.denies = "sts:AssumeRole"

    with pytest.raises(ToolError, match=rf"AWS denied sts:AssumeRole on {ROLE}: .*trust policy"):
        FakeRun(settings=ToolSettings(aws_roles=(f"*={ROLE}",))).call(aws_ecs, ecsCluster="shop", ecsService="web")

    assert len(roles.asked) == 1
    assert calls.keys("DescribeClusters") == []


def test_a_role_that_may_not_be_tagged_is_told_exactly_so(roles: Sts):
    """A54: session tags carry who asked, so a role that refuses them is not worked in."""
    roles.denies = "sts:TagSession"

    with pytest.raises(ToolError, match=rf"AWS denied sts:TagSession on {ROLE}: the role's trust policy must allow"):
        FakeRun(settings=ToolSettings(aws_roles=(f"*={ROLE}",))).call(aws_s3, operation="listBuckets")


def test_nobody_works_with_anothers_role_or_the_workers_own(roles: Sts, calls: Calls):
    """A54: with roles set, who is on no list is refused before anything is asked."""
    settings = ToolSettings(aws_roles=(f"test|somebody else={ROLE}", f"client:other={ROLE}"))

    for tool, arguments in ((aws_s3, {"operation": "listBuckets"}), (aws_ecs, {"ecsCluster": "x", "ecsService": "y"})):
        with pytest.raises(ToolError, match="MCP_AWS_ROLES has no role for you"):
            FakeRun(settings=settings).call(tool, **arguments)

    assert calls.operations == roles.asked == []


def test_a_query_is_stopped_in_the_role_it_was_started_in(roles: Sts, calls: Calls, cloud: World):
    """A54: the clean-up after a cancelled run is no way to the worker's own credentials."""
    run = FakeRun(settings=ToolSettings(aws_roles=(f"*={ROLE}",)))
    cloud.logs.polls = -1
    run.sleep = lambda duration: run.cancel() or run.check()  # pyright: ignore[reportAttributeAccessIssue]

    with pytest.raises(Cancelled):
        run.call(aws_ecs, ecsCluster="shop", ecsTaskArn=cloud.account.tasks[0]["taskArn"])

    assert calls.keys("StopQuery")
    assert all(key.startswith("ASIAROLE") for key in calls.keys("StartQuery") + calls.keys("StopQuery"))


ODD = [each for each in string.printable if not (each.isalnum() or each in "_:/-")]
NAMES = [
    *(f"shop{each}web" for each in ODD),
    *(f"shop{each}" for each in "\n\r\t \0"),
    "' or '1'='1",
    'x" | fields @message | "',
    "shop\nfilter @message like /./",
    "$(id)",
    "{{shop}}",
    "%2e%2e%2f",
    "../../shop",
    "шоп",
    "shop\u202ebew",
    "shop\x1b[2J",
    "",
    "x" * 256,
]


@pytest.mark.parametrize("argument", ["ecsCluster", "ecsTaskArn", "ecsService"])
def test_a_name_that_is_more_than_a_name_is_refused_by_the_schema(argument: str):
    """A55, CWE-77: quotes, pipes, line ends, wildcards, directions, and what only looks like letters."""
    assert [name for name in NAMES if refusal(argument, name) is None] == []
    assert all(argument in (refusal(argument, name) or "") for name in NAMES)


def refusal(argument: str, name: str) -> str | None:
    """What is said of *name*; None when it is taken."""
    try:
        aws_ecs.arguments.parse(json.dumps({"ecsCluster": "shop", "ecsService": "web", argument: name}).encode())
    except InvalidArguments as refused:
        return str(refused)
    return None


@pytest.mark.parametrize("name", ["a", "A-b_c", "arn:aws:ecs:us-east-1:123456789012:cluster/shop", "-_/:"])
def test_a_name_that_is_one_is_taken(name: str):
    """A55, the other side."""
    assert aws_ecs.arguments.parse(json.dumps({"ecsCluster": name}).encode())["ecs_cluster"] == name


def test_what_aws_says_back_cannot_write_into_the_answer():
    """A55: a message with a name in it is printed as text."""
    response: Any = {"Error": {"Code": "InvalidParameterException", "Message": "no 'x\n\x1b[31m\u202ey'"}}

    sentence = explain(ClientError(response, "DescribeClusters"))

    assert sentence.isprintable()
