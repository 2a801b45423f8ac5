"""A call of AWS is one span, below the run that made it, with what came of it and nothing of what was asked."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from storage import traces
from tasks.aws.clients import AwsClients
from tasks.aws.traced import SPAN
from tasks.errors import Cancelled
from tasks.settings import ToolSettings
from tests.servers import free_port
from tests.spans import Kept, id_of, kept_spans, parent_of
from tests.stand_ins.aws import REGION, Aws

SECRET = "nobody-may-read-this"


@pytest.fixture
def spans() -> Generator[Kept]:
    with kept_spans() as kept:
        yield kept


@pytest.fixture
def clients(cloud: Aws, spans: Kept) -> Generator[AwsClients]:
    """As a run makes them: below its span."""
    with traces.span("run", "consumer", {}) as run:
        made = AwsClients(ToolSettings(aws_region=REGION), below=run.context)
    yield made
    made.close()


def test_an_answer_has_its_id_and_region(clients: AwsClients, spans: Kept):
    """OpenTelemetry, AWS SDK conventions: Service.Operation, the request's id, region, tries."""
    clients.client("s3").list_buckets()

    span = spans.one(name="S3.ListBuckets")
    found = dict(span.attributes or {})
    assert len(str(found.pop("aws.request_id"))) > 8
    assert found == {
        "rpc.system": "aws-api",
        "rpc.service": "S3",
        "rpc.method": "ListBuckets",
        "cloud.region": REGION,
        "http.response.status_code": 200,
        "http.request.resend_count": 0,
    }
    assert span.status.is_ok
    assert parent_of(span) == id_of(spans.one(name="run"))


def test_a_refusal_has_its_kind_and_not_its_words(clients: AwsClients, spans: Kept):
    """A52: what AWS says names what was asked for."""
    with pytest.raises(ClientError, match="does not exist"):
        clients.client("s3").list_objects_v2(Bucket=SECRET, Prefix=SECRET)

    span = spans.one(rpc__method="ListObjectsV2")
    assert (span.status.description, (span.attributes or {})["error.type"]) == ("missing", "missing")
    assert (span.attributes or {})["http.response.status_code"] == 404
    assert SECRET not in span.to_json()


def test_a_service_that_is_not_reached_says_how_often_it_was_tried(
    clients: AwsClients, spans: Kept, monkeypatch: pytest.MonkeyPatch
):
    """Ours: one span for all of botocore's tries."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")

    with pytest.raises(Exception, match="Could not connect"):
        clients.client("sts").get_caller_identity()

    span = spans.one(name="STS.GetCallerIdentity")
    assert span.status.description == "error"
    assert (span.attributes or {})["http.request.resend_count"] == 3


def test_a_call_that_was_cut_short_is_ended_with_its_run(clients: AwsClients, spans: Kept):
    """Ours: botocore does not tell of it, and a span that is never ended is never seen."""
    s3 = clients.client("s3")

    def leave(**_: object) -> None:
        clients.close()

    s3.meta.events.register_first("before-send", leave)

    with pytest.raises(Cancelled):
        s3.list_buckets()

    assert spans.one(name="S3.ListBuckets").status.description == "cancelled"


def test_threads_of_a_tool_are_below_its_run(clients: AwsClients, spans: Kept):
    """Ours: a tool may ask several things at once."""
    s3 = clients.client("s3")
    with ThreadPoolExecutor(2) as pool:
        for each in [pool.submit(s3.list_buckets) for _ in range(4)]:
            each.result()

    assert [parent_of(span) for span in spans.find(name="S3.ListBuckets")] == [id_of(spans.one(name="run"))] * 4


def test_a_span_of_the_tools_own_is_between(clients: AwsClients, spans: Kept):
    """Ours: whoever writes a tool may open spans as OpenTelemetry has them."""
    with traces.span("own", "internal", {}):
        clients.client("s3").list_buckets()

    assert parent_of(spans.one(name="S3.ListBuckets")) == id_of(spans.one(name="own"))


def test_nothing_of_the_trace_is_sent_to_aws(clients: AwsClients, spans: Kept):
    """Ours: neither the trace nor anybody's baggage is AWS's business."""
    sent: list[str] = []
    s3 = clients.client("s3")

    def look(request: Any, **_: object) -> None:
        sent.extend(map(str.lower, request.headers))

    s3.meta.events.register("before-send", look)

    with traces.span("own", "internal", {}):
        s3.list_buckets()

    assert sent
    assert {"traceparent", "tracestate", "baggage", "x-amzn-trace-id"} & set(sent) == set()


def test_while_there_are_no_traces_a_client_is_left_alone(cloud: Aws):
    """Ours: free when off."""
    made, contexts = AwsClients(ToolSettings(aws_region=REGION)), list[dict[str, Any]]()
    client = made.client("s3")

    def look(context: dict[str, Any], **_: object) -> None:
        contexts.append(dict(context))

    client.meta.events.register_last("before-call", look)
    client.list_buckets()
    made.close()

    assert [SPAN in context for context in contexts] == [False]
