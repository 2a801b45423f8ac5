"""What a tool may ask the client, and what it gets back (MCP: elicitation, sampling, roots)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

import msgspec
from jsonschema import Draft202012Validator, ValidationError
from pydantic import TypeAdapter

from tasks.errors import Unanswered, Unsupported
from tasks.result import Image, Text

Kind = Literal["elicitation", "elicitation.url", "sampling", "roots"]
"""What a client may support."""


class Elicitation(msgspec.Struct, frozen=True, tag="elicitation"):
    """Ask the person behind the client to fill in a form. *schema* is the JSON Schema of a flat object."""

    message: str
    schema: dict[str, Any]

    @classmethod
    def of(cls, message: str, form: type) -> "Elicitation":
        """A form from a TypedDict, dataclass or pydantic model whose fields are strings, numbers, booleans or enums."""
        return cls(message, TypeAdapter(form).json_schema())


class UrlElicitation(msgspec.Struct, frozen=True, tag="elicitation.url"):
    """Ask the person behind the client to open *url* and do something there; for what a client must not see."""

    message: str
    url: str


class SamplingMessage(msgspec.Struct, frozen=True):
    role: Literal["user", "assistant"]
    content: Text | Image


class Sampling(msgspec.Struct, frozen=True, tag="sampling"):
    """Ask the client's own model. *prompt* is one message of the user, or a whole conversation."""

    prompt: str | tuple[SamplingMessage, ...]
    max_tokens: int = 1000
    system: str | None = None
    temperature: float | None = None


class Roots(msgspec.Struct, frozen=True, tag="roots"):
    """Ask which directories or places the client lets us work in."""


Question = Elicitation | UrlElicitation | Sampling | Roots


@dataclass(frozen=True)
class Elicited:
    """What the person did, and after `accept` what they filled in."""

    action: Literal["accept", "decline", "cancel"]
    content: Mapping[str, Any]


@dataclass(frozen=True)
class Sampled:
    """What the client's model said; *text* is empty when it was something else than text."""

    text: str
    model: str
    content: Any


@dataclass(frozen=True)
class Root:
    uri: str
    name: str | None = None


Answer = Elicited | Sampled | tuple[Root, ...]


def kind_of(question: Question) -> Kind:
    return cast("Kind", question.__struct_config__.tag)


def check_supported(questions: Iterable[Question], asks: Iterable[str]) -> None:
    """Raise Unsupported for the first question of a kind that is not in *asks*, the kinds its client takes."""
    supported = set(asks)
    for question in questions:
        if kind_of(question) not in supported:
            raise Unsupported(kind_of(question))


def restored(plain: object) -> Question:
    """The question behind its stored shape."""
    return msgspec.convert(plain, cast("type[Question]", Question))


def parse(question: Question, body: bytes) -> Answer:
    """The answer behind a JSON-RPC response's `{"result": ...}` or `{"error": ...}`.

    Unanswered says what is wrong with it.
    """
    decoded: Any = msgspec.json.decode(body)
    if error := decoded.get("error"):
        reason = str(error.get("message", "no reason given"))[:200]
        raise Unanswered(f"Your client did not answer the question: {reason}")
    result: Any = decoded.get("result")
    if problem := complaint(question, result):
        raise Unanswered(f"Your client's answer does not fit the question: {problem}")
    match question:
        case Elicitation() | UrlElicitation():
            return Elicited(result["action"], result.get("content") or {})
        case Sampling():
            content: Any = result["content"]
            text: Any = cast("Any", content).get("text", "") if isinstance(content, dict) else ""
            return Sampled(str(text), str(result.get("model", "")), content)
        case Roots():
            return tuple(Root(root["uri"], root.get("name")) for root in result["roots"])


def complaint(question: Question, result: Any) -> str | None:  # noqa: ANN401  # any JSON
    """What makes *result* no answer to *question*; None when it is one."""
    schema = _SHAPES[kind_of(question)]
    if isinstance(question, Elicitation) and isinstance(result, dict) and result.get("action") == "accept":  # pyright: ignore[reportUnknownMemberType]  # any JSON
        schema = {**schema, "properties": {"content": question.schema}, "required": ["action", "content"]}
    validator = cast("Any", Draft202012Validator)(schema)
    first: ValidationError | None = next(iter(validator.iter_errors(result)), None)
    if first is None:
        return None
    where = ".".join(str(part) for part in cast("Any", first).absolute_path)
    return f"{where}: {first.message}"[:200] if where else first.message[:200]


_ACTION: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"action": {"enum": ["accept", "decline", "cancel"]}},
    "required": ["action"],
}
_SHAPES: Final[dict[Kind, dict[str, Any]]] = {
    "elicitation": _ACTION,
    "elicitation.url": _ACTION,
    "sampling": {"type": "object", "required": ["role", "content"]},
    "roots": {
        "type": "object",
        "properties": {"roots": {"type": "array", "items": {"type": "object", "required": ["uri"]}}},
        "required": ["roots"],
    },
}
