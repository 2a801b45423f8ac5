"""Millions of lines, a bounded memory, and counts that add up."""

import json
import time
import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.mining.miner import MOST_PATTERNS, Miner, moment
from tasks.mining.pattern import LONGEST_SAMPLE, MINUTE, MOST_BUCKETS, Pattern

START = 1_764_000_000_000 // MINUTE * MINUTE
KINDS = (
    "INFO order * placed",
    "ERROR payment * refused",
    "WARN pool has * left",
    "DEBUG cache hit",
    "user * signed in",
)
LINES = st.lists(
    st.tuples(
        st.integers(-(10**15), 10**15) | st.integers(START, START + 100 * MINUTE),
        st.sampled_from("abc"),
        st.sampled_from(KINDS).map(lambda kind: kind.replace("*", "17"))
        | st.text(max_size=30)
        | st.sampled_from(
            ["", "  indented", "Traceback (most recent call last):", "ValueError: x", "\tat f", "panic: x"]
        ),
    ),
    max_size=60,
)
Line = tuple[int, str, str]


def mined(lines: list[Line], *, most_patterns: int = MOST_PATTERNS) -> Miner:
    miner = Miner(most_patterns=most_patterns)
    for line in lines:
        miner.add(*line)
    miner.flush()
    return miner


def counts(miner: Miner) -> dict[str, int]:
    return {" ".join(one.tokens): one.count for one in miner.patterns}


def the_one(miner: Miner) -> Pattern:
    (one,) = miner.patterns
    return one


@given(LINES, st.sampled_from([1, 3, 1000]))
def test_counts_add_up(lines: list[Line], most_patterns: int):
    """Ours: each line is in an event or blank, each event in a pattern, in a minute, or forgotten and counted so."""
    miner = mined(lines, most_patterns=most_patterns)

    assert miner.lines == len(lines)
    assert len(miner.patterns) <= most_patterns
    assert sum(one.count for one in miner.patterns) + miner.forgotten[1] == miner.events
    assert [one for one in miner.patterns if sum(one.buckets.counts.values()) != one.count] == []
    if not miner.forgotten[0]:
        assert miner.lines - miner.blank <= sum(one.lines for one in miner.patterns) <= miner.lines


@given(LINES, LINES, LINES, st.sampled_from([2, 1000]))
def test_merging_is_associative_in_counts(a: list[Line], b: list[Line], c: list[Line], most_patterns: int):
    """Ours: whichever two streams are merged first."""
    first = mined(a, most_patterns=most_patterns)
    first.merge(mined(b))
    first.merge(mined(c))
    rest = mined(b, most_patterns=most_patterns)
    rest.merge(mined(c))
    other = mined(a, most_patterns=most_patterns)
    other.merge(rest)

    for one in (first, other):
        assert sum(each.count for each in one.patterns) + one.forgotten[1] == one.events
    assert (first.lines, first.events, first.blank) == (other.lines, other.events, other.blank)
    assert (first.first_at, first.last_at) == (other.first_at, other.last_at)


@given(
    st.lists(
        st.lists(st.tuples(st.integers(START, START + 90 * MINUTE), st.sampled_from(KINDS))), min_size=3, max_size=3
    )
)
def test_merged_miners_count_what_one_would_have(parts: list[list[tuple[int, str]]]):
    """Ours: pattern by pattern, with the first and last time of each."""
    streams = [[(at, "s", kind) for at, kind in part] for part in parts]
    whole = mined([line for stream in streams for line in stream])
    merged = mined(streams[0])
    for stream in streams[1:]:
        merged.merge(mined(stream))

    assert counts(merged) == counts(whole)
    spans = [{" ".join(one.tokens): (one.first[0], one.last[0]) for one in miner.patterns} for miner in (merged, whole)]
    assert spans[0] == spans[1]


@given(LINES, LINES)
def test_a_miner_goes_on_from_its_checkpoint(before: list[Line], after: list[Line]):
    """Ours: as JSON and back it counts on, with the ids it had."""
    miner = mined(before)
    again = Miner.restored(json.loads(json.dumps(miner.plain())))
    ids = {one.number: one.first for one in miner.patterns}
    for line in after:
        miner.add(*line)
        again.add(*line)
    miner.flush()
    again.flush()

    assert [(one.number, one.tokens, one.count) for one in again.patterns] == [
        (one.number, one.tokens, one.count) for one in miner.patterns
    ]
    assert set(ids) <= {one.number for one in again.patterns}


def test_one_line_again_and_again_is_one_pattern():
    """Ours: its count and its times. Twenty thousand here, the million in the bench."""
    miner = Miner()
    tracemalloc.start()
    for n in range(20_000):
        miner.add(START + n, "app", "ERROR boom")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    miner.flush()

    one = the_one(miner)
    assert (one.count, one.first[0], one.last[0]) == (20_000, START, START + 19_999)
    assert peak < 1_000_000


def test_lines_of_which_no_two_are_alike_are_bounded_and_counted():
    """Ours: a pattern seen often is not pushed out by lines seen once, nor is the memory by any of them."""
    miner = Miner(most_patterns=50)
    for n in range(10):
        miner.add(START + n, "app", "ERROR payment refused by bank")
    letters = str.maketrans("0123456789", "ghijklmnop")
    tracemalloc.start()
    for n in range(6_000):
        text = " ".join(f"{n * 7919 * k:x}".translate(letters) for k in range(1, 6))
        miner.add(START + n, "app", text)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    miner.flush()

    assert len(miner.patterns) <= 50
    assert counts(miner)["ERROR payment refused by bank"] == 10
    assert miner.forgotten[0] > 5_000
    assert sum(one.count for one in miner.patterns) + miner.forgotten[1] == miner.events == 6_010
    assert peak < 8_000_000


