"""One call is one trace, from its client's span through the web process and the worker to AWS."""

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients import Wire, wire
from tests.servers import Stack, ValkeyServer, running_stack
from tests.stand_ins.aws import Aws, aws
from tests.stand_ins.collector import Collector, Seen, collector

WEB, WORKER = "mcp-playground-web", "mcp-playground-worker"
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"


@dataclass(frozen=True)
class Site:
    stack: Stack
    spans: Collector


@pytest.fixture(scope="module")
def cloud() -> Generator[Aws]:
    with aws() as made:
        made.client("s3").create_bucket(Bucket="shop")
        yield made


@pytest.fixture
def spans() -> Generator[Collector]:
    with collector() as made:
        yield made


@pytest.fixture(scope="module")
def _site(valkey: ValkeyServer, cloud: Aws, tmp_path_factory: pytest.TempPathFactory) -> Generator[Site]:
    with collector() as made:
        settings = {**cloud.environment(), **made.environment()}
        with running_stack(valkey.url(45), tmp_path_factory.mktemp("traces"), settings=settings) as stack:
            yield Site(stack, made)


@pytest.fixture
def site(_site: Site) -> Site:
    """A stack whose spans go to a collector that has seen none of this test yet."""
    _site.spans.spans.clear()
    return _site


def the_chain(spans: Collector, **last: object) -> list[Seen]:
    """A span, and those it is below, the outermost of ours first."""
    found = [spans.one(**last)]
    while found[0].parent not in ("", SPAN):
        found = [spans.one(id=found[0].parent), *found]
    return found


@pytest.mark.parametrize("era", ["handshake", "stateless"])
@pytest.mark.parametrize("where", ["meta", "header", "nowhere"])
def test_a_call_is_one_trace_from_http_to_aws(site: Site, era: str, where: str):
    """Ours, SEP-414: the request, the method, the task, the attempt and the call of AWS, each below the one before."""
    connection = wire(site.stack.mcp_url, era)
    meta = {"traceparent": PARENT, "tracestate": "shop=1"} if where == "meta" else {}
    headers = {"traceparent": PARENT, "tracestate": "shop=1"} if where == "header" else {}

    heard = connection.call("aws_s3", {"operation": "listBuckets"}, meta=meta, headers=headers)

    assert heard.result["isError"] is False, heard.result
    chain = the_chain(site.spans, name="S3.ListBuckets")
    assert [(each.service, each.name) for each in chain] == [
        (WEB, "POST /mcp"),
        (WEB, "tools/call aws_s3"),
        (WEB, "create default"),
        (WORKER, "process default"),
        (WORKER, "S3.ListBuckets"),
    ]
    assert len({each.trace for each in chain}) == 1
    if where == "nowhere":
        assert chain[0].parent == ""
    else:
        assert (chain[0].trace, chain[0].parent, chain[0].state) == (TRACE, SPAN, "shop=1")
