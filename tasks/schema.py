"""From a function's annotations to JSON Schema 2020-12, and from JSON back to its arguments."""

import inspect
import json
import re
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any, Final, cast

from jsonschema import Draft202012Validator
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model
from pydantic_core import ErrorDetails
from referencing import Registry

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
WRAPPED: Final = "result"
"""The property that carries a return value which is not an object."""
MOST_COMPLAINTS: Final = 10
"""What is wrong with the arguments of one call, as far as its caller is told."""

_EXPECTED: Final = re.compile(r"^(Value error, |(Input|String|List|Dictionary|Set|Tuple) )| after validation, not \d+$")
"""What pydantic says around the words that matter."""


class InvalidArguments(Exception):
    """Arguments a tool does not take, in one sentence for the caller."""


class Arguments:
    """The arguments of one function. *skip* names a parameter that callers do not give."""

    def __init__(self, function: Callable[..., object], *, skip: str | None) -> None:
        fields: dict[str, Any] = {}
        for parameter in inspect.signature(function, eval_str=True).parameters.values():
            if parameter.name == skip:
                continue
            if parameter.annotation is parameter.empty:
                raise TypeError(f"parameter {parameter.name!r} of {function.__name__} has no annotation")
            default = Field() if parameter.default is parameter.empty else parameter.default
            fields[parameter.name] = (parameter.annotation, default)
        config = ConfigDict(extra="forbid", hide_input_in_errors=True)
        self._model: type[BaseModel] = create_model(function.__name__, __config__=config, **fields)
        self.schema = _schema(self._model.model_json_schema(by_alias=True))

    def parse(self, raw: bytes) -> dict[str, Any]:
        """Keyword arguments from a JSON object; InvalidArguments names every argument that is wrong."""
        try:
            parsed = self._model.model_validate_json(raw, strict=True)
        except ValidationError as error:
            known = tuple(cast("Mapping[str, Any]", self.schema["properties"]))
            found = [_complaint(detail, known) for detail in error.errors(include_url=False, include_context=False)]
            raise InvalidArguments("; ".join(list(dict.fromkeys(found))[:MOST_COMPLAINTS])) from None
        return {name: getattr(parsed, name) for name in type(parsed).model_fields}


class GivenArguments:
    """Arguments described by a JSON Schema of the tool's own, which clients see word for word."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        cast("Any", Draft202012Validator).check_schema(schema)
        self.schema = dict(schema)
        # An empty registry: a `$ref` to another host is refused, never fetched.
        self._validator = cast("Any", Draft202012Validator)(self.schema, registry=cast("Any", Registry)())

    def parse(self, raw: bytes) -> dict[str, Any]:
        """The JSON object itself; InvalidArguments names what the schema refuses."""
        try:
            parsed = json.loads(raw)
            if not isinstance(parsed, dict):
                raise InvalidArguments("the arguments must be a JSON object")
            found = [_refusal(error) for error in islice(self._validator.iter_errors(parsed), MOST_COMPLAINTS)]
        except RecursionError:
            raise InvalidArguments("the arguments are nested too deeply") from None
        if found:
            raise InvalidArguments("; ".join(dict.fromkeys(found)))
        return cast("dict[str, Any]", parsed)


def _refusal(error: Any) -> str:  # noqa: ANN401  # jsonschema ships no types
    where = ".".join(str(part) for part in error.absolute_path)[:100]
    message = str(error.message)[:200]
    return f"{where}: {message}" if where else message


class Output:
    """What one function returns: its schema, and how a value is brought into that shape."""

    def __init__(self, function: Callable[..., object]) -> None:
        annotation = inspect.signature(function, eval_str=True).return_annotation
        if annotation is inspect.Signature.empty:
            raise TypeError(f"{function.__name__} does not say what it returns")
        self._adapter: TypeAdapter[Any] | None = None
        self.schema: dict[str, Any] | None = None
        self.wrapped = False
        if annotation in (str, None):
            return
        self._adapter = TypeAdapter(annotation)
        schema = self._adapter.json_schema(mode="serialization", by_alias=True)
        self.wrapped = schema.get("type") != "object" and "$ref" not in schema
        if self.wrapped:
            definitions = {"$defs": schema.pop("$defs")} if "$defs" in schema else {}
            schema = {"type": "object", "properties": {WRAPPED: schema}, "required": [WRAPPED], **definitions}
        self.schema = _schema(schema)

    def structured(self, value: object) -> dict[str, Any] | None:
        """*value* as the object the schema describes; None for plain text. ValidationError when it does not fit."""
        if self._adapter is None:
            return None
        checked = self._adapter.validate_python(value)
        plain = self._adapter.dump_python(checked, mode="json", by_alias=True)
        return {WRAPPED: plain} if self.wrapped else plain


def _schema(schema: dict[str, Any]) -> dict[str, Any]:
    """Resolve a top-level reference, drop generated titles, and name the dialect."""
    if "$ref" in schema:
        definitions = schema["$defs"]
        schema = {**definitions[schema["$ref"].rpartition("/")[2]], "$defs": definitions}
    return {"$schema": DIALECT, "type": "object", "properties": {}, **_untitled(schema)}


def _untitled(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without the titles that pydantic makes from names; a property called `title` stays."""
    plain: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "title" and isinstance(value, str):
            continue
        if key in ("properties", "$defs"):
            plain[key] = {name: _untitled(part) for name, part in value.items()}
        elif isinstance(value, dict) and key not in ("default", "examples", "const"):
            plain[key] = _untitled(cast("dict[str, Any]", value))
        elif isinstance(value, list) and key in ("anyOf", "allOf", "oneOf", "prefixItems"):
            plain[key] = [_untitled(part) for part in cast("list[dict[str, Any]]", value)]
        else:
            plain[key] = value
    return plain


def _complaint(detail: ErrorDetails, known: tuple[str, ...]) -> str:
    where = ".".join(str(part) for part in detail["loc"])[:100]
    match detail["type"]:
        case "missing":
            return f"{where} is required"
        case "extra_forbidden":
            return f"{where} is unknown; the arguments are: {', '.join(known) or 'none'}"
        case "json_invalid" | "model_type" | "model_attributes_type":
            return "the arguments must be a JSON object"
        case _:
            expected = _EXPECTED.sub("", detail["msg"])
            return f"{where} {expected[:1].lower()}{expected[1:]}, not {_given(detail['input'])}"


def _given(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."  # noqa: PLR2004  # enough to recognise it
