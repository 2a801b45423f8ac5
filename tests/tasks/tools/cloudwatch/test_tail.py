"""`tail_logs`: lines while they are written, wherever they come from, for no longer than was asked."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest

from tasks.schema import InvalidArguments
from tasks.tool import Cancelled, Text, ToolError
from tasks.tools.cloudwatch import tail_poll, tail_screen
from tasks.tools.cloudwatch.tail import tail_logs
from tasks.tools.cloudwatch.tail_state import State
from tests.servers import until
from tests.stand_ins.logs_tail import Live, LogsTail, arn
from tests.stand_ins.run import FakeRun

WEB, API = "/app/web", "/app/api"
BUDGET = 24_000
"""Bytes of a result: 8,000 tokens."""
WITHIN = 15


def follow(run: FakeRun, **arguments: Any) -> dict[str, Any]:
    return run.call(tail_logs, **{"logGroups": [WEB], "seconds": 1, **arguments})


def asked(logs: LogsTail, mode: str) -> bool:
    """Whether the tail listens."""
    return bool(logs.sessions if mode == "live" else logs.calls("FilterLogEvents"))


def messages(run: FakeRun) -> list[str]:
    """What was shown, without times and streams."""
    return [line.split(" ", 2)[2].rstrip("\n") for line in run.text]


@pytest.mark.parametrize("mode", ["live", "poll"])
def test_a_line_is_shown_while_the_tail_goes_on(logs: LogsTail, run: FakeRun, mode: str):
    """Ours: it ends at the lines it was asked for, long before its time."""
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(follow, run, seconds=60, maxLines=2, mode=mode)
        until(lambda: asked(logs, mode), "the tail listening")
        logs.write(WEB, "hello", stream="ecs/web/" + "0123456789abcdef" * 2)
        until(lambda: run.text, "the first line being shown")
        assert not answer.done()
        logs.write(WEB, "again", stream="2026/11/28/[$LATEST]0123456789abcdef0123456789abcdef")
        found = answer.result(WITHIN)

    assert [line.partition(" ")[2] for line in run.text] == ["web/01234567 hello\n", "[$LATEST]01234567 again\n"]
    assert (found["mode"], found["ended"], found["linesSeen"], found["linesShown"]) == (mode, "lines", 2, 2)
    assert [line["message"] for line in found["lines"]] == ["hello", "again"]
    assert found["firstAt"] <= found["lastAt"]


@pytest.mark.parametrize(("live", "mode"), [("lines", "live"), ("silent", "live"), ("mute", "auto"), ("lines", "poll")])
def test_a_tail_without_lines_ends_on_time(logs: LogsTail, run: FakeRun, live: Live, mode: str):
    """Ours: neither an error nor a minute more, whether AWS says nothing or does not even answer."""
    logs.live = live
    began = time.monotonic()

    found = follow(run, mode=mode)

    assert 0.9 < time.monotonic() - began < 4
    assert (found["ended"], found["linesSeen"], found["seconds"]) == ("time", 0, 1.0)
    assert found["notes"] == ["No line was written in this time."]
    # A worker closes what its run has opened.
    run.cancel()
    until(lambda: logs.sessions == 0, "the end of the session", within=2)


@pytest.mark.parametrize(("live", "mode"), [("lines", "live"), ("silent", "live"), ("mute", "live"), ("lines", "poll")])
def test_cancelling_ends_the_session_at_once(logs: LogsTail, run: FakeRun, live: Live, mode: str):
    """Ours: the connection to AWS too, which costs as long as it is open."""
    logs.live = live
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(follow, run, seconds=60, mode=mode)
        until(lambda: asked(logs, mode), "the tail listening")
        cancelled = time.monotonic()
        run.cancel()

        assert isinstance(answer.exception(WITHIN), Cancelled)
    until(lambda: logs.sessions == 0, "the end of the session", within=2)
    assert time.monotonic() - cancelled < 2


@pytest.mark.parametrize("code", ["AccessDeniedException", "InvalidOperationException"])
def test_without_live_tail_it_polls_and_says_why(logs: LogsTail, run: FakeRun, code: str):
    """Ours: a permission that is missing, or a log class without Live Tail, is no reason to see nothing."""
    logs.refuses = {"StartLiveTail": (code, "")}
    logs.write(WEB, "here")

    found = follow(run)

    assert (found["mode"], found["linesSeen"]) == ("poll", 1)
    assert "StartLiveTail" in found["why"]
    assert ("logs:StartLiveTail" in found["why"]) is (code == "AccessDeniedException")


def test_an_endpoint_that_live_tail_does_not_have_is_no_end(
    logs: LogsTail, run: FakeRun, monkeypatch: pytest.MonkeyPatch
):
    """AWS, StartLiveTail: its host is another one, which some regions and all endpoints of one's own lack."""
    monkeypatch.delenv("AWS_DISABLE_HOST_PREFIX_INJECTION")
    logs.write(WEB, "here")

    found = follow(run, seconds=20, maxLines=1)

    assert (found["mode"], found["linesSeen"]) == ("poll", 1)
    assert "AWS_DISABLE_HOST_PREFIX_INJECTION" in found["why"]


