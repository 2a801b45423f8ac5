"""Which log groups are meant."""

import pytest

from tasks.settings import ToolSettings
from tasks.tool import ToolError
from tasks.tools.cloudwatch.groups import check_patterns, explain_missing, resolve
from tests.stand_ins.aws import ACCOUNT, REGION, Aws
from tests.stand_ins.calls import recorded
from tests.stand_ins.run import FakeRun

ARN = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:"


@pytest.fixture
def groups(cloud: Aws) -> Aws:
    names = ("/app/web", "/app/worker", "/aws/lambda/web", "plain")
    cloud.insights.groups |= {name: [] for name in names}
    return cloud


def test_names_are_taken_as_they_are_without_asking(groups: Aws, run: FakeRun, monkeypatch: pytest.MonkeyPatch):
    """Ours: a role that may query and not list can still search."""
    with recorded(monkeypatch) as calls:
        found = resolve(run, ["plain", "/app/web", "plain"], None)

    assert (found.names, found.region) == (("plain", "/app/web"), REGION)
    assert calls.operations == []


def test_a_star_stands_for_every_group_that_begins_so(groups: Aws, run: FakeRun):
    """AWS, DescribeLogGroups: pages are followed."""
    groups.insights.groups |= {f"/many/{number:02}": [] for number in range(50)}
    groups.insights.groups["/other"] = []

    assert resolve(run, ["/app/*"], None).names == ("/app/web", "/app/worker")
    assert len(resolve(run, ["/many*"], None).names) == 50


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["/many*"], "More than 50 log groups begin with '/many'"),
        (["/many/0*", "/many/1*", "/many/2*", "/many/3*", "/many/4*", "/many/5*"], "at most 50"),
        (["/zzz*"], "No log group begins with '/zzz' in this account in us-east-1"),
        (["/app/we*b"], r"logGroups: '/app/we\*b' is not the name of a log group"),
        (["*"], r"logGroups: '\*' is not"),
        (["arn:aws:logs:us-east-1:1:log-group:x"], "is not the ARN of a log group"),
        (["arn:aws:s3:::bucket"], "is not the ARN of a log group"),
        ([f"{ARN}/app/web*"], "is not the ARN of a log group"),
        ([f"{ARN}/app/nil"], "There is no log group '/app/nil' in this account in us-east-1. Near it: /app/web"),
    ],
)
def test_what_is_no_group_of_here_is_refused_in_words(groups: Aws, run: FakeRun, given: list[str], words: str):
    """Ours: the sentence says what would be right."""
    groups.insights.groups |= {f"/many/{number:02}": [] for number in range(51)}

    with pytest.raises(ToolError, match=words):
        resolve(run, given, None)


@pytest.mark.parametrize("end", ["", ":*"])
def test_an_arn_gives_name_and_region(groups: Aws, run: FakeRun, end: str):
    """AWS: an ARN as the console copies it, with or without :* at its end."""
    arn = f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:/app/web{end}"

    found = resolve(run, [arn], None)

    assert (found.names, found.region) == (("/app/web",), "eu-west-1")
    assert groups.insights.regions == {"eu-west-1"}


def test_an_arn_of_another_account_is_not_taken_for_the_group_of_that_name_here(groups: Aws, run: FakeRun):
    """A54: the lines of one account must not be shown as another's."""
    with pytest.raises(ToolError, match="/app/web of the account 999999999999 cannot be searched from here"):
        resolve(run, [f"arn:aws:logs:{REGION}:999999999999:log-group:/app/web"], None)


@pytest.mark.parametrize(
    "arn", ["arn:aws:logs:eu-west-1:123456789012:log-group:a", "arn:aws:logs:us-east-1:999999999999:log-group:a"]
)
def test_an_arn_beyond_the_settings_is_refused_before_aws_is_asked(
    groups: Aws, monkeypatch: pytest.MonkeyPatch, arn: str
):
    """A54: MCP_AWS_REGIONS, MCP_AWS_ACCOUNTS."""
    run = FakeRun(settings=ToolSettings(aws_regions=(REGION,), aws_accounts=(ACCOUNT,)))

    with recorded(monkeypatch) as calls, pytest.raises(ToolError, match=r"MCP_AWS_REGIONS|MCP_AWS_ACCOUNTS"):
        resolve(run, ["/app/web", arn], None)
    assert calls.operations == []


def test_one_search_is_of_one_region(groups: Aws, run: FakeRun):
    """AWS, StartQuery: groups of the region that is asked."""
    with pytest.raises(ToolError, match="one region; logGroups and region name eu-west-1, us-east-1"):
        resolve(run, [f"{ARN}/app/web"], "eu-west-1")
    assert resolve(run, [f"{ARN}/app/web"], REGION).region == REGION


def test_what_is_near_is_a_hint_that_may_be_refused(groups: Aws, run: FakeRun):
    """Ours: without the permission to list, the sentence stays a sentence."""
    missing = resolve(run, ["/app/web", "/app/web-2/x/y"], None)

    assert explain_missing(run, missing) == (
        "There is no log group '/app/web-2/x/y' in this account in us-east-1. Near it: /app/web."
    )
    assert explain_missing(run, resolve(run, ["/app/web"], None)) is None
    groups.insights.denies.add("DescribeLogGroups")
    assert explain_missing(run, missing) is None


def test_classes_without_patterns_are_told_before_the_query(groups: Aws, run: FakeRun):
    """AWS, log classes: Infrequent Access has neither pattern nor diff."""
    groups.insights.classes["/app/worker"] = "INFREQUENT_ACCESS"
    found = resolve(run, ["/app/*"], None)

    with pytest.raises(ToolError, match=r"preset diff needs .* /app/worker is of the class INFREQUENT_ACCESS"):
        check_patterns(run, found, "diff")

    check_patterns(run, resolve(run, ["/app/web"], None), "diff")
    groups.insights.denies.add("DescribeLogGroups")
    check_patterns(run, found, "diff")
