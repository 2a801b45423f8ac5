"""Errors of AWS, as an operator reads them."""

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    EventStreamError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ReadTimeoutError,
    SSOTokenLoadError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)

from tasks.aws.access import NotAllowed
from tasks.aws.errors import Kind, explain, kind_of

USER = "User: arn:aws:sts::123456789012:assumed-role/reader/alice is not authorized to perform: "
TASK = "arn:aws:ecs:eu-west-1:123456789012:task/shop/1f"
ROLE = "arn:aws:iam::123456789012:role/reader"
ACTION = "User: arn:aws:sts::1:assumed-role/w is not authorized to perform: ecs:DescribeTasks on resource: *"


def refused(code: str, message: str = "", operation: str = "DescribeTasks") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (refused("AccessDeniedException", ACTION), "denied", "needs the permission ecs:DescribeTasks"),
        (refused("AccessDenied", "Access Denied", "ListObjectsV2"), "denied", "needs the permission s3:ListBucket"),
        (refused("AccessDeniedException", "no access to the model"), "denied", "no access to the model"),
        (refused("403", "Forbidden", "HeadObject"), "denied", "needs the permission s3:GetObject"),
        (refused("404", "Not Found", "HeadObject"), "missing", "Not Found"),
        (refused("ExpiredTokenException"), "denied", "have expired"),
        (refused("InvalidClientTokenId"), "denied", "are not valid"),
        (refused("ThrottlingException"), "throttled", "throttled DescribeTasks"),
        (refused("LimitExceededException"), "throttled", "try again"),
        (refused("ClusterNotFoundException", "Cluster not found."), "missing", "Cluster not found."),
        (refused("InternalError", "oops"), "error", "oops"),
        (
            refused("UnauthorizedOperation", "You are not authorized to perform this operation."),
            "denied",
            "this operation",
        ),
        (refused("RequestLimitExceeded", "x", "DescribeSubnets"), "throttled", "throttled DescribeSubnets"),
        (refused("ExpiredToken"), "denied", "have expired"),
        (refused("InvalidIdentityToken", "", "AssumeRoleWithWebIdentity"), "denied", "web identity token"),
        (refused("OptInRequired"), "denied", "not signed up"),
        (refused("RegionDisabledException"), "denied", "not enabled this region"),
        (UnauthorizedSSOTokenError(), "denied", "aws sso login"),
        (SSOTokenLoadError(error_msg="x"), "denied", "aws sso login"),
        (PartialCredentialsError(provider="env", cred_var="x"), "denied", "AWS_SECRET_ACCESS_KEY"),
        (NoCredentialsError(), "denied", "AWS_PROFILE"),
        (TokenRetrievalError(provider="sso", error_msg="x"), "denied", "aws sso login"),
        (NoRegionError(), "error", "MCP_AWS_REGION"),
        (EndpointConnectionError(endpoint_url="https://ecs.mars-1.amazonaws.com"), "error", "the region"),
        (ConnectTimeoutError(endpoint_url="x"), "error", "could not be reached"),
        (ReadTimeoutError(endpoint_url="x"), "error", "too long"),
        (BotoCoreError(), "error", "BotoCoreError"),
    ],
)
def test_each_error_is_a_kind_and_a_sentence(error: Exception, kind: Kind, words: str):
    """Ours: what was refused, and what would be right."""
    assert kind_of(error) == kind
    assert words in explain(error)
    assert "\n" not in explain(error)


def test_an_exception_inside_an_event_stream_is_the_same_error():
    """AWS: a stream names it throttlingException where an answer says ThrottlingException."""
    error = EventStreamError({"Error": {"Code": "throttlingException", "Message": "slow"}}, "ConverseStream")

    assert kind_of(error) == "throttled"


def test_a_long_message_is_cut():
    """Ours: an answer of AWS cannot flood a result."""
    assert len(explain(refused("InternalError", "x" * 10_000))) < 400


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        (
            f"{USER}ecs:DescribeTasks on resource: {TASK} because no identity-based policy allows the action",
            f"the role reader needs the permission ecs:DescribeTasks on {TASK}.",
        ),
        (
            f"{USER}ecs:DescribeTasks on resource: {TASK} with an explicit deny in a service control policy",
            f"a policy denies the role reader ecs:DescribeTasks on {TASK} explicitly (service control policy).",
        ),
        (
            f"{USER}ecs:DescribeTasks because no permissions boundary allows the ecs:DescribeTasks action",
            "the role reader needs the permission ecs:DescribeTasks (permissions boundary).",
        ),
        (
            "User: arn:aws:iam::1:user/x is not authorized to perform: ecs:DescribeTasks on resource: *",
            "the worker's role needs the permission ecs:DescribeTasks on *.",
        ),
        (
            f"You are not authorized. User: u is not authorized to perform: ec2:DescribeSubnets. {'x' * 2000}",
            "the worker's role needs the permission ec2:DescribeSubnets.",
        ),
    ],
)
def test_a_denial_names_who_needs_what_on_what(message: str, sentence: str):
    """AWS, access denied messages: the action, the resource where there is one, and which policy stands in the way."""
    assert explain(refused("AccessDeniedException", message)) == f"AWS denied DescribeTasks: {sentence}"


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("sts:AssumeRole", "the trust policy of the role must name the worker's"),
        ("sts:TagSession", "the role's trust policy must allow sts:TagSession beside sts:AssumeRole"),
    ],
)
def test_a_role_that_cannot_be_assumed_is_told_apart_from_one_that_cannot_be_tagged(action: str, words: str):
    """AWS, session tags: tagging is a permission of its own, in the trust policy too."""
    sentence = explain(refused("AccessDenied", f"{USER}{action} on resource: {ROLE}", "AssumeRole"))

    assert sentence.startswith(f"AWS denied {action} on {ROLE}: ")
    assert words in sentence
    assert "mcp-playground aws policy --trust" in sentence


def test_our_own_refusal_is_a_denial_in_its_own_words():
    """Ours: a tool's section says so, as if AWS had."""
    assert kind_of(NotAllowed("not here")) == "denied"
    assert explain(NotAllowed("not here")) == "not here"


def test_what_aws_repeats_of_a_name_cannot_write_into_a_terminal():
    """Ours: messages carry what callers gave."""
    for code in ("AccessDenied", "InternalError"):
        assert explain(refused(code, "x\n\x1b[31m\u202e")).isprintable()