def test_live_alone_is_live_or_an_error(logs: LogsTail, run: FakeRun):
    """Ours: who asks for Live Tail is told that it cannot be had, and what to do."""
    logs.refuses = {"StartLiveTail": ("AccessDeniedException", "")}

    with pytest.raises(ToolError, match=r"logs:StartLiveTail.*mode auto"):
        follow(run, mode="live")
    assert logs.calls("FilterLogEvents") == []


@pytest.mark.parametrize("live", ["breaks", "drops"])
def test_after_live_tail_broke_off_no_line_is_lost_or_shown_twice(logs: LogsTail, run: FakeRun, live: Live):
    """Ours: polling goes on where it was, over the lines of the time in between; two that are alike stay two."""
    logs.live = live
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(follow, run, seconds=60, maxLines=5)
        until(lambda: logs.sessions, "the tail listening")
        for message in ("one", "same", "same"):
            logs.write(WEB, message)
        until(lambda: logs.calls("FilterLogEvents"), "polling")
        logs.write(WEB, "four")
        logs.write(WEB, "five")
        found = answer.result(WITHIN)

    assert messages(run) == ["one", "same", "same", "four", "five"]
    assert (found["mode"], found["ended"], found["linesShown"]) == ("poll", "lines", 5)
    assert "Live Tail" in found["why"] or "StartLiveTail" in found["why"]


def test_live_alone_that_breaks_off_keeps_what_it_has(logs: LogsTail, run: FakeRun):
    """Ours: lines that were seen are a result, and it says that there is an end to it."""
    logs.live = "breaks"
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(follow, run, seconds=60, mode="live")
        until(lambda: logs.sessions, "the tail listening")
        logs.write(WEB, "one")
        found = answer.result(WITHIN)

    assert (found["mode"], found["ended"], found["linesShown"]) == ("live", "stream", 1)
    assert "an unknown error" in found["why"]


def test_polling_that_breaks_off_keeps_what_it_has(logs: LogsTail, run: FakeRun):
    """Ours: the same."""
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(follow, run, seconds=60, mode="poll")
        logs.write(WEB, "one")
        until(lambda: run.text, "the line being shown")
        logs.refuses = {"FilterLogEvents": ("AccessDeniedException", "")}
        found = answer.result(WITHIN)

    assert (found["ended"], found["linesShown"]) == ("stream", 1)
    assert "logs:FilterLogEvents" in found["why"]


