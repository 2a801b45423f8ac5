"""Whose trace a span belongs to, and what may be on it."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import traces
from tests.spans import id_of, kept_spans, parent_of, trace_of

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01"
BAD = [
    "",
    "00",
    GOOD[:-1],
    GOOD + "-more",
    GOOD + " " * 500,
    GOOD.upper(),
    f"ff-{TRACE}-{SPAN}-01",
    f"00-{'0' * 32}-{SPAN}-01",
    f"00-{TRACE}-{'0' * 16}-01",
    f"00-{TRACE}-{SPAN}-zz",
    "\u0660\u0660-" + GOOD[3:],
]


def test_without_anybody_who_takes_them_there_are_none():
    """Ours: off until it is asked for, and then nothing is made, read or said."""
    with traces.span("a", "server", {}) as span:
        span.note({"x": 1})
        span.fail("y")

        assert not traces.is_on()
        assert traces.here() is None
        assert traces.ids() == {}
        assert traces.written(traces.here()) == {}
    assert traces.read({"traceparent": GOOD}) is None


def test_what_is_open_is_what_the_next_is_below():
    """Ours: in the same thread; a context that is named counts more."""
    with kept_spans() as spans:
        elsewhere = traces.read({"traceparent": GOOD})
        with traces.span("outer", "server", {}) as outer:
            assert traces.ids()["span_id"] == traces.written(outer.context)["traceparent"].split("-")[2]
            with traces.span("inner", "internal", {}):
                pass
            with traces.span("other", "consumer", {}, parent=elsewhere):
                pass
        assert traces.here() is None

    assert parent_of(spans.one(name="inner")) == id_of(spans.one(name="outer"))
    assert trace_of(spans.one(name="other")) == int(TRACE, 16)
    assert parent_of(spans.one(name="other")) == int(SPAN, 16)


def test_a_context_is_read_as_it_was_written():
    """W3C Trace Context: what the worker reads in a task's record is what the web process wrote there."""
    with kept_spans():
        context = traces.read({"traceparent": GOOD, "tracestate": "shop=1,other=2"})
        written = traces.written(context)

    assert written == {"traceparent": GOOD, "tracestate": "shop=1,other=2"}


@pytest.mark.parametrize("parent", BAD)
def test_what_is_no_traceparent_is_ignored(parent: str):
    """W3C Trace Context 3.2.2, 4.3: as if there were none; the length is bounded."""
    with kept_spans():
        assert traces.read({"traceparent": parent}) is None


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5), st.text())
def test_nothing_that_stands_in_its_place_does_harm(parent: object, state: str):
    """Ours: `_meta` is whatever JSON a client likes."""
    with kept_spans():
        assert traces.read({"traceparent": parent, "tracestate": state}) is None
        assert traces.read(parent) is None
        found = traces.read({"traceparent": GOOD, "tracestate": state})

    assert found is not None
    assert traces.written(found)["traceparent"] == GOOD


def test_a_tracestate_that_is_too_long_is_dropped():
    """W3C Trace Context 3.3.1.5: 512 characters must be passed on; no more are."""
    with kept_spans():
        found = traces.read({"traceparent": GOOD, "tracestate": "a=" + "x" * 512})

    assert traces.written(found) == {"traceparent": GOOD}


@pytest.mark.parametrize(
    ("trust", "is_known", "continues", "records"),
    [
        ("none", True, False, None),
        ("trace", True, True, False),
        ("sampling", True, True, True),
        ("none", False, False, None),
        ("trace", False, False, None),
        ("sampling", False, False, None),
    ],
)
def test_what_is_taken_over_of_a_caller(trust: traces.Trust, *, is_known: bool, continues: bool, records: bool | None):
    """Ours: his trace if he is known, his decision to record it only where he was given it; a stranger is linked."""
    with kept_spans(trust=trust, decide=lambda: False):
        named = traces.read({"traceparent": GOOD, "tracestate": "shop=1"})
        parent, link = traces.adopt(named, is_known=is_known)

    assert (parent is not None) == continues
    assert (link is None) == continues
    if parent:
        assert parent.trace_flags.sampled is records
        assert traces.written(parent)["tracestate"] == "shop=1"
    else:
        assert "tracestate" not in traces.written(link)


def test_an_exception_is_told_by_its_type_alone():
    """A52: what it says may be what a client said."""
    with kept_spans() as spans, pytest.raises(ValueError, match="secret"), traces.span("x", "server", {}):
        raise ValueError("a secret")

    span = spans.one(name="x")
    assert (span.status.description, dict(span.attributes or {})) == ("ValueError", {"error.type": "ValueError"})
    assert span.events == ()


def test_another_thread_is_not_below_what_is_open_here():
    """Ours: only what is handed over is."""
    found: list[traces.SpanContext | None] = []
    with kept_spans(), traces.span("x", "server", {}):
        thread = threading.Thread(target=lambda: found.append(traces.here()))
        thread.start()
        thread.join()

    assert found == [None]
