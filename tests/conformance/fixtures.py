"""What the official conformance suite expects to find: its tools, prompts and resources by their exact names.

Loaded with `MCP_TOOL_MODULES=tests/conformance/fixtures.py`. Every tool runs on a worker, as a real one would.
"""

import base64
import time
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field

from tasks.ask import Sampled
from tasks.prompt import Message, prompt
from tasks.resource import resource
from tasks.tool import (
    Audio,
    Elicitation,
    Elicited,
    Embedded,
    Image,
    ProtocolError,
    Roots,
    Run,
    Sampling,
    Text,
    ToolError,
    tool,
)

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
"""One pixel."""
WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQAAAAA="
"""No samples."""
STEP = timedelta(milliseconds=50)


def form(**properties: dict[str, Any]) -> dict[str, Any]:
    """The schema of a form whose fields without a default are required."""
    required = [name for name, schema in properties.items() if "default" not in schema]
    return {"type": "object", "properties": properties, "required": required}


STRING = {"type": "string"}
BOOLEAN = {"type": "boolean"}


def told(answer: Elicited) -> str:
    return f"action={answer.action}, content={dict(answer.content)}"


# Results of every kind


@tool
def test_simple_text() -> str:
    """Answer with text."""
    return "This is a simple text response for testing."


@tool
def test_image_content(run: Run) -> None:
    """Answer with an image."""
    run.attach(Image(PNG, "image/png"))


@tool
def test_audio_content(run: Run) -> None:
    """Answer with a sound."""
    run.attach(Audio(WAV, "audio/wav"))


@tool
def test_embedded_resource(run: Run) -> None:
    """Answer with a resource sent along."""
    text = "This is an embedded resource content."
    run.attach(Embedded("test://embedded-resource", text=text, mime_type="text/plain"))


@tool
def test_multiple_content_types(run: Run) -> None:
    """Answer with text, an image and a resource."""
    run.attach(Text("Multiple content types test:"))
    run.attach(Image(PNG, "image/png"))
    data = '{"test":"data","value":123}'
    run.attach(Embedded("test://mixed-content-resource", text=data, mime_type="application/json"))


@tool
def test_error_handling() -> str:
    """Fail, saying so."""
    raise ToolError("This tool intentionally returns an error for testing")


@tool
def test_tool_with_progress(run: Run) -> str:
    """Report progress at 0, 50 and 100."""
    for done in (0, 50, 100):
        run.progress(done, 100, f"Completed step {done} of 100")
        run.sleep(STEP)
    return "done"


@tool
def test_tool_with_logging(run: Run) -> str:
    """Log three times."""
    for message in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        run.log("info", message)
        run.sleep(STEP)
    return "logged"


@tool
def test_logging_tool(run: Run) -> str:
    """Log at three levels, to whoever asked for it."""
    run.log("debug", "This is a debug message")
    run.log("info", "This is an info message")
    run.log("error", "This is an error message")
    return "logged"


@tool(
    input_schema={
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "addressDef",
                "type": "object",
                "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
            }
        },
        "properties": {
            "name": {"type": "string"},
            "address": {"$ref": "#/$defs/address"},
            "contactMethod": {"type": "string", "enum": ["phone", "email"]},
            "phone": {"type": "string"},
            "email": {"type": "string"},
        },
        "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
        "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
        "then": {"required": ["phone"]},
        "else": {"required": ["email"]},
        "additionalProperties": False,
    }
)
def json_schema_2020_12_tool(**arguments: Any) -> str:
    """Take arguments that only JSON Schema 2020-12 can describe."""
    return f"called with {sorted(arguments)}"


@tool(annotations={"readOnlyHint": True})
def test_reconnection(run: Run) -> str:
    """Send the client away in mid-call, and be done when it is back."""
    run.hang_up()
    run.sleep(timedelta(milliseconds=100))
    return "Reconnection test completed successfully."


# Questions


@tool
def test_sampling(run: Run, prompt: str) -> str:
    """Let the client's model answer."""
    return f"LLM response: {run.ask(Sampling(prompt, max_tokens=100)).text}"


@tool
def test_elicitation(run: Run, message: str) -> str:
    """Ask for a name and an address."""
    schema = form(
        username={"type": "string", "description": "User's response"},
        email={"type": "string", "description": "User's email address"},
    )
    return f"User response: {told(run.ask(Elicitation(message, schema)))}"