def test_polling_slows_down_when_aws_asks_for_it(logs: LogsTail, run: FakeRun, monkeypatch: pytest.MonkeyPatch):
    """AWS, quotas: an account has few such requests a second, and others need them too."""
    monkeypatch.setattr(tail_poll, "THROTTLED", tail_screen.BEAT)
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(follow, run, seconds=60, mode="poll", maxLines=2)
        logs.write(WEB, "one")
        until(lambda: run.text, "the line being shown")
        # Of the codes of a quota, one that botocore itself does not try again.
        logs.refuses = {"FilterLogEvents": ("ServiceQuotaExceededException", "")}
        refused = len(logs.asked)
        until(lambda: len(logs.asked) > refused, "a refusal")
        logs.refuses = {}
        logs.write(WEB, "two")
        found = answer.result(WITHIN)

    assert (messages(run), found["ended"]) == (["one", "two"], "lines")


def test_names_become_arns_for_live_tail(logs: LogsTail, run: FakeRun):
    """AWS, StartLiveTail: groups are given by ARNs without an asterisk."""
    follow(run, logGroups=[WEB, API, WEB], mode="live")

    assert logs.calls("StartLiveTail")[0]["logGroupIdentifiers"] == [arn(WEB), arn(API)]


def test_an_arn_is_taken_as_it_is(logs: LogsTail, run: FakeRun):
    """AWS, cross-account observability: a group of another account has no name here."""
    logs.write(WEB, "here")

    found = follow(run, logGroups=[f"{arn(WEB)}:*"], mode="poll")

    assert (found["logGroups"], found["linesSeen"]) == ([WEB], 1)
    assert logs.calls("FilterLogEvents")[0]["logGroupIdentifier"] == arn(WEB)
    assert logs.calls("DescribeLogGroups") == []


def test_names_that_cannot_be_looked_up_are_polled(logs: LogsTail, run: FakeRun):
    """Ours: FilterLogEvents takes names, and needs no permission to list them."""
    logs.refuses = {"DescribeLogGroups": ("AccessDeniedException", "")}
    logs.write(WEB, "here")

    found = follow(run)

    assert (found["mode"], found["linesSeen"]) == ("poll", 1)
    assert "logs:DescribeLogGroups" in found["why"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"logGroups": ["/app"]}, r"no log group is named '/app' in us-east-1. There are: /app/api, /app/web"),
        ({"logGroups": ["/old/web"]}, "There are: /app/web"),
        ({"logGroups": ["/nothing"]}, "No other has a name like it"),
        ({"logGroups": ["arn:aws:s3:::bucket"]}, "is not the ARN of a log group; it looks like arn:aws:logs:"),
        ({"logGroups": [arn(WEB), arn(API).replace("us-east-1", "eu-west-1")]}, "these are in eu-west-1, us-east-1"),
        ({"logGroups": [arn(WEB)], "region": "eu-west-1"}, "these are in eu-west-1, us-east-1"),
        ({"streams": ["a"], "streamPrefix": "b"}, "streams or streamPrefix, not both"),
        ({"mode": "live", "logGroups": [WEB, API], "streams": ["a"]}, "streams of one log group only"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_would(
    logs: LogsTail, run: FakeRun, arguments: dict[str, Any], words: str
):
    """Ours: the sentence names the argument."""
    with pytest.raises(ToolError, match=words):
        follow(run, **arguments)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "logGroups is required"),
        ({"logGroups": []}, "at least 1 item"),
        ({"logGroups": [WEB] * 11}, "at most 10 items"),
        ({"logGroups": ["a b"]}, "match pattern"),
        ({"logGroups": ["/app/*"]}, "match pattern"),
        ({"logGroups": ["x' | y"]}, "match pattern"),
        ({"streams": ["a:b"]}, "match pattern"),
        ({"streamPrefix": "a*"}, "match pattern"),
        ({"seconds": 901}, "less than or equal to 900"),
        ({"seconds": 0}, "greater than or equal to 1"),
        ({"maxLines": 5001}, "less than or equal to 5000"),
        ({"region": "eu west"}, "match pattern"),
        ({"mode": "fast"}, "'auto', 'live' or 'poll'"),
        ({"contains": "x" * 201}, "at most 200 characters"),
    ],
)
def test_bad_input_is_refused_by_name(arguments: dict[str, Any], words: str):
    """MCP, tools: input is validated."""
    given = arguments if not arguments or "logGroups" in arguments else {"logGroups": [WEB], **arguments}

    with pytest.raises(InvalidArguments, match=words):
        tail_logs.arguments.parse(json.dumps(given).encode())


