"""Questions in the stateless era: a result that asks, and a retry that answers (2026-07-28, multi round-trip requests).

What the server must remember between the two travels in `requestState`, which `RequestStateBoundary` seals and binds
to principal, method and arguments. For a task that waits it is the task's id; for a function that is called again it
is the answers it has got so far.
"""

from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec
from mcp import MCPError
from mcp.types import INVALID_PARAMS, InputRequiredResult

from api.mcp.caller import Context
from api.mcp.translate import request
from tasks.ask import Question, complaint

INVALID_STATE: Final = MCPError(INVALID_PARAMS, "Invalid or expired requestState", {"reason": "invalid_request_state"})


class Waiting(msgspec.Struct, frozen=True, tag="task"):
    """The task waits for the answers; its log is read on after *entry*."""

    task: str
    entry: str


class Answered(msgspec.Struct, frozen=True, tag="answers"):
    """The answers so far, by key, as `{"result": ...}`."""

    answers: dict[str, msgspec.Raw]


State = Waiting | Answered

_DECODER: "msgspec.json.Decoder[State]" = msgspec.json.Decoder(State)


def state_of(ctx: Context) -> State | None:
    """What a retry brings back, already opened by the boundary; None on a first call."""
    given = (ctx.params or {}).get("requestState")
    if given is None:
        return None
    try:
        return _DECODER.decode(cast("str", given).encode())
    except (msgspec.DecodeError, AttributeError):
        raise INVALID_STATE from None


def answers_to(ctx: Context, questions: Mapping[str, Question]) -> dict[str, bytes]:
    """The usable answers to *questions* in this retry; others are left out, and so asked for again."""
    given: Any = (ctx.params or {}).get("inputResponses")
    if not isinstance(given, dict):
        return {}
    responses = cast("dict[str, Any]", given)
    usable = {key: responses[key] for key in questions if key in responses}
    return {
        key: msgspec.json.encode({"result": result})
        for key, result in usable.items()
        if complaint(questions[key], result) is None
    }


def requests(questions: Mapping[str, Question]) -> dict[str, Any]:
    """`inputRequests`: the questions by key."""
    asked: dict[str, Any] = {}
    for key, question in questions.items():
        method, params = request(question)
        asked[key] = {"method": method, "params": params} if params else {"method": method}
    return asked


def required(questions: Mapping[str, Question], state: State) -> InputRequiredResult:
    """The result that asks."""
    plain = {"inputRequests": requests(questions), "requestState": msgspec.json.encode(state).decode()}
    return InputRequiredResult.model_validate(plain, by_name=False)
