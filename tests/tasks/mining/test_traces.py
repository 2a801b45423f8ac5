"""Stack traces of four languages, whole, though lines of others stand between theirs."""

import pytest

from tasks.mining.traces import MOST_CHARACTERS, MOST_LINES, MOST_STREAMS, Event, Joiner

PYTHON = """\
Traceback (most recent call last):
  File "/app/pool.py", line 7, in take
    return self.free.pop()
           ^^^^^^^^^^^^^^^
IndexError: pop from empty list

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/shop.py", line 12, in order
    take()
shop.errors.PoolEmpty: no connection"""
JAVA = """\
2026-11-28 06:00:00 ERROR [http-1] Servlet.service() threw
java.lang.IllegalStateException: pool is closed
\tat com.shop.Pool.take(Pool.java:42)
\tat com.shop.Orders.place(Orders.java:7)
\t... 12 common frames omitted
Caused by: java.net.ConnectException: Connection refused
\tat java.net.Socket.connect(Socket.java:1)
\t... 3 more"""
NODE = """\
/app/server.js:10
    throw new TypeError("x is undefined");
    ^

TypeError: x is undefined
    at order (/app/server.js:10:11)
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)

Node.js v24.13.0"""
NODE_LOGGED = """\
TypeError: x is undefined
    at order (/app/server.js:10:11)
    at async main (/app/server.js:2:1) {
  code: 'E'"""
GO = """\
panic: runtime error: invalid memory address or nil pointer dereference
[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x4]

goroutine 1 [running]:
main.(*Pool).Take(0x0)
\t/app/pool.go:7 +0x1d
main.main()
\t/app/main.go:12 +0x25
created by net/http.(*Server).Serve
\t/usr/local/go/src/net/http/server.go:3086 +0x5cb
exit status 2"""
TRACES = {"python": PYTHON, "java": JAVA, "node": NODE, "node, logged": NODE_LOGGED, "go": GO}


def joined(lines: list[tuple[str, str]], *, apart: int = 1) -> list[Event]:
    joiner = Joiner()
    found = [event for n, (stream, text) in enumerate(lines) for event in joiner.add(n * apart, stream, text)]
    return [*found, *joiner.flush()]


@pytest.mark.parametrize("trace", TRACES.values(), ids=TRACES)
def test_a_stack_trace_is_one_event(trace: str):
    """Ours: between two lines that are none of it."""
    lines = ["INFO before", *trace.split("\n"), "INFO after"]

    found = joined([("app", line) for line in lines])

    assert [event.text for event in found] == ["INFO before", trace, "INFO after"]
    assert [event.lines for event in found] == [1, trace.count("\n") + 1, 1]


def test_streams_do_not_mix():
    """Ours: the lines of two containers interleave as they were written."""
    both = [
        (name, line)
        for lines in zip(JAVA.split("\n"), NODE.split("\n"), strict=False)
        for name, line in zip("ab", lines, strict=True)
    ]

    found = joined(both)

    assert sorted(event.text for event in found) == sorted([JAVA, NODE.rpartition("\n\n")[0]])


@pytest.mark.parametrize(
    ("trace", "words"),
    [
        (PYTHON, "shop.errors.PoolEmpty: no connection"),
        (JAVA, "java.lang.IllegalStateException: pool is closed"),
        (NODE, "TypeError: x is undefined"),
        (GO, "panic: runtime error"),
    ],
)
@pytest.mark.parametrize("whole", [True, False])
def test_the_summary_names_the_exception(trace: str, words: str, *, whole: bool):
    """Ours: two exceptions under one heading are two patterns, whether a trace came whole or by lines."""
    found = joined([("app", line) for line in ([trace] if whole else trace.split("\n"))])

    assert len(found) == 1
    assert words in found[0].summary


def test_lines_that_only_look_alike_stay_apart():
    """Ours: an exception's name after a calm line begins an event of its own, and what comes much later is no part."""
    calm = joined([("app", "INFO started"), ("app", "java.io.IOException: gone")])
    late = joined([("app", "ERROR boom"), ("app", "  at f (x.js:1)")], apart=60_000)

    assert [len(calm), len(late)] == [2, 2]


def test_a_trace_without_end_is_bounded():
    """Ours: its beginning and its end stay, and how much is missing is said."""
    lines = [("app", "ERROR deep"), *(("app", f"\tat f{n} {'x' * 50}") for n in range(5_000)), ("app", "\tat the end")]

    (event,) = joined(lines, apart=0)

    assert event.lines == 5_002
    assert len(event.text) < MOST_CHARACTERS + 20 * 400 + 1000
    assert event.text.count("\n") < MOST_LINES + 25
    assert event.text.startswith("ERROR deep")
    assert event.text.endswith("\tat the end")
    assert "lines left out ..." in event.text


def test_a_million_streams_are_bounded():
    """Ours: who names streams decides nothing about memory."""
    joiner = Joiner()
    found = sum(1 for n in range(20_000) for _ in joiner.add(n, f"s{n}", "a line"))

    assert found == 20_000 - MOST_STREAMS
    assert sum(1 for _ in joiner.flush()) == MOST_STREAMS


def test_a_private_key_that_comes_line_by_line_is_swallowed():
    """A57: the mask stands for its first line, and what follows in the stream does not show."""
    lines = [
        "wrote [private key]",
        "MIIEowIBAAKCAQEA7bq7",
        "Proc-Type: 4,ENCRYPTED",
        "",
        "c2VjcmV0c2VjcmV0",
        "-----END RSA PRIVATE KEY-----",
        "done",
    ]

    found = joined([("app", line) for line in lines])

    assert [event.text for event in found] == ["wrote [private key]", "done"]
    assert [event.lines for event in found] == [6, 1]
