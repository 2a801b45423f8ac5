"""A collector of traces: takes OTLP over HTTP, as OpenTelemetry's own does, and remembers every span."""

import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Wire
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from tests.servers import until
from tests.stand_ins.http import Handler, serving

PRODUCER, CONSUMER = Wire.SPAN_KIND_PRODUCER, Wire.SPAN_KIND_CONSUMER


@dataclass(frozen=True)
class Seen:
    """A span as it was delivered, with the service it came from. Ids are hexadecimal."""

    service: str
    name: str
    kind: int
    trace: str
    id: str
    parent: str
    links: tuple[tuple[str, str], ...]
    """Trace and span of each."""
    attributes: Mapping[str, Any]
    failed: bool
    said: str
    """The description of its status."""
    state: str
    began: int
    ended: int


@dataclass
class Collector:
    url: str = ""
    spans: list[Seen] = field(default_factory=list[Seen])
    raw: list[bytes] = field(default_factory=list[bytes])
    """The bodies, as they came."""
    asked: int = 0
    """Requests that came, answered or not."""
    status: int = 200
    hold: threading.Event = field(default_factory=threading.Event)
    """Until it is set, no answer is given."""

    def __post_init__(self) -> None:
        self.hold.set()

    def environment(self) -> dict[str, str]:
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": self.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}

    def find(self, **wanted: Any) -> list[Seen]:
        """The spans with these fields; a field that is none of a span's own is an attribute, dots written as `__`."""

        def fits(span: Seen) -> bool:
            own = vars(span)
            found = {name: own[name] if name in own else span.attributes.get(_dotted(name)) for name in wanted}
            return found == wanted

        return [span for span in list(self.spans) if fits(span)]

    def one(self, **wanted: Any) -> Seen:
        """The only span of its kind, which may be on its way still."""
        until(lambda: self.find(**wanted), f"a span with {wanted}")
        [found] = self.find(**wanted)
        return found

    def take(self, body: bytes) -> None:
        self.raw.append(body)
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = str(_attributes(group.resource.attributes)["service.name"])
            self.spans += [_seen(service, each) for scope in group.scope_spans for each in scope.spans]


@contextmanager
def collector() -> Generator[Collector]:
    made = Collector()

    class Intake(Handler):
        def do_POST(self) -> None:
            body = self.body()
            made.asked += 1
            made.hold.wait(30)
            if made.status == 200:
                made.take(body)
            self.answer(made.status, b"", type="application/x-protobuf")

    with serving(Intake) as made.url:
        yield made
        made.hold.set()


def _dotted(name: str) -> str:
    return name.replace("__", ".")


def _seen(service: str, span: Wire) -> Seen:
    return Seen(
        service=service,
        name=span.name,
        kind=span.kind,
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        links=tuple((each.trace_id.hex(), each.span_id.hex()) for each in span.links),
        attributes=_attributes(span.attributes),
        failed=span.status.code == Status.STATUS_CODE_ERROR,
        said=span.status.message,
        state=span.trace_state,
        began=span.start_time_unix_nano,
        ended=span.end_time_unix_nano,
    )


def _attributes(pairs: Any) -> dict[str, Any]:
    given: list[KeyValue] = list(pairs)
    return {each.key: _value(each.value) for each in given}


def _value(value: AnyValue) -> object:
    kinds: dict[str, Callable[[], object]] = {
        "string_value": lambda: value.string_value,
        "int_value": lambda: value.int_value,
        "bool_value": lambda: value.bool_value,
        "double_value": lambda: value.double_value,
    }
    return kinds[str(value.WhichOneof("value"))]()
