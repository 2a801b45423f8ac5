"""Bedrock's ConverseStream, asked for an answer of a fixed schema; another way, or another model, when one is refused.

Ways: the schema as the form of the text; a tool the model must call with it; the same without a cache point; the schema
told in words, and nothing that a model could refuse. One repair is asked for when an answer does not fit.
"""

import json
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from botocore.eventstream import ParserError
from botocore.exceptions import BotoCoreError, ClientError
from jsonschema import Draft202012Validator
from urllib3.exceptions import HTTPError

from storage import metrics
from tasks.aws.errors import code_of, explain, kind_of
from tasks.mining.clean import clean
from tasks.redact import SURROGATES
from tasks.tool import Run, ToolError
from tasks.tools.ecs.analysis.prompt import NAME, SCHEMA, SYSTEM

MOST_TOKENS: Final = 2_500
Way = Literal["schema", "tool", "plain", "words"]
WAYS: Final[tuple[Way, ...]] = ("schema", "tool", "plain", "words")
BROKEN: Final = (ClientError, BotoCoreError, HTTPError, ParserError, ToolError)
"""What a model's silence is raised as: by AWS, botocore, the connection, its event stream, and by us."""
_ELSEWHERE: Final = frozenset(
    {
        "InternalServerException",
        "ModelErrorException",
        "ModelNotReadyException",
        "ModelStreamErrorException",
        "ModelTimeoutException",
        "ServiceUnavailableException",
        # An id that is no model's, or one that is had through an inference profile alone.
        "ValidationException",
    }
)
_CUT: Final = {
    "max_tokens": "the answer was cut at its longest",
    "guardrail_intervened": "a guardrail of the account changed the answer",
    "content_filtered": "the model's content filter cut the answer",
    "model_context_window_exceeded": "the evidence was too long for the model",
}

_IN_WORDS: Final = f"Answer with one JSON object of this JSON Schema, and nothing else:\n{json.dumps(SCHEMA)}"

Hear = Callable[[str], None]
"""Is given a text piece by piece."""
Message = dict[str, Any]


class Unfit(ToolError):
    """The model answered what does not fit the schema, twice."""


COUNTED: Final = {
    "input": "inputTokens",
    "output": "outputTokens",
    "cache_read": "cacheReadInputTokens",
    "cache_write": "cacheWriteInputTokens",
}
"""Kinds of tokens, and what Bedrock calls them."""


