"""The resources: what modules offer, and the results that tools were asked to keep."""

import base64
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from mcp import MCPError
from mcp.types import (
    INVALID_PARAMS,
    BlobResourceContents,
    EmptyResult,
    InputRequiredResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    ResourceTemplate,
    SubscribeRequestParams,
    TextResourceContents,
    UnsubscribeRequestParams,
)
from mcp.types import Resource as ListedResource
from mcp.types.version import MODERN_PROTOCOL_VERSIONS

from api.mcp.caller import Context, caller
from api.mcp.offers import Offers
from storage.errors import NotFound, TooMany
from storage.results import ResultStore
from storage.sessions import SessionStore
from storage.streams import STANDALONE, StreamStore, Toggle
from tasks.catalog import Catalog
from tasks.errors import ToolError
from tasks.inline import InlineRun, call_offer
from tasks.large import SCHEME
from tasks.large import result_uri as result_uri_of_run
from tasks.outcome import restored
from tasks.resource import Resource
from tasks.result import Audio, Content, Embedded, Image, Link, Text
from tasks.tools.echo import result_uri

LEGACY_NOT_FOUND: Final = -32002
"""What the handshake eras call a missing resource; the stateless era forbids the code and uses -32602."""

_RESULTS: Final = (result_uri(""), SCHEME)


def run_of(uri: str) -> str | None:
    """The run whose kept result, or document beside it, *uri* names; None when it names something else."""
    kept = _kept_name(uri)
    return None if kept is None else kept.partition("/")[0]


def _kept_name(uri: str) -> str | None:
    return next((uri.removeprefix(prefix) for prefix in _RESULTS if uri.startswith(prefix)), None)


@dataclass(frozen=True, kw_only=True)
class Resources:
    catalog: Catalog
    offers: Offers
    results: ResultStore
    sessions: SessionStore
    streams: StreamStore

    async def list_resources(self, ctx: Context, params: PaginatedRequestParams | None) -> ListResourcesResult:
        _one_page(params)
        return ListResourcesResult(
            resources=[
                ListedResource(uri=each.uri, **_described(each))
                for each in self.catalog.resources
                if not each.is_template
            ]
        )

    async def list_templates(self, ctx: Context, params: PaginatedRequestParams | None) -> ListResourceTemplatesResult:
        _one_page(params)
        result = ResourceTemplate(
            uri_template=result_uri("{resultId}"),
            name="echo result",
            title="A result of echo",
            description="What a call of the echo tool returned; for an hour, for whoever made the call.",
            mime_type="application/json",
        )
        templates = [
            ResourceTemplate(uri_template=each.uri, **_described(each))
            for each in self.catalog.resources
            if each.is_template
        ]
        large = ResourceTemplate(
            uri_template=result_uri_of_run("{jobId}"),
            name="large result",
            title="A result too large for an answer",
            description="What a long-running tool returned, for whoever made the call.",
        )
        document = ResourceTemplate(
            uri_template=f"{result_uri_of_run('{jobId}')}/{{name}}",
            name="document of a result",
            title="What a tool kept beside its result",
            description="Such as the whole evidence of an investigation, for whoever made the call.",
            mime_type="application/json",
        )
        return ListResourceTemplatesResult(resource_templates=[result, large, document, *templates])

    async def read(self, ctx: Context, params: ReadResourceRequestParams) -> ReadResourceResult | InputRequiredResult:
        uri = str(params.uri)
        if (name := _kept_name(uri)) is not None:
            return ReadResourceResult(contents=await self._kept(ctx, uri, name))
        found = self.catalog.find_resource(uri)
        if found is None:
            raise _not_found(ctx, uri)
        resource, values = found
        try:
            value = await self.offers.call(ctx, lambda run: _read(resource, run, values))
        except ToolError as error:
            raise MCPError(INVALID_PARAMS, str(error), {"uri": uri}) from None
        if isinstance(value, InputRequiredResult):
            return value
        if value is None:
            raise _not_found(ctx, uri)
        return ReadResourceResult(contents=[_contents(resource, uri, value)])

    async def subscribe(self, ctx: Context, params: SubscribeRequestParams) -> EmptyResult:
        """Remembered with the session; whoever holds its standalone stream learns of it there."""
        uri = str(params.uri)
        if not self.is_known(uri):
            raise _not_found(ctx, uri)
        if session := caller(ctx).session:
            try:
                await self.sessions.subscribe(session, uri)
            except TooMany as error:
                raise MCPError(INVALID_PARAMS, f"Too many subscriptions: {error}") from None
            await self.streams.append(session, STANDALONE, Toggle(uri, wanted=True))
        return EmptyResult()

    async def unsubscribe(self, ctx: Context, params: UnsubscribeRequestParams) -> EmptyResult:
        if session := caller(ctx).session:
            await self.sessions.unsubscribe(session, str(params.uri))
            await self.streams.append(session, STANDALONE, Toggle(str(params.uri), wanted=False))
        return EmptyResult()

    def is_known(self, uri: str) -> bool:
        """Whether there is a resource, or a template, of this form."""
        return run_of(uri) is not None or self.catalog.find_resource(uri) is not None

    async def _kept(self, ctx: Context, uri: str, name: str) -> list[TextResourceContents | BlobResourceContents]:
        try:
            stored = await self.results.get(name, caller(ctx).principal)
        except NotFound:
            raise _not_found(ctx, uri) from None
        result = restored(msgspec.json.decode(stored))
        if result.structured is not None:
            text = msgspec.json.encode(result.structured).decode()
            return [TextResourceContents(uri=uri, mime_type="application/json", text=text)]
        return [contents for block in result.content if (contents := _of_block(uri, block))]


