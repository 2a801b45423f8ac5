"""`io.modelcontextprotocol/tasks` (SEP-2663): a call that became a task, asked for, answered and cancelled by its id.

Any replica serves any of it, and a task of another principal does not exist.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from mcp import MCPError
from mcp.types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    RequestParams,
)
from mcp.types.version import MODERN_PROTOCOL_VERSIONS

from api.mcp.caller import Context, caller
from api.mcp.inputs import answers_to, requests
from api.mcp.translate import call_result, wire
from storage import traces
from storage.connection import Unsure
from storage.errors import NotFound
from storage.events import Ended, Event, Progress, Text
from storage.records import TaskRecord, TaskState
from storage.states import Status
from storage.tasks import TaskStore
from tasks.ask import Question, restored
from tasks.insist import make_sure
from tasks.outcome import restored as restored_result

EXTENSION: Final = "io.modelcontextprotocol/tasks"
POLL_EVERY: Final = 1000
"""Milliseconds between two polls that we suggest."""
PROGRESS_KEY: Final = "mcp-server-playground/progress"
"""Where a task's `_meta` carries how far it is, as numbers."""

_SHOWN: Final[Mapping[Status, str]] = {
    "queued": "working",
    "working": "working",
    "input_required": "input_required",
    "completed": "completed",
    "failed": "failed",
    "interrupted": "failed",
    "cancelled": "cancelled",
}


STATE_WITHIN: Final = 5.0
"""Seconds to wait for the state of a task that its client has not been told of."""


def shown(status: Status) -> str:
    """A status in the protocol's words."""
    return _SHOWN[status]


class TaskParams(RequestParams):
    """The params of every `tasks/*` method."""

    task_id: str
    input_responses: dict[str, Any] | None = None


def declares(ctx: Context) -> bool:
    """Whether the client of this very request takes tasks; in the handshake eras the extension is not defined."""
    capabilities = ctx.session.client_capabilities
    extensions = (capabilities.extensions if capabilities else None) or {}
    return ctx.protocol_version in MODERN_PROTOCOL_VERSIONS and EXTENSION in extensions


def must_declare(why: str) -> MCPError:
    """-32021 for a client that did not say it takes tasks."""
    data: dict[str, Any] = {"requiredCapabilities": {"extensions": {EXTENSION: {}}}}
    return MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, f"{why} needs the client capability {EXTENSION}", data)


@dataclass(frozen=True)
class DurableTasks:
    tasks: TaskStore
    ttl_ms: int
    """How long a task stays readable, from its creation on."""

    async def created(self, record: TaskRecord) -> dict[str, Any]:
        """CreateTaskResult, for a task that is stored: any replica finds it from now on.

        Its client must have it even if Redis has gone away just now: it works, whoever knows of it.
        """
        try:
            _, state = await make_sure(
                lambda: self.tasks.get(record.id, record.principal), "a new task's state", within=STATE_WITHIN
            )
        except Unsure:
            state = TaskState(status="queued", updated_at=record.created_at)
        return {"resultType": "task", **self.task(record, state)}

    async def get(self, ctx: Context, params: TaskParams) -> dict[str, Any]:
        record, state = await self._own(ctx, params)
        return {"resultType": "complete", **await self.detailed(record, state)}

    async def update(self, ctx: Context, params: TaskParams) -> dict[str, Any]:
        """Answers to open questions; what was answered, never asked, or does not fit, is left as it is."""
        record, _ = await self._own(ctx, params)
        for key, answer in answers_to(ctx, await self.questions(record)).items():
            await self.tasks.answer(record, key, answer)
        return {"resultType": "complete"}

    async def cancel(self, ctx: Context, params: TaskParams) -> dict[str, Any]:
        """An acknowledgement, for a task that ended too: the first final status stays."""
        record, _ = await self._own(ctx, params)
        await self.tasks.cancel(record, "cancelled by its client")
        return {"resultType": "complete"}

    async def find(self, ctx: Context, task_id: str) -> TaskRecord | None:
        """The caller's own task; None when there is none of this id."""
        try:
            return (await self.tasks.get(task_id, caller(ctx).principal))[0]
        except NotFound:
            return None

    async def questions(self, record: TaskRecord) -> dict[str, Question]:
        return {key: restored(plain) for key, plain in (await self.tasks.open_questions(record)).items()}

    async def detailed(self, record: TaskRecord, state: TaskState | None = None) -> dict[str, Any]:
        """DetailedTask: the task, and what it asks, its result, or its error."""
        if state is None:
            _, state = await self.tasks.get(record.id, record.principal)
        recent = await self.tasks.recent(record)
        body = self.task(record, state, how_far(recent))
        if state.status == "input_required":
            body["inputRequests"] = requests(await self.questions(record))
        elif recent and isinstance(ended := recent[0], Ended):
            body |= _ending(ended)
        return body

    def task(self, record: TaskRecord, state: TaskState, progress: "HowFar | None" = None) -> dict[str, Any]:
        """Task: what every answer about one says of it."""
        body: dict[str, Any] = {
            "taskId": record.id,
            "status": shown(state.status),
            "createdAt": iso(record.created_at),
            "lastUpdatedAt": iso(state.updated_at),
            "ttlMs": self.ttl_ms,
            "pollIntervalMs": POLL_EVERY,
        }
        if state.status == "queued":
            body["statusMessage"] = "queued"
        if progress is not None:
            body["statusMessage"] = progress.words
            body["_meta"] = {PROGRESS_KEY: {"progress": progress.done, "total": progress.total}}
        return body

    async def _own(self, ctx: Context, params: TaskParams) -> tuple[TaskRecord, TaskState]:
        """The caller's task. MCPError when the era or the client has no tasks, and when this one is not theirs."""
        if ctx.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            raise MCPError(METHOD_NOT_FOUND, "Method not found", ctx.method)
        if not declares(ctx):
            raise must_declare(ctx.method)
        try:
            record, state = await self.tasks.get(params.task_id, caller(ctx).principal)
        except NotFound:
            raise MCPError(INVALID_PARAMS, "Unknown task: it expired, or was never yours") from None
        traces.link(record.meta)
        return record, state


def _ending(ended: Ended) -> dict[str, Any]:
    """`failed` is for what is not a result of the tool (2026-07-28, tasks: status)."""
    if ended.message:
        said: dict[str, Any] = {"statusMessage": ended.message}
    else:
        said = {}
    if ended.status == "completed":
        return {**said, "result": wire(call_result(restored_result(ended.outcome)))}
    if ended.status == "cancelled":
        return said
    return {**said, "error": ended.error or {"code": INTERNAL_ERROR, "message": ended.message or "the task failed"}}


@dataclass(frozen=True)
class HowFar:
    """The newest progress of a task, as numbers and in words."""

    done: float
    total: float | None
    words: str


def how_far(recent: Sequence[Event]) -> HowFar | None:
    """From the last events, newest first; None when nothing was reported lately."""
    found = next((event for event in recent if isinstance(event, Progress | Text)), None)
    if found is None:
        return None
    total = "" if found.total is None else f" of {found.total:g}"
    text = found.message if isinstance(found, Progress) else ""
    return HowFar(found.done, found.total, f"{found.done:g}{total}: {text}" if text else f"{found.done:g}{total}")


def iso(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
