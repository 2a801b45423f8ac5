"""A call of AWS is counted once, however often botocore tried, by what came of it."""

from collections.abc import Generator

import pytest
from botocore.exceptions import ClientError

from tasks.aws.clients import AwsClients
from tasks.errors import Cancelled
from tasks.settings import ToolSettings
from tests.scraped import counted
from tests.servers import free_port
from tests.stand_ins.aws import REGION, Aws


@pytest.fixture
def clients(cloud: Aws) -> Generator[AwsClients]:
    made = AwsClients(ToolSettings(aws_region=REGION))
    yield made
    made.close()


def calls(service: str, operation: str, outcome: str) -> float:
    return counted("mcp_aws_calls_total", service=service, operation=operation, outcome=outcome)


def test_an_answer_and_what_is_not_there(clients: AwsClients):
    """Ours: an empty answer is one; a bucket that is not there is no error of ours or AWS's."""
    before = calls("s3", "ListBuckets", "ok"), calls("s3", "ListObjectsV2", "missing")

    clients.client("s3").list_buckets()
    with pytest.raises(ClientError):
        clients.client("s3").list_objects_v2(Bucket="nobodys")

    assert calls("s3", "ListBuckets", "ok") == before[0] + 1
    assert calls("s3", "ListObjectsV2", "missing") == before[1] + 1


def test_a_service_that_is_not_reached_is_an_error(clients: AwsClients, monkeypatch: pytest.MonkeyPatch):
    """Ours: counted once for all of botocore's tries."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    before = calls("sts", "GetCallerIdentity", "error")

    with pytest.raises(Exception, match="Could not connect"):
        clients.client("sts").get_caller_identity()

    assert calls("sts", "GetCallerIdentity", "error") == before + 1


def test_a_call_that_was_cut_short_is_no_error(clients: AwsClients):
    """Ours: its caller left; nothing is wrong with AWS."""
    before = calls("s3", "ListBuckets", "error")
    s3 = clients.client("s3")
    clients.close()

    with pytest.raises(Cancelled):
        s3.list_buckets()

    assert calls("s3", "ListBuckets", "error") == before
