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
    ReadTimeoutError,
    TokenRetrievalError,
)

from tasks.aws.errors import Kind, explain, kind_of

ACTION = "User: arn:aws:sts::1:assumed-role/w is not authorized to perform: ecs:DescribeTasks on resource: *"


def refused(code: str, message: str = "", operation: str = "DescribeTasks") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (refused("AccessDeniedException", ACTION), "denied", "needs the permission ecs:DescribeTasks"),
        (refused("AccessDenied", "Access Denied", "ListObjectsV2"), "denied", "needs the permission s3:ListBucket"),
        (refused("AccessDeniedException", "no access to the model"), "denied", "no access to the model"),
        (refused("ExpiredTokenException"), "denied", "have expired"),
        (refused("InvalidClientTokenId"), "denied", "are not valid"),
        (refused("ThrottlingException"), "throttled", "throttled DescribeTasks"),
        (refused("LimitExceededException"), "throttled", "try again"),
        (refused("ClusterNotFoundException", "Cluster not found."), "missing", "Cluster not found."),
        (refused("InternalError", "oops"), "error", "oops"),
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
