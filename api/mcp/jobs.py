"""Jobs: what a task is called for clients that do not take tasks, and the tools they look after one with.

A call that outlives its deadline is answered with the id of its job, which goes on.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Final, NotRequired

from mcp.types import CallToolResult, TextContent
from pydantic import Field
from typing_extensions import TypedDict

from api.mcp.durable import DurableTasks, how_far, iso
from storage import traces
from storage.admission import Admission
from storage.errors import NotFound
from storage.events import Ended
from storage.records import Principal, TaskRecord, TaskState
from storage.states import is_ended
from storage.subscriber import Subscriber
from storage.tasks import TaskStore
from tasks.errors import ToolError
from tasks.tool import Run, Tool, tool

RESULT: Final = "job_result"
ID_KEY: Final = "mcp-server-playground/jobId"
"""Where the `_meta` of a result names the job that goes on."""
CANCELLED_WITHIN: Final = timedelta(seconds=5)

JobId = Annotated[str, Field(alias="jobId", min_length=1, max_length=64, description="the id a call or job_list gave")]


class Job(TypedDict):
    jobId: str
    tool: str
    status: Annotated[
        str, Field(description="queued, working, input_required, completed, failed, cancelled or interrupted")
    ]
    createdAt: str
    updatedAt: str
    message: NotRequired[Annotated[str, Field(description="how far it is, or why it ended as it did")]]
    progress: NotRequired[float]
    total: NotRequired[float]


class JobList(TypedDict):
    jobs: list[Job]


@dataclass(frozen=True, kw_only=True)
class Jobs:
    tasks: TaskStore
    admission: Admission
    durable: DurableTasks
    subscriber: Subscriber

    async def find(self, job_id: str, principal: Principal) -> tuple[TaskRecord, TaskState]:
        """The principal's own job; ToolError, for the model to read, when there is none of this id."""
        try:
            record, state = await self.tasks.get(job_id, principal)
        except NotFound:
            raise ToolError(
                "No job of yours has this id: it has expired, or the id is wrong. job_list names yours."
            ) from None
        traces.link(record.meta)
        return record, state

    async def describe(self, record: TaskRecord, state: TaskState) -> Job:
        job = Job(
            jobId=record.id,
            tool=record.tool,
            status=state.status,
            createdAt=iso(record.created_at),
            updatedAt=iso(state.updated_at),
        )
        recent = await self.tasks.recent(record)
        if recent and isinstance(ended := recent[0], Ended):
            if ended.message:
                job["message"] = ended.message
        elif progress := how_far(recent):
            job["message"], job["progress"] = progress.words, progress.done
            if progress.total is not None:
                job["total"] = progress.total
        return job

    async def cancel(self, record: TaskRecord) -> None:
        """Ask for the end, and wait a little for it: a tool that listens ends at once."""
        async with self.subscriber.follow(self.tasks.log_of(record)) as events:
            await self.tasks.cancel(record, f"{record.tool} was cancelled")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CANCELLED_WITHIN.total_seconds()):
                    while not isinstance(self.tasks.decode(record, (await anext(events))[1]), Ended):
                        pass

    async def goes_on(self, called: Tool, record: TaskRecord) -> CallToolResult:
        """The result of a call whose work takes longer than the call may."""
        _, state = await self.tasks.get(record.id, record.principal)
        job = await self.describe(record, state)
        where = f" ({job['message']})" if "message" in job else ""
        asks = " It waits for an answer of yours: call job_result and it is asked." if _asks(state) else ""
        text = (
            f"{record.tool} is still at work{where}, and goes on as job {record.id}.{asks}\n"
            f'To wait for its result, call {RESULT} with {{"jobId": "{record.id}"}}; job_status tells how far it is, '
            "job_cancel stops it. Do not start it again."
        )
        # Structured content would have to fit the schema of a result that is not there yet.
        other = called.output.schema is not None
        return CallToolResult(
            content=[TextContent(type="text", text=text)],
            structured_content=None if other else dict(job),
            is_error=other,
            _meta={ID_KEY: record.id},
        )

    def tools(self) -> Sequence[Tool]:
        """What any client may call; only for jobs of the caller's own."""
        read_only: Any = {"readOnlyHint": True, "openWorldHint": False}

        @tool(inline=True, annotations=read_only)
        async def job_status(run: Run, job_id: JobId) -> Job:
            """Tell how far a job is: a call that took too long to be waited for and goes on by itself."""
            return await self.describe(*await self.find(job_id, run.principal))

        @tool(name=RESULT, inline=True, annotations=read_only, task="never")
        def job_result(job_id: JobId) -> str:
            """Wait for a job, with its progress on the way, and return what it came to."""
            raise NotImplementedError("answered by the relay: it streams")

        @tool(inline=True, annotations={"destructiveHint": True, "idempotentHint": True, "openWorldHint": False})
        async def job_cancel(run: Run, job_id: JobId) -> Job:
            """Stop a job. One that has ended stays as it ended."""
            record, _ = await self.find(job_id, run.principal)
            await self.cancel(record)
            return await self.describe(*await self.find(job_id, run.principal))

        @tool(inline=True, annotations=read_only)
        async def job_list(
            run: Run,
            limit: Annotated[int, Field(ge=1, le=100, description="how many, newest first")] = 20,
            running: Annotated[bool, Field(description="only those that have not ended")] = False,  # noqa: FBT002  # an argument of the tool
        ) -> JobList:
            """List your jobs: calls of long-running tools, as long as their results are kept."""
            ids = await self.admission.own(run.principal)
            found = await self.tasks.several(ids, run.principal)
            wanted = [each for each in found if not (running and is_ended(each[1].status))]
            return {"jobs": [await self.describe(*each) for each in wanted[:limit]]}

        return (job_status, job_result, job_cancel, job_list)


def _asks(state: TaskState) -> bool:
    return state.status == "input_required"
