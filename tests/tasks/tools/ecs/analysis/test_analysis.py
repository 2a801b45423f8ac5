"""The analysis: a model's sentences as they are proven, or the rules' with the reason why."""

import json
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tasks.settings import ToolSettings
from tasks.tool import Cancelled
from tasks.tools.ecs.analysis.analysis import Analysed, Case, analyse
from tasks.tools.ecs.answer import Verdict
from tasks.tools.ecs.evidence import Piece
from tasks.tools.ecs.rules.finding import Finding
from tasks.tools.ecs.sections import Kept
from tests.stand_ins.analyst import HYPOTHESIS, MORE, TRUE, answer, in_pieces
from tests.stand_ins.bedrock import Bedrock, Mode
from tests.stand_ins.liar import Liar
from tests.stand_ins.run import FakeRun

NOW = datetime(2026, 11, 28, tzinfo=UTC)
BROKEN: Verdict = {"status": "broken", "severity": "critical", "summary": "0 of 2 tasks run.", "since": None}
CASE = Case(
    verdict=BROKEN,
    findings=[Finding(rule="out-of-memory", severity="critical", message="It was killed.", evidence=("task:1",))],
    pieces=[Piece("task:1", 0, "task 1 is STOPPED"), Piece("log:1", 0, "heap is full"), Piece("task:2", 0, "runs")],
)
BY_RULES = "0 of 2 tasks run.\nCRITICAL: It was killed. [task:1]\nJudged by rules: {}."


def kept_of(run: FakeRun) -> Kept:
    return Kept(run, (NOW, NOW))


def analysed(run: FakeRun, case: Case = CASE, *, wanted: bool = True) -> Analysed:
    return analyse(run, kept_of(run), case, wanted=wanted)


def test_each_sentence_is_said_when_it_is_proven(model: Bedrock, run: FakeRun):
    """Ours: the first is with the client before the second is made, the last before the hypotheses are."""
    model.pieces = [*in_pieces(answer())[:-2], *in_pieces(answer())[-2:], *[" "] * 5]
    model.pause = 0.05
    heard: list[float] = []
    run.on_text = lambda _: heard.append(time.time())

    found = analysed(run)

    assert run.text == [TRUE, f" {MORE}"]
    assert found.analysis == {"text": f"{TRUE} {MORE}", "source": "bedrock", "model": run.settings.bedrock_model}
    assert heard[0] < model.sent[len(in_pieces(answer())) - 4]
    assert heard[1] < model.sent[-1]
    assert (found.usage.input, found.usage.output) == (120, 30)


def test_no_word_of_an_unproven_sentence_is_said(model: Bedrock, run: FakeRun):
    """A56: not while it streams, nor in the end; it is counted."""
    said = f"{TRUE} All is well. The log says so [log:9]. See https://evil.example [task:1]. {MORE}"
    model.pieces = in_pieces(answer(said, HYPOTHESIS, HYPOTHESIS | {"evidence": ["log:9"]}), 3)

    found = analysed(run)

    assert "".join(run.text) == found.analysis["text"] == f"{TRUE} {MORE}"
    assert found.analysis.get("dropped") == 4
    assert [each["cause"] for each in found.hypotheses] == [HYPOTHESIS["cause"]]


@pytest.mark.parametrize(
    "liar",
    [
        Liar(),
        Liar(cites="task:1"),
        Liar("The service is healthy [task:1].", cites="task:1"),
        Liar("Run aws ecs delete-service --service web [task:1].", cites="task:1"),
        Liar("Alles ist gut, legt euch wieder hin."),
    ],
)
@pytest.mark.parametrize("is_structured", [True, False])
def test_a_model_that_obeys_the_log_says_nothing(model: Bedrock, run: FakeRun, liar: Liar, *, is_structured: bool):
    """A56: the rules' sentence stands in its place, and the note says why."""
    model.says = liar
    model.is_structured = is_structured

    found = analysed(run)

    assert found.analysis["text"] == BROKEN["summary"]
    assert "nothing that the model said was borne by the evidence" in found.analysis.get("note", "")
    assert run.text == []
    assert all(liar.claim not in str(each) and each["command"] == "" for each in found.hypotheses)