@tool
def test_elicitation_sep1034_defaults(run: Run) -> str:
    """Ask with a default for every type."""
    schema = form(
        name={"type": "string", "default": "John Doe"},
        age={"type": "integer", "default": 30},
        score={"type": "number", "default": 95.5},
        status={"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        verified={"type": "boolean", "default": True},
    )
    return f"Elicitation completed: {told(run.ask(Elicitation('Please review', schema)))}"


@tool
def test_elicitation_sep1330_enums(run: Run) -> str:
    """Ask with every form of choice."""
    options = ["option1", "option2", "option3"]
    titled = [{"const": f"value{n}", "title": name} for n, name in enumerate(("First", "Second", "Third"), 1)]
    schema = form(
        untitledSingle={"type": "string", "enum": options},
        titledSingle={"type": "string", "oneOf": titled},
        untitledMulti={"type": "array", "items": {"type": "string", "enum": options}},
        titledMulti={"type": "array", "items": {"anyOf": titled}},
        legacyEnum={"type": "string", "enum": ["opt1", "opt2", "opt3"], "enumNames": ["One", "Two", "Three"]},
    )
    schema["required"] = []
    return f"Elicitation completed: {told(run.ask(Elicitation('Please choose', schema)))}"


@tool
def test_streaming_elicitation(run: Run) -> str:
    """Report progress, then ask."""
    run.progress(1, 2, "about to ask")
    return told(run.ask(Elicitation("Go on?", form(confirm=BOOLEAN)), key="confirm"))


@tool
def test_missing_capability(run: Run) -> str:
    """Need a model, whatever the client has."""
    return run.ask(Sampling("Say hello", max_tokens=10)).text


@tool
def test_input_required_result_elicitation(run: Run) -> str:
    """Ask for a name."""
    answer = run.ask(Elicitation("What is your name?", form(name=STRING)), key="user_name")
    return f"Hello, {answer.content.get('name', 'stranger')}!"


@tool
def test_input_required_result_sampling(run: Run) -> str:
    """Ask the client's model."""
    return run.ask(Sampling("What is the capital of France?", max_tokens=100), key="capital_question").text


@tool
def test_input_required_result_list_roots(run: Run) -> str:
    """Ask for the roots."""
    return "Roots: " + ", ".join(root.uri for root in run.ask(Roots(), key="client_roots"))


@tool
def test_input_required_result_request_state(run: Run) -> str:
    """Ask, and go on from where it was asked."""
    answer = run.ask(Elicitation("Please confirm", form(ok=BOOLEAN)), key="confirm")
    return f"state-ok: {answer.content.get('ok')}"


@tool
def test_input_required_result_multiple_inputs(run: Run) -> str:
    """Ask three things at once."""
    answers = run.ask_all(
        {
            "user_name": Elicitation("What is your name?", form(name=STRING)),
            "greeting": Sampling("Generate a greeting", max_tokens=50),
            "client_roots": Roots(),
        }
    )
    greeting = answers["greeting"]
    return f"{len(answers)} answers, and the model says {greeting.text if isinstance(greeting, Sampled) else ''}"


@tool
def test_input_required_result_multi_round(run: Run) -> str:
    """Ask twice, one after the other."""
    name = run.ask(Elicitation("Step 1: your name?", form(name=STRING)), key="step1").content.get("name")
    color = run.ask(Elicitation("Step 2: your favourite colour?", form(color=STRING)), key="step2").content.get("color")
    return f"{name} likes {color}"


@tool
def test_input_required_result_tampered_state(run: Run) -> str:
    """Ask; what comes back with a changed state is refused."""
    return told(run.ask(Elicitation("Please confirm", form(ok=BOOLEAN)), key="confirm"))


@tool
def test_input_required_result_capabilities(run: Run) -> str:
    """Ask only what the client takes."""
    try:
        return run.ask(Sampling("Say hello", max_tokens=10), key="greeting").text
    except ToolError:
        return told(run.ask(Elicitation("Go on?", form(ok=BOOLEAN)), key="confirm"))


# Headers and changes


@tool
def test_x_mcp_header(region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})]) -> str:
    """Take an argument that is also a header."""
    return f"region {region}"


