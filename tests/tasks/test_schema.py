"""From annotations to JSON Schema and back."""

import contextlib
import json
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from tasks.schema import DIALECT, MOST_COMPLAINTS, Arguments, GivenArguments, InvalidArguments, Output
from tasks.tools import TOOLS


class Point(BaseModel):
    x: int
    title: str = "origin"


class Shape(TypedDict):
    points: list[Point]


def draw(
    run: object,
    points: Annotated[list[Point], Field(min_length=1, description="where")],
    how: Literal["line", "dots"] = "line",
    line_width: Annotated[float, Field(alias="lineWidth", gt=0)] = 1.0,
    note: str | None = None,
) -> Shape:
    """Draw."""
    return {"points": points}


ARGUMENTS = Arguments(draw, skip="run")


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_the_schemas_of_every_tool_are_json_schema_2020_12(tool: Any):
    """MCP, tools: input and output schemas."""
    for schema in (tool.arguments.schema, tool.output.schema):
        Draft202012Validator.check_schema(schema)
        assert schema["$schema"] == DIALECT
        assert schema["type"] == "object"
    assert tool.arguments.schema["additionalProperties"] is False


def test_names_are_as_written_unless_an_alias_says_otherwise():
    """Ours: what the signature says is what callers say."""
    properties = ARGUMENTS.schema["properties"]

    assert list(properties) == ["points", "how", "lineWidth", "note"]
    assert properties["how"]["default"] == "line"
    assert ARGUMENTS.schema["required"] == ["points"]
    assert "title" in ARGUMENTS.schema["$defs"]["Point"]["properties"]


def test_arguments_arrive_as_the_function_wants_them():
    """Ours: models are models, aliases are gone, defaults are filled in."""
    parsed = ARGUMENTS.parse(b'{"points": [{"x": 1}], "lineWidth": 2}')

    assert parsed == {"points": [Point(x=1)], "how": "line", "line_width": 2.0, "note": None}


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"{}", "points is required"),
        (b'{"points": []}', "points should have at least 1 item"),
        (b'{"points": [{"x": "1"}]}', "points.0.x should be a valid integer, not '1'"),
        (b'{"points": [{"x": 1}], "how": "curve"}', "how should be 'line' or 'dots', not 'curve'"),
        (b'{"points": [{"x": 1}], "lineWidth": 0}', "lineWidth should be greater than 0, not 0"),
        (
            b'{"points": [{"x": 1}], "line_width": 1}',
            "line_width is unknown; the arguments are: points, how, lineWidth, note",
        ),
        (b'["points"]', "the arguments must be a JSON object"),
        (b"{", "the arguments must be a JSON object"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(raw: bytes, sentence: str):
    """MCP, tools: an input error tells the model what to do better."""
    with pytest.raises(InvalidArguments) as caught:
        ARGUMENTS.parse(raw)

    assert str(caught.value).startswith(sentence)
    assert "pydantic" not in str(caught.value)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_whatever_json_comes_it_parses_or_is_refused(value: Any):
    """Ours: no other exception leaves."""
    for body in (value, {"points": value}, {"points": [value], "how": value}):
        with contextlib.suppress(InvalidArguments):
            ARGUMENTS.parse(json.dumps(body).encode())


def test_an_object_is_structured_as_it_is_and_a_list_is_wrapped():
    """MCP, tools: structured content is an object."""

    def numbers() -> list[int]:
        return [1]

    def words() -> str:
        return "plain"

    assert Output(draw).structured({"points": [Point(x=1)]}) == {"points": [{"x": 1, "title": "origin"}]}
    assert Output(numbers).structured([1, 2]) == {"result": [1, 2]}
    assert (Output(words).schema, Output(words).structured("plain")) == (None, None)


def test_a_function_must_say_what_it_takes_and_returns():
    """Ours: said when the module is loaded, not when the tool is called."""
    vague: Any = eval("lambda anything: anything")  # noqa: S307  # a function without annotations, as users write them

    with pytest.raises(TypeError, match="has no annotation"):
        Arguments(vague, skip=None)
    with pytest.raises(TypeError, match="what it returns"):
        Output(vague)


def test_a_thousand_wrong_arguments_are_told_in_a_few_words():
    """A64: an answer is not many times as long as the question."""

    def one(number: int) -> str:
        return str(number)

    raw = json.dumps({f"{'x' * 1000}{number}": 1 for number in range(1000)}).encode()
    given = GivenArguments({"type": "object", "additionalProperties": {"type": "string"}})

    for arguments in (Arguments(one, skip=None), given):
        with pytest.raises(InvalidArguments) as caught:
            arguments.parse(raw)
        assert len(str(caught.value)) < 400 * MOST_COMPLAINTS


@pytest.mark.parametrize("depth", [100, 500, 900, 5000])
def test_nesting_that_a_recursive_schema_follows_is_refused_in_words(depth: int):
    """A64: no failure, however deep; the schema may refer to itself, and to nobody else."""
    schema = {"type": "object", "properties": {"a": {"anyOf": [{"type": "integer"}, {"$ref": "#"}]}}}
    raw = b'{"a":' * depth + b'"x"' + b"}" * depth

    with pytest.raises(InvalidArguments):
        GivenArguments(schema).parse(raw)