def _of_block(uri: str, block: Content) -> TextResourceContents | BlobResourceContents | None:
    """A block of a result as contents of a resource; None for one that only points elsewhere."""
    match block:
        case Text(text=text):
            return TextResourceContents(uri=uri, mime_type="text/plain", text=text)
        case Image(data=data, mime_type=mime_type) | Audio(data=data, mime_type=mime_type):
            return BlobResourceContents(uri=uri, mime_type=mime_type, blob=data)
        case Embedded(blob=str(blob), mime_type=mime_type):
            return BlobResourceContents(uri=block.uri, mime_type=mime_type, blob=blob)
        case Embedded():
            return TextResourceContents(uri=block.uri, mime_type=block.mime_type, text=block.text or "")
        case Link():
            return None


async def _read(resource: Resource, run: InlineRun, values: dict[str, str]) -> Any:  # noqa: ANN401  # text, bytes or None
    own = {resource.run_parameter: run} if resource.run_parameter else {}
    return await call_offer(resource.function, {**own, **values})


def _contents(resource: Resource, uri: str, value: object) -> TextResourceContents | BlobResourceContents:
    own: dict[str, Any] = {"uri": uri, "mime_type": resource.mime_type, "_meta": _meta(resource)}
    if isinstance(value, bytes):
        return BlobResourceContents(blob=base64.b64encode(value).decode(), **own)
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return TextResourceContents(text=text, **own)


def _described(resource: Resource) -> dict[str, Any]:
    return {
        "name": resource.name,
        "title": resource.title,
        "description": resource.description,
        "mime_type": resource.mime_type,
        "_meta": _meta(resource),
    }


def _meta(resource: Resource) -> dict[str, Any] | None:
    return dict(resource.meta) or None


def _not_found(ctx: Context, uri: str) -> MCPError:
    modern = ctx.protocol_version in MODERN_PROTOCOL_VERSIONS
    return MCPError(INVALID_PARAMS if modern else LEGACY_NOT_FOUND, "Resource not found", {"uri": uri})


def _one_page(params: PaginatedRequestParams | None) -> None:
    if params and params.cursor is not None:
        raise MCPError(INVALID_PARAMS, "Unknown cursor: this list has one page")
