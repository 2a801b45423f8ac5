"""A model is asked in the ways it takes, another one when it is away; every failure has a sentence."""

import json
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tasks.tool import Cancelled
from tasks.tools.ecs.analysis.model import BROKEN, MOST_TOKENS, WAYS, Answer, Hear, Usage, ask, reason
from tasks.tools.ecs.analysis.prompt import SCHEMA, SYSTEM
from tests.scraped import counted
from tests.servers import until
from tests.stand_ins.analyst import MORE, TRUE, answer, in_pieces
from tests.stand_ins.bedrock import Bedrock, Mode
from tests.stand_ins.run import FakeRun

GOOD: dict[str, Any] = {"narrative": f"{TRUE} {MORE}", "hypotheses": []}


def deaf() -> Hear:
    return lambda _: None


def asked(run: FakeRun, *models: str, listen: Callable[[], Hear] = deaf, usage: Usage | None = None) -> Answer:
    return ask(run, "What is wrong?", models=models or ("first",), listen=listen, usage=usage or Usage())


def sentence(run: FakeRun, *models: str, usage: Usage | None = None) -> str:
    """Why there was no answer."""
    with pytest.raises(BROKEN) as raised:
        asked(run, *models, usage=usage)
    return reason(raised.value)


def saying(*answers: str) -> Callable[[dict[str, Any]], Sequence[str]]:
    """What is said to one request after the other; the last again and again."""
    left = list(answers)
    return lambda _: in_pieces(left.pop(0) if len(left) > 1 else left[0])


def test_the_schema_is_the_form_of_the_answer(model: Bedrock, run: FakeRun):
    """AWS, Converse: outputConfig.textFormat; the instructions are cached, the answer is bounded."""
    found = asked(run)

    (request,) = model.requests
    assert found == Answer(GOOD, "first")
    assert json.loads(request["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"]) == SCHEMA
    assert request["system"] == [{"text": SYSTEM}, {"cachePoint": {"type": "default"}}]
    assert request["inferenceConfig"] == {"maxTokens": MOST_TOKENS, "temperature": 0.1}


@pytest.mark.parametrize(
    ("lacks", "asked_for"),
    [
        (set[str](), [("toolConfig", True)]),
        ({"cachePoint"}, [("toolConfig", False)]),
        ({"toolConfig"}, [("neither", False)]),
        ({"toolConfig", "cachePoint", "temperature"}, [("neither", False)]),
    ],
    ids=["a tool", "no cache", "no tool", "nothing"],
)
def test_a_model_that_refuses_a_way_is_asked_in_the_next(
    model: Bedrock, run: FakeRun, lacks: set[str], asked_for: list[tuple[str, bool]]
):
    """AWS: ValidationException says what a model does not take, before it says anything else."""
    model.is_structured = False
    model.lacks = lacks

    found = asked(run)

    last = model.requests[-1]
    assert found.value == GOOD
    assert len(model.requests) <= len(WAYS)
    assert [("toolConfig" if "toolConfig" in last else "neither", "cachePoint" in str(last["system"]))] == asked_for
    if "toolConfig" in last:
        assert last["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"] == SCHEMA
    else:
        assert json.dumps(SCHEMA) in last["messages"][0]["content"][-1]["text"]
        assert "temperature" not in last["inferenceConfig"]


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("denied", "needs the permission bedrock:InvokeModelWithResponseStream"),
        ("broke", "ModelErrorException"),
        ("breaks", "ModelStreamErrorException"),
        ("invalid", "ValidationException"),
        ("drops", "the connection"),
        ("garbles", "the connection to Bedrock broke"),
    ],
)
def test_another_model_answers_for_one_that_does_not(model: Bedrock, run: FakeRun, mode: Mode, said: str):
    """Ours: MCP_BEDROCK_FALLBACK_MODEL; the answer says whose it is and why. Alone, it fails in the same words."""
    model.modes = {"first": mode}

    alone = sentence(run, "first")
    found = asked(run, "first", "second")

    assert said in alone
    assert (found.value, found.model) == (GOOD, "second")
    assert found.note == f"first: {alone}"


@pytest.mark.parametrize("mode", ["throttled", "away"])
def test_a_model_that_stays_busy_is_given_up(model: Bedrock, run: FakeRun, mode: Mode):
    """AWS, quotas: each model has its own; botocore has tried again four times by then."""
    model.modes = {"first": mode}

    found = asked(run, "first", "second")

    assert model.models == ["first"] * 4 + ["second"]
    assert (found.value, found.model) == (GOOD, "second")
    assert "throttled" in found.note or "ServiceUnavailable" in found.note


def test_the_last_models_failure_is_the_one_that_is_told(model: Bedrock, run: FakeRun):
    """Ours: with the tokens that all of them took."""
    model.modes = {"first": "denied", "second": "breaks"}

    assert "ModelStreamErrorException" in sentence(run, "first", "second")
    assert model.models == ["first", "second"]


