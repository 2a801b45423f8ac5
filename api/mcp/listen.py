"""`subscriptions/listen`: news for everybody, and of the caller's own tasks, on one stream (2026-07-28)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

import anyio
from mcp import MCPError
from mcp.types import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    SubscriptionFilter,
    SubscriptionsListenRequestParams,
    SubscriptionsListenResult,
)

from api.mcp.caller import Context, caller
from api.mcp.durable import DurableTasks, declares, must_declare
from api.mcp.resources import Resources
from storage.changes import Change, ChangeLog
from storage.errors import NotFound
from storage.records import TaskRecord
from storage.subscriber import Subscriber
from storage.tasks import TaskStore

ID_KEY: Final = "io.modelcontextprotocol/subscriptionId"
MOST_TASKS: Final = 100
"""Tasks that one stream follows."""


@dataclass(frozen=True)
class Listen:
    """Acknowledges what it honours, tells only that, and ends with its result when the process drains."""

    resources: Resources
    changes: ChangeLog
    tasks: TaskStore
    durable: DurableTasks
    subscriber: Subscriber
    _open: set[anyio.CancelScope] = field(default_factory=set[anyio.CancelScope])

    def close(self) -> None:
        """End every stream with its result."""
        for scope in list(self._open):
            scope.cancel()

    async def __call__(self, ctx: Context, params: SubscriptionsListenRequestParams) -> SubscriptionsListenResult:
        if ctx.request_id is None:
            raise MCPError(INVALID_REQUEST, "subscriptions/listen must be a request with an id")
        meta = {ID_KEY: ctx.request_id}
        wanted = self._honoured(params.notifications)
        records = await self._own_tasks(ctx)
        with anyio.CancelScope() as scope:
            self._open.add(scope)
            try:
                await self._tell(ctx, wanted, records, meta)
            finally:
                self._open.discard(scope)
        return SubscriptionsListenResult(_meta=meta)

    def _honoured(self, wanted: SubscriptionFilter) -> SubscriptionFilter:
        if (uris := wanted.resource_subscriptions) is None:
            return wanted
        known = [uri for uri in uris if self.resources.is_known(str(uri))]
        return wanted.model_copy(update={"resource_subscriptions": known or None})

    async def _own_tasks(self, ctx: Context) -> list[TaskRecord]:
        """The tasks asked for that are the caller's; the SDK's types know nothing of them."""
        raw: Any = (ctx.params or {}).get("notifications")
        ids: Any = cast("dict[str, Any]", raw).get("taskIds") if isinstance(raw, dict) else None
        if ids is None:
            return []
        if not declares(ctx):
            raise must_declare("taskIds")
        if not isinstance(ids, list) or len(cast("list[Any]", ids)) > MOST_TASKS:
            raise MCPError(INVALID_PARAMS, f"notifications.taskIds must be a list of at most {MOST_TASKS} task ids")
        found = [await self.durable.find(ctx, str(task_id)) for task_id in cast("list[Any]", ids)]
        return [record for record in found if record is not None]

    async def _tell(
        self, ctx: Context, wanted: SubscriptionFilter, records: list[TaskRecord], meta: dict[str, Any]
    ) -> None:
        line = caller(ctx).line
        by_log = {self.tasks.log_of(record): record for record in records}
        after = {self.changes.name: await self.changes.newest()}
        for log, record in by_log.items():
            newest = await self.tasks.newest(record)
            after[log] = newest[0] if newest else "0-0"
        async with self.subscriber.follow_all(after) as entries:
            acknowledged: dict[str, Any] = wanted.model_dump(by_alias=True, mode="json", exclude_none=True)
            acknowledged |= {"taskIds": [record.id for record in records]} if records else {}
            await line.notify(
                "notifications/subscriptions/acknowledged", {"notifications": acknowledged, "_meta": meta}
            )
            for record in records:
                # What a task is now: it may have ended just before anybody listened.
                await self._tell_task(ctx, record, meta)
            async for name, (_, payload) in entries:
                if record := by_log.get(name):
                    await self._tell_task(ctx, record, meta)
                elif told := _told(self.changes.decode(payload), wanted):
                    method, params = told
                    await line.notify(method, {**params, "_meta": meta})

    async def _tell_task(self, ctx: Context, record: TaskRecord, meta: Mapping[str, Any]) -> None:
        try:
            body = await self.durable.detailed(record)
        except NotFound:
            return
        own = body.pop("_meta", {})
        await caller(ctx).line.notify("notifications/tasks", {**body, "_meta": {**own, **meta}})


def _told(change: Change, wanted: SubscriptionFilter) -> tuple[str, dict[str, Any]] | None:
    lists = {
        "tools": wanted.tools_list_changed,
        "prompts": wanted.prompts_list_changed,
        "resources": wanted.resources_list_changed,
    }
    if lists.get(change.what):
        return f"notifications/{change.what}/list_changed", {}
    if change.what == "resource" and change.uri in [str(uri) for uri in wanted.resource_subscriptions or ()]:
        return "notifications/resources/updated", {"uri": change.uri}
    return None