@pytest.mark.parametrize("mode", ["live", "poll"])
@pytest.mark.parametrize(("only", "shown"), [({"streams": ["web/2"]}, ["b"]), ({"streamPrefix": "web/"}, ["a", "b"])])
def test_only_the_streams_that_were_asked_for(
    logs: LogsTail, run: FakeRun, mode: str, only: dict[str, Any], shown: list[str]
):
    """Ours."""
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(follow, run, seconds=60, mode=mode, maxLines=len(shown), **only)
        until(lambda: asked(logs, mode), "the tail listening")
        logs.write(WEB, "a", stream="web/1")
        logs.write(WEB, "c", stream="job/1")
        logs.write(WEB, "b", stream="web/2")
        answer.result(WITHIN)

    assert messages(run) == shown


def test_streams_of_several_groups_are_polled(logs: LogsTail, run: FakeRun):
    """AWS, StartLiveTail: streams can be named in one group only."""
    logs.write(API, "here", stream="api/1")

    found = follow(run, logGroups=[WEB, API], streamPrefix="api/")

    assert (found["mode"], found["linesSeen"], found["lines"][0]["logGroup"]) == ("poll", 1, API)
    assert logs.calls("StartLiveTail") == []


@pytest.mark.parametrize("ignores", [False, True])
@pytest.mark.parametrize("text", ['say "hi" \\ 100% | not', '"', "a\\", "{ $.x = 1 }", "?a -b", "%re%", "шоп", "x\ty"])
def test_the_text_is_looked_for_letter_for_letter(logs: LogsTail, run: FakeRun, text: str, *, ignores: bool):
    """CWE-943: nothing in it is a pattern, and a server that takes it for one shows no more for it."""
    logs.ignores_patterns = ignores
    logs.write(WEB, "something else: say hi re x y a b 100")
    logs.write(WEB, f"<{text}>")

    found = follow(run, contains=text, mode="poll", maxLines=1)

    assert [line["message"] for line in found["lines"]] == [f"<{text}>"]
    pattern = logs.calls("FilterLogEvents")[0].get("filterPattern", '""')
    assert all(each and "\\" not in each and "%" not in each for each in pattern.strip('"').split('" "')) or text == '"'


def test_nobody_is_told_whether_a_secret_has_a_text(logs: LogsTail, run: FakeRun):
    """Ours, A57: what is masked cannot be guessed letter by letter."""
    logs.write(WEB, "password=hunter2")

    for guess in ("password=hu", "hunter2"):
        assert follow(run, contains=guess, mode="poll")["linesSeen"] == 0
    assert follow(run, contains="password=", mode="poll")["lines"][0]["message"] == "password=[secret]"


def test_pages_are_followed_to_the_end_and_no_event_comes_twice(logs: LogsTail, run: FakeRun):
    """AWS, FilterLogEvents: an empty page with a token is not the end."""
    logs.page, logs.empty_pages = 7, 3
    for number in range(50):
        logs.write(WEB, f"line {number}")

    found = follow(run, seconds=4, mode="poll")

    assert sorted(messages(run)) == sorted(f"line {number}" for number in range(50))
    assert (found["linesSeen"], found["linesShown"]) == (50, 50)
    # Three rounds of three empty pages and eight with events.
    assert len(logs.calls("FilterLogEvents")) >= 22


