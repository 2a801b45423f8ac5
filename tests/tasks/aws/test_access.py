"""Regions and accounts that are allowed."""

from typing import Any

import pytest

from tasks.aws.access import Bounds, NotAllowed, check_arns
from tasks.errors import ToolError
from tasks.settings import ToolSettings

HERE = Bounds(regions=("eu-west-1",), accounts=("123456789012",))


@pytest.mark.parametrize(
    "text",
    [
        "arn:aws:ecs:eu-west-1:123456789012:cluster/shop",
        "arn:aws:iam::123456789012:role/x",
        "arn:aws:iam::aws:policy/ReadOnlyAccess",
        "arn:aws:s3:::bucket/key",
        "arn:aws:bedrock:eu-west-1::foundation-model/m",
        "shop",
        "",
    ],
)
def test_what_is_of_here_or_of_nobody_is_allowed(text: str):
    """AWS, ARNs: global services leave the region out, and some the account."""
    HERE.check_arn(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("arn:aws:ecs:us-east-1:123456789012:cluster/shop", "MCP_AWS_REGIONS lists eu-west-1"),
        ("arn:aws:ecs:eu-west-1:999999999999:cluster/shop", "MCP_AWS_ACCOUNTS does not list it"),
        ("arn:aws:ecs::123456789012:cluster/shop", "MCP_AWS_REGIONS"),
        ("arn:aws:ecs:eu-west-1::cluster/shop", "MCP_AWS_ACCOUNTS"),
        ("arn:aws:iam::999999999999:role/x", "MCP_AWS_ACCOUNTS"),
        ("arn:aws:ecs:eu-west-1", "is not an ARN"),
        ("ARN:aws:ecs:us-east-1:123456789012:cluster/shop", "MCP_AWS_REGIONS"),
        (" arn:aws:ecs:us-east-1:123456789012:cluster/shop", "MCP_AWS_REGIONS"),
    ],
)
def test_what_is_of_elsewhere_is_refused(text: str, words: str):
    """Ours: however it is written; the sentence names the setting."""
    with pytest.raises(NotAllowed, match=words):
        HERE.check_arn(text)


def test_a_refused_name_is_shown_without_what_is_not_text():
    """Ours: a name may have been made to break a log or a terminal."""
    with pytest.raises(NotAllowed) as refused:
        HERE.check_region("x\n\x1b[31m" + "y" * 1000)

    assert "\n" not in str(refused.value)
    assert "\x1b" not in str(refused.value)
    assert len(str(refused.value)) < 250


def test_without_lists_everything_is_allowed():
    """Ours: empty means any."""
    Bounds((), ()).check_arn("arn:aws:ecs:us-east-1:999999999999:cluster/shop")
    Bounds((), ()).check_region("us-east-1")


@pytest.mark.parametrize(
    ("parameters", "refused"),
    [
        ({"clusters": ["arn:aws:ecs:us-east-1:123456789012:cluster/shop"]}, True),
        ({"a": {"b": ({"c": "arn:aws:ecs:eu-west-1:999999999999:x"},)}}, True),
        ({"queryString": "arn:aws:ecs:us-east-1:123456789012:x"}, False),
        ({"limit": 5, "names": ["shop"]}, False),
    ],
)
def test_arns_are_found_wherever_they_stand_in_parameters(parameters: dict[str, Any], *, refused: bool):
    """Ours: but words that name nothing are not names."""
    try:
        HERE.check_parameters(parameters)
    except NotAllowed:
        assert refused
    else:
        assert not refused


def test_a_tool_is_told_in_its_own_kind_of_error():
    """Ours: the sentence becomes the tool's answer."""
    settings = ToolSettings(aws_regions=("eu-west-1",))

    check_arns(settings, None, "shop", "arn:aws:ecs:eu-west-1:999999999999:cluster/shop")
    with pytest.raises(ToolError, match="'us-east-1' is not allowed here"):
        check_arns(settings, "arn:aws:ecs:us-east-1:123456789012:cluster/shop")