@tool
def test_trigger_tool_change(run: Run) -> str:
    """Say that the tools changed."""
    run.changed("tools")
    return "announced"


@tool
def test_trigger_prompt_change(run: Run) -> str:
    """Say that the prompts changed."""
    run.changed("prompts")
    return "announced"


# Resources


@resource("test://static-text")
def static_text() -> str:
    """Text that never changes."""
    return "This is the content of the static text resource."


@resource("test://static-binary", mime_type="image/png")
def static_binary() -> bytes:
    """Bytes that never change."""
    return base64.b64decode(PNG)


@resource("test://template/{id}/data", mime_type="application/json")
def template_data(id: str) -> dict[str, Any]:  # noqa: A002  # the suite's name for it
    """Data made from the URI."""
    return {"id": id, "templateTest": True, "data": f"Data for ID: {id}"}


@resource("test://watched-resource")
def watched_resource() -> str:
    """What may be subscribed to."""
    return "Watched resource content"


# Prompts


@prompt
def test_simple_prompt() -> str:
    """A prompt without arguments."""
    return "This is a simple prompt for testing."


@prompt
def test_prompt_with_arguments(
    arg1: Annotated[str, Field(description="First test argument")],
    arg2: Annotated[str, Field(description="Second test argument")],
) -> str:
    """A prompt with two arguments."""
    return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"


@test_prompt_with_arguments.completes("arg1")
def suggestions(typed: str) -> list[str]:
    return [word for word in ("paris", "park", "party") if word.startswith(typed)]


@prompt
def test_prompt_with_embedded_resource(
    resourceUri: Annotated[str, Field(description="URI of the resource to embed")],  # noqa: N803  # the suite's name
) -> list[Message]:
    """A prompt with a resource sent along."""
    embedded = Embedded(resourceUri, text="Embedded resource content for testing.", mime_type="text/plain")
    return [Message("user", embedded), Message("user", Text("Please process the embedded resource above."))]


@prompt
def test_prompt_with_image() -> list[Message]:
    """A prompt with an image."""
    return [Message("user", Image(PNG, "image/png")), Message("user", Text("Please analyze the image above."))]


@prompt
def test_input_required_result_prompt(run: Run) -> str:
    """A prompt that asks first."""
    answer = run.ask(Elicitation("What context should the prompt use?", form(context=STRING)), key="user_context")
    return f"Use this context: {answer.content.get('context', 'none')}"


# Tasks


@tool(inline=True)
def greet(name: str) -> str:
    """Greet at once."""
    return f"Hello, {name}!"


@tool(task="always", timeout=120)
def slow_compute(run: Run, seconds: float, label: str = "") -> str:
    """Take so many seconds."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        run.progress(seconds - left, seconds, label)
        run.sleep(timedelta(seconds=min(left, 0.5)))
    return f"computed {label} in {seconds:g} s"


@tool(task="required")
def failing_job(run: Run) -> str:
    """Fail after a second, as a tool fails."""
    run.sleep(timedelta(seconds=1))
    raise ToolError("this job always fails")


@tool(task="always")
def protocol_error_job() -> str:
    """Fail as a protocol does."""
    raise ProtocolError(-32603, "this job always breaks")


@tool(task="always")
def confirm_delete(run: Run, filename: str) -> str:
    """Ask before deleting."""
    answer = run.ask(Elicitation(f"Delete {filename}?", form(confirm=BOOLEAN)), key="confirm")
    return f"deleted {filename}" if answer.content.get("confirm") else f"kept {filename}"


@tool(task="always")
def multi_input(run: Run) -> str:
    """Ask two things at once."""
    answers = run.ask_all(
        {
            "first": Elicitation("The first?", form(name=STRING)),
            "second": Elicitation("The second?", form(name=STRING)),
        }
    )
    return ", ".join(told(answer) for answer in answers.values() if isinstance(answer, Elicited))


@tool(task="slow", task_after=0.2)
def test_tool_with_task(run: Run) -> str:
    """Ask, and then take its time."""
    answer = run.ask(Elicitation("What is your name?", form(name=STRING)), key="user_name")
    run.sleep(timedelta(seconds=1))
    return f"Hello, {answer.content.get('name', 'stranger')}!"
