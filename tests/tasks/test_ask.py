"""Questions to the client, and what counts as an answer."""

import dataclasses
from typing import Any, Literal

import msgspec
import pytest

from tasks.ask import (
    Answer,
    Elicitation,
    Elicited,
    Question,
    Root,
    Roots,
    Sampled,
    Sampling,
    UrlElicitation,
    check_supported,
    kind_of,
    parse,
    restored,
)
from tasks.errors import Unanswered, Unsupported

FIELDS: dict[str, Any] = {"name": {"type": "string"}, "age": {"type": "integer"}}
FORM = Elicitation("Who?", {"type": "object", "properties": FIELDS, "required": ["name"]})
WRONG: list[tuple[Question, Any, str]] = [
    (FORM, {"action": "accept", "content": {}}, "'name' is a required property"),
    (FORM, {"action": "accept", "content": {"name": "Ada", "age": "x"}}, "content.age: 'x' is not of type 'integer'"),
    (FORM, {"action": "accept"}, "'content' is a required property"),
    (FORM, {"action": "perhaps"}, "'perhaps' is not one of"),
    (FORM, "yes", "is not of type 'object'"),
    (Sampling("Hello"), {"role": "assistant"}, "'content' is a required property"),
    (Roots(), {"roots": [{}]}, "'uri' is a required property"),
]
QUESTIONS: list[Question] = [FORM, UrlElicitation("Sign in", "https://example.com"), Sampling("Hello"), Roots()]


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_survives_being_stored(question: Question):
    """Ours: the replica that tells the client is not the worker that asked."""
    assert restored(msgspec.json.decode(msgspec.json.encode(question))) == question


@pytest.mark.parametrize(
    ("question", "result", "answer"),
    [
        (FORM, {"action": "accept", "content": {"name": "Ada"}}, Elicited("accept", {"name": "Ada"})),
        (FORM, {"action": "decline"}, Elicited("decline", {})),
        (FORM, {"action": "cancel", "content": None}, Elicited("cancel", {})),
        (QUESTIONS[1], {"action": "accept"}, Elicited("accept", {})),
        (
            Sampling("Hello"),
            {"role": "assistant", "content": {"type": "text", "text": "hi"}, "model": "m"},
            Sampled("hi", "m", {"type": "text", "text": "hi"}),
        ),
        (
            Roots(),
            {"roots": [{"uri": "file:///x", "name": "x"}, {"uri": "file:///y"}]},
            (Root("file:///x", "x"), Root("file:///y")),
        ),
    ],
)
def test_an_answer_becomes_what_the_tool_can_use(question: Question, result: dict[str, Any], answer: Answer):
    """MCP: elicitation, sampling, roots."""
    assert parse(question, msgspec.json.encode({"result": result})) == answer


@pytest.mark.parametrize(("question", "result", "sentence"), WRONG)
def test_an_answer_that_fits_not_says_where(question: Question, result: Any, sentence: str):
    """MCP, elicitation: the server validates what it gets."""
    with pytest.raises(Unanswered) as caught:
        parse(question, msgspec.json.encode({"result": result}))

    assert sentence in str(caught.value)


def test_a_client_that_refuses_is_quoted():
    """Ours: the tool, and whoever called it, learn why."""
    with pytest.raises(Unanswered, match="User rejected sampling request"):
        parse(Sampling("Hello"), b'{"error":{"code":-1,"message":"User rejected sampling request"}}')


def test_only_what_the_client_takes_is_asked():
    """MCP, capabilities: the kind that is missing is named."""
    check_supported([FORM, Roots()], ["elicitation", "roots"])

    with pytest.raises(Unsupported, match=r"elicitation\.url") as caught:
        check_supported([FORM, QUESTIONS[1]], ["elicitation"])
    assert caught.value.kind == kind_of(QUESTIONS[1])


@dataclasses.dataclass
class Deploy:
    version: str
    where: Literal["staging", "production"]
    force: bool = False


def test_a_form_can_be_made_of_a_type():
    """Ours: a tool author writes fields, not JSON Schema."""
    form = Elicitation.of("Deploy?", Deploy)

    assert form.schema["required"] == ["version", "where"]
    assert form.schema["properties"]["where"]["enum"] == ["staging", "production"]
