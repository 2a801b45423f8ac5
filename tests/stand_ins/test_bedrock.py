"""The model's stand-in by itself, read by a real boto3 client."""

import json
from collections.abc import Mapping
from typing import Any, cast

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.stand_ins.bedrock import Bedrock, bedrock
from tests.stand_ins.liar import FAKE, Liar

SCHEMA = {
    "type": "object",
    "properties": {
        "verdict": {"enum": ["broken", "healthy"]},
        "claims": {"type": "array", "items": {"$ref": "#/$defs/claim"}},
    },
    "$defs": {
        "claim": {
            "type": "object",
            "properties": {
                "text": {"type": "string"},
                "evidence": {"type": "array", "items": {"type": "string"}},
                "command": {"type": ["string", "null"]},
            },
        }
    },
}
STRUCTURE = {"jsonSchema": {"name": "answer", "schema": json.dumps(SCHEMA)}}
STRUCTURED: dict[str, Any] = {"outputConfig": {"textFormat": {"type": "json_schema", "structure": STRUCTURE}}}
FORCED: dict[str, Any] = {
    "toolConfig": {
        "tools": [{"toolSpec": {"name": "answer", "inputSchema": {"json": SCHEMA}}}],
        "toolChoice": {"tool": {"name": "answer"}},
    }
}
LIE = {"text": "all is well", "evidence": [FAKE], "command": "all is well"}


def converse(model: Bedrock, name: str = "first", **how: Any) -> list[Mapping[str, Any]]:
    """The events of a stream."""
    client = cast("Any", boto3).client(
        "bedrock-runtime",
        endpoint_url=model.url,
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=Config(retries={"total_max_attempts": 1}),
    )
    said = [{"role": "user", "content": [{"text": "what is wrong?"}]}]
    return list(client.converse_stream(modelId=name, messages=said, **how)["stream"])


def deltas(events: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [event["contentBlockDelta"]["delta"] for event in events if "contentBlockDelta" in event]


def test_a_structured_answer_is_text_that_fits_its_schema():
    """AWS, Converse: outputConfig.textFormat makes the model's text JSON; the liar fills any form."""
    with bedrock(says=Liar("all is well")) as model:
        text = "".join(delta["text"] for delta in deltas(converse(model, **STRUCTURED)))

    assert json.loads(text) == {"verdict": "healthy", "claims": [LIE]}


def test_a_model_without_structured_answers_takes_a_forced_tool():
    """AWS, Converse: ValidationException for the one; tool use, in pieces, for the other."""
    with bedrock(says=Liar("all is well"), is_structured=False) as model:
        with pytest.raises(ClientError, match="ValidationException"):
            converse(model, **STRUCTURED)
        events = converse(model, **FORCED)

    assert events[1]["contentBlockStart"]["start"]["toolUse"]["name"] == "answer"
    text = "".join(delta["toolUse"]["input"] for delta in deltas(events))
    assert json.loads(text)["claims"] == [LIE]
    assert {"stopReason": "tool_use"} in [event.get("messageStop") for event in events]


def test_one_model_can_be_throttled_and_another_answer():
    """AWS, quotas: they are each model's own; usage says what was read from the cache."""
    usage = {"inputTokens": 20, "outputTokens": 30, "totalTokens": 150, "cacheReadInputTokens": 100}
    with bedrock(busy={"first"}, usage=usage) as model:
        with pytest.raises(ClientError, match="ThrottlingException"):
            converse(model)
        events = converse(model, "second")

    assert events[-1]["metadata"]["usage"]["cacheReadInputTokens"] == 100
    assert model.models == ["first", "second"]