def test_lines_of_a_megabyte_are_kept_in_part():
    """Ours: a hundred of them are less than one."""
    miner = Miner()
    for n in range(20):
        miner.add(START + n, "app", b"\xffERROR " + b"x" * 1_000_000)
    miner.flush()

    assert the_one(miner).count == 20
    assert len(json.dumps(miner.plain())) < 3 * LONGEST_SAMPLE * 2


def test_minutes_are_bounded_and_lose_no_event():
    """Ours: a pattern over a year has fewer, wider ones."""
    miner = mined([(START + n * 60 * MINUTE, "app", "INFO tick") for n in range(24 * 90)])

    one = the_one(miner)
    assert len(one.buckets.counts) <= MOST_BUCKETS
    assert sum(one.buckets.counts.values()) == one.count == 24 * 90
    assert one.buckets.minutes > 60 / 2


@pytest.mark.parametrize("at", [-1, 10**30, 0, 253_402_300_799_999])
def test_no_time_is_out_of_range(at: int):
    """Ours: what an application or an agent says of its clock stops nothing."""
    assert moment(the_one(mined([(at, "app", "x y")])).first[0])


def test_a_time_may_be_a_datetime():
    """Ours: CloudWatch gives milliseconds, other sources times."""
    miner = Miner()
    miner.add(datetime(2026, 11, 28, 6, tzinfo=UTC) + timedelta(milliseconds=7), "app", "x y")
    miner.flush()

    assert moment(the_one(miner).first[0]) == "2026-11-28T06:00:00.007Z"


def test_the_edges_of_a_burst_are_kept():
    """Ours: the event with which it began, and the last before it was over, besides the first and the last of all."""
    calm = [(START + n * MINUTE, "app", f"ERROR boom {n}") for n in range(30)]
    flood = [(START + 30 * MINUTE + n * 100, "app", f"ERROR boom {1000 + n}") for n in range(500)]
    after = [(START + (35 + n) * MINUTE, "app", f"ERROR boom {5000 + n}") for n in range(5)]

    one = the_one(mined([*calm, *flood, *after]))

    assert one.burst is not None
    assert (one.burst.start[1], one.burst.end[1]) == ("ERROR boom 1009", "ERROR boom 1499")
    assert one.burst.peak == 500
    assert (one.first[1], one.last[1]) == ("ERROR boom 0", "ERROR boom 5004")
    assert one.buckets.peak() == (START // MINUTE + 30, 500)


def test_what_is_new_since_a_deploy_is_told_from_what_rose():
    """Ours: first seen after it; or more frequent than in the window before, by a factor."""
    deploy = START + 60 * MINUTE
    lines = [(START + n * MINUTE, "app", "ERROR old trouble") for n in range(120)]
    lines += [(deploy + n * 1000, "app", "ERROR fresh trouble here") for n in range(60)]
    lines += [(START + n * MINUTE, "app", "WARN slow answer") for n in range(60)]
    lines += [(deploy + n * 6000, "app", "WARN slow answer") for n in range(600)]

    miner = mined(lines)
    old, fresh, slow = miner.patterns

    assert [miner.is_new(one, deploy) for one in (old, fresh, slow)] == [False, True, False]
    assert miner.rise(old, deploy, (START, deploy)) == pytest.approx(1, abs=0.2)
    assert (miner.rise(slow, deploy, (START, deploy)) or 0) == pytest.approx(10, abs=1)
    assert miner.rise(old, deploy, (deploy, deploy)) is None
    assert miner.is_new(fresh, None) is False


def test_a_stack_trace_is_one_event_of_its_exception():
    """Ours: two exceptions under one heading are two patterns, and the sample is the whole trace."""
    frames = '  File "/app/x.py", line {n}, in f'
    heads = ("KeyError: 'a'", "shop.PoolEmpty: none left")
    lines = [
        (START + n * 10_000, "app", text)
        for n in range(10)
        for text in ("ERROR request failed", "Traceback (most recent call last):", frames.format(n=n), heads[n % 2])
    ]

    miner = mined(lines)

    assert [one.count for one in miner.patterns] == [5, 5]
    assert miner.events == 10
    assert [one.lines for one in miner.patterns] == [20, 20]
    assert miner.patterns[1].first[1].split("\n")[-1] == "shop.PoolEmpty: none left"


def test_no_secret_is_kept():
    """A57: neither in patterns, nor in samples, nor in a checkpoint."""
    key = ("-----BEGIN RSA PRIVATE KEY-----", "MIIEowIBAAKCAQEA7bq7", "-----END RSA PRIVATE KEY-----")
    miner = mined([(START + n, "app", text) for n, text in enumerate(("login password=hunter2", *key))])

    kept = json.dumps(miner.plain())
    assert "hunter2" not in kept
    assert "MIIE" not in kept


@settings(max_examples=30)
@given(st.lists(st.binary(max_size=200) | st.text(max_size=200), max_size=50))
def test_no_line_stops_it(lines: list[bytes | str]):
    """Ours: whatever an application writes."""
    miner = Miner(most_patterns=5)
    for n, line in enumerate(lines):
        miner.add(START + n, "app", line)

    json.dumps(miner.plain(), ensure_ascii=False).encode()
    assert miner.lines == len(lines)


def test_hostile_shapes_take_no_long_time():
    """Ours: lines made to be compared with as many patterns as there can be."""
    words = [f"{a}{b}{c}" for a in "ghijkl" for b in "mnopqr" for c in "stuvwx"]
    started = time.process_time()
    miner = Miner()
    for n in range(5_000):
        picked = [words[n * k % 211 % 216] for k in range(1, 45)]
        miner.add(START + n, f"s{n % 300}", " ".join(["same", "start", *picked]))
    miner.flush()

    assert time.process_time() - started < 15