def test_what_arrives_late_is_shown_still(logs: LogsTail, run: FakeRun):
    """AWS, awslogs: lines are sent in batches, and a slow stream's are older than what others have shown."""
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(follow, run, seconds=60, maxLines=2, mode="poll")
        until(lambda: logs.calls("FilterLogEvents"), "polling")
        logs.write(WEB, "new")
        until(lambda: run.text, "the line being shown")
        logs.write(WEB, "late", ago=3)
        answer.result(WITHIN)

    assert messages(run) == ["new", "late"]


def test_lines_of_several_groups_come_by_time(logs: LogsTail, run: FakeRun):
    """Ours: what happened first stands first, and each line says whose it is."""
    for number in range(6):
        logs.write((WEB, API)[number % 2], f"line {number}", ago=1 - number / 10)

    found = follow(run, logGroups=[WEB, API], mode="poll")

    assert [line["message"] for line in found["lines"]] == [f"line {number}" for number in range(6)]
    assert [line.split(" ")[1] for line in run.text] == ["app/web", "app/api"] * 3


def test_a_memory_that_is_full_shows_nothing_twice(logs: LogsTail, run: FakeRun, monkeypatch: pytest.MonkeyPatch):
    """Ours: what is remembered is bounded, and nothing is looked back for beyond it."""
    monkeypatch.setattr(tail_poll, "MOST_IDS", 10)
    for number in range(50):
        logs.write(WEB, f"line {number}", ago=3 - number / 20)

    found = follow(run, seconds=4, mode="poll")

    assert messages(run) == [f"line {number}" for number in range(50)]
    assert found["linesSeen"] == 50


@pytest.mark.parametrize("mode", ["live", "poll"])
def test_a_flood_is_counted_and_no_more_shown_than_can_be_read(logs: LogsTail, run: FakeRun, mode: str):
    """Ours: the counts add up, and the patterns tell of the lines that are not shown."""
    logs.page = 10_000
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(follow, run, seconds=3, maxLines=5000, mode=mode)
        until(lambda: asked(logs, mode), "the tail listening")
        for number in range(3000):
            logs.write(WEB, f"GET /item/{number} 200")
        found = answer.result(WITHIN)

    hidden = [line for line in run.text if line.startswith("…")]
    counted = sum(int(line.split(" ")[1].replace(",", "")) for line in hidden)
    assert found["linesSeen"] == 3000
    assert tail_screen.BURST <= found["linesShown"] <= tail_screen.BURST + 6 * tail_screen.RATE
    assert len(run.text) - len(hidden) == found["linesShown"]
    assert counted == found["linesNotShown"] == 3000 - found["linesShown"]
    assert found["patterns"]["patterns"][0]["count"] == 3000


def test_what_aws_left_out_is_said(logs: LogsTail, run: FakeRun):
    """AWS, Live Tail: more than 500 lines a second are sampled."""
    logs.sampled = True

    found = follow(run, mode="live")

    assert found["sampled"] is True
    assert any("500 lines a second" in note for note in found["notes"])


HOSTILE = {
    "colours": ("\x1b[31mred\x1b[0m \x1b]0;title\x07", "red"),
    "directions": ("shop\u202ebew \u200bx", "shopbew x"),
    "surrogate": ("half \ud800 of", "half \ufffd of"),
    "secret": ("key AKIAABCDEFGHIJKLMNOP", "key [aws key]"),
    "nul": ("a\x00b\x9bc", "ab"),
}


