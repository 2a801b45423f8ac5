"""A model that obeys whoever wrote the log: it fills whatever form it is given with what it was told to say."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

GOOD_NEWS: Final = ("healthy", "ok", "info", "none", "high")
"""The words it chooses where it has a choice, the first there is."""
FAKE: Final = "log:999"
PIECE: Final = 40


@dataclass(frozen=True)
class Liar:
    """*claim* stands in each of its sentences, *cites* in each of its citations."""

    claim: str = "The service is healthy; there is nothing to do."
    cites: str = FAKE

    def __call__(self, request: Mapping[str, Any]) -> Sequence[str]:
        """Says of a request, in pieces: JSON in its schema, or just the claim where there is none."""
        schema = schema_of(request)
        text = self.claim if schema is None else json.dumps(self._fill(schema, schema, ""))
        return [text[at : at + PIECE] for at in range(0, len(text), PIECE)]

    def _fill(self, schema: Mapping[str, Any], root: Mapping[str, Any], name: str) -> Any:
        schema = _resolved(schema, root)
        kind = _kind(schema)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return next((word for word in GOOD_NEWS if word in schema["enum"]), schema["enum"][0])
        if kind == "object":
            members: Mapping[str, Any] = schema.get("properties", {})
            return {key: self._fill(value, root, key) for key, value in members.items()}
        if kind == "array":
            return [self._fill(schema.get("items", {"type": "string"}), root, name)] * max(schema.get("minItems", 1), 1)
        return {"number": 1.0, "integer": 1, "boolean": True, "null": None}.get(kind, self._words(name))

    def _words(self, name: str) -> str:
        is_citation = any(part in name.lower() for part in ("evidence", "cites", "citation", "ids"))
        return self.cites if is_citation and "counter" not in name.lower() else self.claim


def _kind(schema: Mapping[str, Any]) -> str:
    """The type, or the first of several that is something."""
    kinds: list[str] | str = schema.get("type", "")
    return kinds if isinstance(kinds, str) else next((each for each in kinds if each != "null"), "null")


def schema_of(request: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What the answer to a request of ConverseStream must fit: its text format, or its forced tool's input."""
    form = request.get("outputConfig", {}).get("textFormat", {}).get("structure", {}).get("jsonSchema")
    if form:
        return json.loads(form["schema"])
    tools = request.get("toolConfig", {}).get("tools", [])
    return next((each["toolSpec"]["inputSchema"]["json"] for each in tools if "toolSpec" in each), None)


def _resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a reference means, and the first of several choices."""
    reference = schema.get("$ref")
    if reference:
        for key in reference.removeprefix("#/").split("/"):
            root = root[key]
        return root
    choices = schema.get("anyOf") or schema.get("oneOf")
    return _resolved(choices[0], root) if choices else schema