@dataclass
class Usage:
    """Tokens, of all calls together."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0

    def add(self, usage: dict[str, Any]) -> None:
        self.input += usage.get("inputTokens", 0)
        self.output += usage.get("outputTokens", 0)
        self.cache_read += usage.get("cacheReadInputTokens", 0)
        self.cache_write += usage.get("cacheWriteInputTokens", 0)


@dataclass(frozen=True)
class Answer:
    value: dict[str, Any]
    model: str
    note: str = ""


def ask(run: Run, text: str, *, models: Sequence[str], listen: Callable[[], Hear], usage: Usage) -> Answer:
    """The first model's answer that fits, else the next one's; *listen* makes what hears one as it comes, as JSON text.

    Raises what the last model failed with: one of BROKEN.
    """
    notes: list[str] = []
    for number, model in enumerate(models):
        try:
            value = _Asked(run, model, listen, usage).answer(text)
        except BROKEN as error:
            run.check()
            if number + 1 == len(models) or not _may_help(error):
                raise
            notes.append(f"{model}: {reason(error)}")
        else:
            return Answer(value, model, "; ".join(notes))
    raise ToolError("no model is configured")


def reason(error: Exception) -> str:
    if isinstance(error, ToolError):
        return str(error)
    return "the connection to Bedrock broke" if isinstance(error, (HTTPError, ParserError)) else clean(explain(error))


def _may_help(error: Exception) -> bool:
    """Whether another model may answer where this one did not."""
    return not isinstance(error, ClientError) or kind_of(error) != "error" or code_of(error) in _ELSEWHERE


class _Asked:
    """One model, asked in the ways it takes."""

    def __init__(self, run: Run, model: str, listen: Callable[[], Hear], usage: Usage) -> None:
        self._run = run
        self._model = model
        self._listen = listen
        self._usage = usage

    def answer(self, text: str) -> dict[str, Any]:
        messages: list[Message] = [{"role": "user", "content": [{"text": text}]}]
        way, said = self._first(messages)
        value, wrong = _parsed(said)
        if value is not None:
            return value
        self._run.check()
        messages += [
            {"role": "assistant", "content": [{"text": said or "(nothing)"}]},
            {"role": "user", "content": [{"text": f"That does not fit the schema: {wrong}. Answer again, whole."}]},
        ]
        value, _ = _parsed(self._converse(messages, way, hear=None))
        if value is None:
            # What is wrong may be said in words of the model's, which nobody has looked at.
            raise Unfit(f"{self._model} answered twice what does not fit the schema")
        return value

    def _first(self, messages: list[Message]) -> tuple[Way, str]:
        for way in WAYS:
            try:
                if way == "words":
                    messages[0]["content"].append({"text": _IN_WORDS})
                return way, self._converse(messages, way, hear=self._listen())
            except ClientError as error:
                # A model that knows no output schema, or no cache, says so before it says anything else.
                if code_of(error) != "ValidationException" or way == WAYS[-1]:
                    raise
        raise AssertionError("not reached: the last way returns or raises")

    def _converse(self, messages: list[Message], way: Way, *, hear: Hear | None) -> str:
        client: Any = self._run.aws("bedrock-runtime")
        cached = way in ("schema", "tool")
        answer = client.converse_stream(
            modelId=self._model,
            system=[{"text": SYSTEM}, *([{"cachePoint": {"type": "default"}}] if cached else [])],
            messages=messages,
            inferenceConfig={"maxTokens": MOST_TOKENS} | ({} if way == "words" else {"temperature": 0.1}),
            **_form(way),
        )
        with closing(answer["stream"]) as stream:
            return self._read(stream, hear)

    def _read(self, stream: Any, hear: Hear | None) -> str:  # noqa: ANN401  # botocore's event stream
        """The text, or the input of the tool. ToolError when the end is missing, or the answer was cut."""
        pieces: list[str] = []
        stopped = ""
        for event in stream:
            delta = event.get("contentBlockDelta", {}).get("delta", {})
            if piece := delta.get("text") or delta.get("toolUse", {}).get("input"):
                pieces.append(piece)
                if hear is not None:
                    hear(piece)
            if stop := event.get("messageStop"):
                stopped = stop["stopReason"]
            if usage := event.get("metadata", {}).get("usage"):
                self._usage.add(usage)
                _count(self._model, usage)
        if not stopped:
            raise ToolError("the connection ended before the answer did")
        if stopped in _CUT:
            raise ToolError(_CUT[stopped])
        return "".join(pieces)


def _count(model: str, usage: dict[str, Any]) -> None:
    for kind, name in COUNTED.items():
        metrics.BEDROCK_TOKENS.labels(model, kind).inc(usage.get(name, 0))


def _form(way: Way) -> dict[str, Any]:
    if way == "words":
        return {}
    if way == "schema":
        schema = {"schema": json.dumps(SCHEMA), "name": NAME, "description": "what an investigation found"}
        return {"outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}}}
    spec = {"name": NAME, "description": "Say what the investigation found.", "inputSchema": {"json": SCHEMA}}
    return {"toolConfig": {"tools": [{"toolSpec": spec}], "toolChoice": {"tool": {"name": NAME}}}}


def _parsed(text: str) -> tuple[dict[str, Any] | None, str]:
    """The answer, or what is wrong with it."""
    start, end = text.find("{"), text.rfind("}")
    try:
        value: Any = json.loads(text[start : end + 1], strict=False)
        # What is half a character can be neither kept nor sent.
        value = json.loads(SURROGATES.sub("\ufffd", json.dumps(value, ensure_ascii=False)))
    except (ValueError, RecursionError):
        return None, "it is no JSON object"
    errors = cast("Any", Draft202012Validator)(SCHEMA).iter_errors(value)
    wrong = next((f"{'/'.join(map(str, each.path)) or 'the whole'}: {each.message[:200]}" for each in errors), None)
    return (None, wrong) if wrong else (value, "")