@pytest.mark.parametrize("mode", ["live", "poll"])
def test_hostile_lines_reach_the_client_harmless(logs: LogsTail, run: FakeRun, mode: str):
    """Ours, A57: whoever can write into a log can steer nobody's terminal, and shows nobody's secret."""
    forged = "first\r\n00:00:00.000Z web/1 forged"
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(follow, run, seconds=60, maxLines=len(HOSTILE) + 2, mode=mode)
        until(lambda: asked(logs, mode), "the tail listening")
        for message, _ in HOSTILE.values():
            logs.write(WEB, message)
        logs.write(WEB, forged, stream="we\x1b[31mb\u202e\n" + "x" * 400)
        logs.write(WEB, "x" * 1_000_000)
        found = answer.result(WITHIN)

    shown = messages(run)
    assert shown[: len(HOSTILE)] == [harmless for _, harmless in HOSTILE.values()]
    assert run.text[-2].endswith("first\n    00:00:00.000Z web/1 forged\n")
    assert len(run.text[-1]) < tail_screen.LONGEST + 100
    whole = "".join(run.text).replace("\n", "") + json.dumps(found, ensure_ascii=False)
    assert whole.isprintable()
    assert "AKIA" not in whole


def test_the_result_stays_small(logs: LogsTail, run: FakeRun):
    """Ours: what a model has to read has a bound, whatever was written; the whole has been streamed."""
    logs.page = 10_000
    for number in range(300):
        logs.write(WEB, f"{number} " + "".join(f"'<\"é{number * 7 + each}" for each in range(300)))

    found = follow(run, logGroups=[WEB, API], mode="poll")

    texts = [content.text for content in run.attached if isinstance(content, Text)]
    assert len(json.dumps(found, ensure_ascii=False).encode()) + len("".join(texts).encode()) < BUDGET
    assert found["linesSeen"] == 300
    assert "299" in found["lines"][-1]["message"]


def test_a_later_attempt_goes_on_after_what_was_shown(logs: LogsTail, run: FakeRun, monkeypatch: pytest.MonkeyPatch):
    """Ours: lines of the time without a worker are shown, those before it are not again, and the time is not anew."""
    monkeypatch.setattr(tail_screen, "KEEP", tail_screen.BEAT / 10)
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(follow, run, seconds=8)
        until(lambda: logs.sessions, "the tail listening")
        for message in ("one", "same", "same"):
            logs.write(WEB, message)
        until(lambda: run.kept and run.kept["shown"] == 3, "the lines being kept")
        run.cancel()
        answer.exception(WITHIN)
    logs.write(WEB, "same")
    logs.write(WEB, "between")

    second = FakeRun(kept=run.kept, attempt=2)
    found = follow(second, seconds=8)

    assert messages(second) == ["same", "between"]
    assert (found["linesSeen"], found["linesShown"], found["mode"]) == (5, 5, "poll")
    assert [line["message"] for line in found["lines"]] == ["one", "same", "same", "same", "between"]
    assert "a worker ended" in found["why"]
    assert time.time() * 1000 < run.kept["until"] + 2000
    second.cancel()


def test_what_is_kept_has_a_bound(logs: LogsTail):
    """Ours: a checkpoint every two seconds is no burden for Redis."""
    state = State(started=0, until=1000)
    for number in range(20_000):
        line = tail_poll.Line(number, WEB, "web/1", "x" * 500)
        state.saw(line, line.text, name_group=False)
    state.forget()

    assert len(state.marks) == 2000
    assert state.size < 7000
    assert state.since(now=20_000) == 18_000


def test_progress_says_how_far_it_is_and_never_goes_back(logs: LogsTail, run: FakeRun, monkeypatch: pytest.MonkeyPatch):
    """MCP, progress: numbers increase; ours: the words have the counts."""
    monkeypatch.setattr(tail_screen, "STEP", tail_screen.BEAT / 4)
    logs.write(WEB, "here")

    follow(run, seconds=2, mode="poll")

    numbers = [done for done, _, _, _ in run.steps]
    assert all(one <= two for one, two in pairwise(numbers))
    assert run.steps[-1][:2] == (2.0, 2.0)
    assert run.steps[0][2] == f"following {WEB}, 0 of 2 s: 0 lines seen, 0 shown"
    assert run.steps[-1][2] == f"following {WEB} by polling, 2 of 2 s: 1 lines seen, 1 shown"