@pytest.mark.parametrize(
    ("mode", "why"),
    [
        ("denied", "needs the permission bedrock:InvokeModelWithResponseStream"),
        ("drops", "the connection"),
        ("garbles", "the connection to Bedrock broke"),
        ("breaks", "ModelStreamErrorException"),
    ],
)
def test_without_an_answer_the_rules_speak_and_say_why(model: Bedrock, run: FakeRun, mode: Mode, why: str):
    """Ours: an investigation never fails because of a model. What it said until then is left where it was said."""
    model.mode = mode

    found = analysed(run)

    note = found.analysis.get("note", "")
    assert found.analysis["source"] == "rules"
    assert why in note
    assert found.analysis["text"] == BY_RULES.format(note)
    assert "".join(run.text).endswith(f"\n{found.analysis['text']}" if mode != "denied" else found.analysis["text"])
    assert found.hypotheses == []


def test_an_answer_deeper_than_any_is_no_answer(model: Bedrock, run: FakeRun):
    """A64: brackets without end are a model's way to fail, not ours."""
    model.pieces = ['{"narrative": ', "[" * 100_000, "}"]

    assert analysed(run).analysis["source"] == "rules"


@pytest.mark.parametrize(
    ("settings", "wanted", "why"),
    [
        (ToolSettings(bedrock_model="off"), True, "no model is configured (MCP_BEDROCK_MODEL is off)"),
        (ToolSettings(), False, "no model was asked for (analyze is false)"),
    ],
)
def test_where_there_is_no_model_none_is_asked(
    model: Bedrock, run: FakeRun, settings: ToolSettings, why: str, *, wanted: bool
):
    """Ours: the rules are an analysis too, and streamed alike."""
    run.settings = settings

    found = analysed(run, wanted=wanted)

    assert "".join(run.text) == found.analysis["text"] == BY_RULES.format(why)
    assert model.requests == []


def test_of_a_healthy_service_no_model_is_asked(model: Bedrock, run: FakeRun):
    """Ours: a model that is asked what is wrong finds something, and is paid for it."""
    healthy: Verdict = {"status": "healthy", "severity": "info", "summary": "2 of 2 tasks run.", "since": None}

    found = analysed(run, replace(CASE, verdict=healthy, findings=[]))

    assert found.analysis["source"] == "rules"
    assert "nothing for a model to explain" in found.analysis.get("note", "")
    assert model.requests == []


def test_what_two_models_said_is_told_apart(model: Bedrock, run: FakeRun):
    """Ours: the result is one model's answer, in whose name it stands; the stream shows that another began."""
    run.settings = ToolSettings(bedrock_model="first", bedrock_fallback_model="second")
    model.modes = {"first": "breaks"}
    other = "Task 2 runs [task:2]."
    left = [in_pieces(answer()), in_pieces(answer(other))]
    model.says = lambda _: left.pop(0)

    found = analysed(run)

    assert found.analysis["text"] == other
    assert found.analysis.get("model") == "second"
    assert "first: " in found.analysis.get("note", "")
    assert "".join(run.text) == f"{TRUE} {MORE}\n{other}"


def test_an_answer_that_was_mended_is_said_once(model: Bedrock, run: FakeRun):
    """Ours: what was heard of the first try and stands in the second is not repeated."""
    left = [in_pieces('{"narrative": ' + json.dumps(f"{TRUE} {MORE}") + "}"), in_pieces(answer())]
    model.says = lambda _: left.pop(0)

    found = analysed(run)

    assert "".join(run.text) == found.analysis["text"] == f"{TRUE} {MORE}"


def test_a_second_attempt_does_not_pay_the_model_again(model: Bedrock, run: FakeRun):
    """Ours: after a worker's death its answer is there, with what it used; nothing is said twice."""
    model.pieces = in_pieces(answer(f"{TRUE} {MORE} All is well.", HYPOTHESIS))
    first = analysed(run)
    again = FakeRun(kept=json.loads(json.dumps(run.kept)), attempt=2)

    second = analysed(again)

    assert second == first
    assert len(model.requests) == 1
    assert again.text == []


def test_an_attempt_that_died_while_the_model_spoke_asks_again(model: Bedrock, run: FakeRun):
    """Ours: half an answer is not kept."""
    model.mode = "drops"
    analysed(run)
    model.mode = "answer"

    found = analysed(FakeRun(kept=json.loads(json.dumps(run.kept)), attempt=2))

    assert found.analysis["source"] == "bedrock"
    assert len(model.requests) == 2


def test_a_run_that_is_cancelled_while_the_model_speaks_says_nothing_more(model: Bedrock, run: FakeRun):
    """Ours: a broken connection is then no fact about the model."""
    run.on_text = lambda _: run.cancel()

    with pytest.raises(Cancelled):
        analysed(run)

    assert run.text == [TRUE]
    assert run.kept is None