@pytest.mark.parametrize(
    ("stop_reason", "said"),
    [
        ("max_tokens", "cut at its longest"),
        ("guardrail_intervened", "guardrail"),
        ("content_filtered", "content filter"),
        ("model_context_window_exceeded", "too long"),
    ],
)
def test_an_answer_that_was_cut_is_none(model: Bedrock, run: FakeRun, stop_reason: str, said: str):
    """AWS, Converse: stopReason; half an answer may say the opposite of the whole. It is paid for all the same."""
    model.stop_reason = stop_reason
    usage = Usage()

    assert said in sentence(run, usage=usage)
    assert (usage.input, usage.output) == (120, 30)
    assert len(model.requests) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        "All is well.",
        "{",
        "",
        '{"narrative": "x"}',
        '{"narrative": 1, "hypotheses": []}',
        '{"narrative": "x", "hypotheses": [], "verdict": "healthy"}',
        '{"narrative": ' + "[" * 4000 + "}",
        '{"narrative": "x", "hypotheses": [{"cause": "x"}]}',
    ],
    ids=["words", "cut", "nothing", "missing", "number", "more", "deep", "part"],
)
def test_an_answer_that_does_not_fit_is_mended_once(model: Bedrock, run: FakeRun, wrong: str):
    """Ours: the model is told what is wrong with it; the tokens of both are counted."""
    model.says = saying(wrong, answer())
    model.usage |= {"cacheReadInputTokens": 7, "cacheWriteInputTokens": 5}
    usage = Usage()

    found = asked(run, usage=usage)

    assert found.value == GOOD
    assert usage == Usage(input=240, output=60, cache_read=14, cache_write=10)
    assert [each["role"] for each in model.requests[1]["messages"]] == ["user", "assistant", "user"]
    assert "does not fit the schema" in model.requests[1]["messages"][2]["content"][0]["text"]


def test_an_answer_that_does_not_fit_twice_is_given_up_without_its_words(model: Bedrock, run: FakeRun):
    """A56: what an answer holds that fits nothing is not told as the reason."""
    model.says = saying('{"narrative": "x", "hypotheses": [], "see https://evil.example": 1}')

    assert sentence(run) == "first answered twice what does not fit the schema"
    assert len(model.requests) == 2


def test_an_answer_is_heard_while_it_is_written(model: Bedrock, run: FakeRun):
    """Ours: whoever listens has the first piece before the last is made."""
    model.pause = 0.05
    heard: list[float] = []

    asked(run, listen=lambda: lambda _: heard.append(time.time()))

    assert len(heard) == len(model.pieces)
    assert heard[0] < model.sent[-1]


def test_each_answer_is_heard_from_its_beginning(model: Bedrock, run: FakeRun):
    """Ours: what a model said before it broke is not taken for the beginning of another's answer."""
    model.modes = {"first": "breaks"}
    heard: list[list[str]] = []

    def listen() -> Hear:
        heard.append([])
        return heard[-1].append

    asked(run, "first", "second", listen=listen)

    assert ["".join(each) for each in heard] == [answer()] * 2


def test_cancelling_ends_the_connection_while_the_model_speaks(model: Bedrock, run: FakeRun):
    """Ours: nothing more is made for nobody; no other model is asked."""
    model.pieces = [*in_pieces(answer())[:2], *["x"] * 400]
    model.pause = 0.1
    ended: list[BaseException] = []

    def work() -> None:
        try:
            asked(run, "first", "second")
        except BaseException as error:  # noqa: BLE001  # whatever it is
            ended.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    until(lambda: len(model.sent) > 2, "the model speaks", within=10)
    run.cancel()
    thread.join(5)

    assert not thread.is_alive()
    assert isinstance(ended[0], Cancelled)
    assert model.models == ["first"]
    assert len(model.sent) < 100


def test_without_a_model_nothing_is_asked(model: Bedrock, run: FakeRun):
    """Ours: the sentence says so."""
    with pytest.raises(BROKEN, match="no model is configured"):
        ask(run, "x", models=(), listen=deaf, usage=Usage())
    assert model.requests == []


def test_tokens_are_counted_by_model_and_kind(model: Bedrock, run: FakeRun):
    """Ours: what Bedrock says it will bill, also of an answer that did not fit."""
    kinds = {"input": "inputTokens", "output": "outputTokens"}
    before = {kind: counted("mcp_bedrock_tokens_total", model="first", kind=kind) for kind in kinds}

    asked(run)

    added = {kind: counted("mcp_bedrock_tokens_total", model="first", kind=kind) - before[kind] for kind in kinds}
    assert added == {kind: model.usage[name] for kind, name in kinds.items()}
    assert min(added.values()) > 0
