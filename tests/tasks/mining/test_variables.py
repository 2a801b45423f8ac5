"""What varies between two lines of one kind."""

import pytest

from tasks.mining.variables import MOST_TOKENS, starred


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2026-11-28T06:00:00.123Z INFO took 35ms", "* INFO took *"),
        ("28/11/2026 06:00:00,123 [main] up", "* * [main] up"),
        ("user 8f14e45f-ceea-467a-9a1b-0123456789ab left", "user * left"),
        ("peer 10.1.2.3:5432 gone", "peer * gone"),
        ("at 0xdeadbeef and deadbeef01", "at * and *"),
        ("task 0123456789abcdef0123456789abcdef stopped", "task * stopped"),
        ("key=7 size=4.5MiB ratio=99.5%", "key=* size=* ratio=*"),
        ("GET /orders/17/items/3 in (12) ms", "GET /orders/*/items/* in * ms"),
        ("the word defaced is no number", "the word defaced is no number"),
        ('{"level":50,"time":1,"msg":"boom 7","pid":3}', "error boom *"),
        ('{"ts":"x","severity":"WARN","message":"slow \\"q\\""}', 'WARN slow \\"q\\"'),
        ('{"a":1}', '{"a":*}'),
    ],
)
def test_variables_are_starred(text: str, words: str):
    """Ours: numbers, times, durations, addresses and ids; of a JSON record, its level and message count."""
    assert starred(text) == words


def test_the_class_of_a_status_is_no_variable():
    """Ours: 500 is another event than 200, 502 is the same as 500."""
    assert starred("GET /a status=502") == starred("GET /b status=500".replace("/b", "/a")) == "GET /a status=5xx"
    assert starred('"GET / HTTP/1.1" 404 12') == '"GET / HTTP/*" 4xx *'


def test_a_line_is_bounded():
    """Ours: the number of words, and what is read of a line."""
    assert len(starred("word " * 100_000).split()) == MOST_TOKENS + 1
    assert len(starred("{" + "x" * 100_000)) < 200
