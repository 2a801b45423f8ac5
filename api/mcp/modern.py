"""The stateless era (2026-07-28): every request carries its own envelope, and closing the response cancels it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from mcp.server import Server
from mcp.server.connection import Connection
from mcp.server.runner import serve_one
from mcp.shared.inbound import (
    MCP_NAME_HEADER,
    MCP_PROTOCOL_VERSION_HEADER,
    InboundLadderRejection,
    InboundModernRoute,
    classify_inbound_request,
    decode_header_value,
    find_duplicated_routing_header,
    unsupported_protocol_version_rejection,
    validate_mcp_param_headers,
)
from mcp.shared.jsonrpc_dispatcher import progress_token_from_params
from mcp.types import HEADER_MISMATCH, LOG_LEVEL_META_KEY, PROTOCOL_VERSION_META_KEY, ErrorData
from mcp.types.version import HANDSHAKE_PROTOCOL_VERSIONS

from api.errors import Refused, status_of
from api.mcp.answer import Answer
from api.mcp.exchange import Exchange
from api.mcp.inflight import InFlight
from api.mcp.levels import LEVELS
from api.mcp.request import Incoming
from api.mcp.translate import Audience
from auth.bearer import Bearer
from storage.states import Level


def is_modern(headers: Mapping[str, str]) -> bool:
    """Whether the version header, on its own, sends a request to this era."""
    version = headers.get(MCP_PROTOCOL_VERSION_HEADER)
    return version is not None and version not in HANDSHAKE_PROTOCOL_VERSIONS


def lacks_header(incoming: Incoming) -> bool:
    """Whether a body of this era came without the header that says so."""
    meta = (incoming.params or {}).get("_meta")
    return (
        MCP_PROTOCOL_VERSION_HEADER not in incoming.headers
        and isinstance(meta, dict)
        and PROTOCOL_VERSION_META_KEY in cast("dict[str, Any]", meta)
    )


@dataclass(frozen=True)
class ModernEra:
    server: Server[Any]
    in_flight: InFlight

    async def serve(self, incoming: Incoming, answer: Answer, bearer: Bearer) -> None:
        if incoming.request_id is None:
            await self._acknowledge(incoming, answer)
            return
        route = self._route(incoming)
        exchange = Exchange(
            request_id=incoming.request_id,
            answer=answer,
            bearer=bearer,
            audience=Audience(
                request=incoming.request_id,
                progress_token=progress_token_from_params(incoming.params),
                log_level=_log_level(incoming),
            ),
            headers=incoming.headers,
            params=incoming.params,
        )
        connection = Connection.from_envelope(route.protocol_version, route.client_info, route.client_capabilities)
        with self.in_flight.hold(exchange):
            await exchange.respond(
                lambda: serve_one(
                    self.server, exchange, incoming.method, incoming.params, connection=connection, lifespan_state={}
                )
            )

    async def _acknowledge(self, incoming: Incoming, answer: Answer) -> None:
        """A notification of a version we serve is taken and dropped: this era defines none that we act on."""
        requested = incoming.headers.get(MCP_PROTOCOL_VERSION_HEADER, "")
        if rejection := unsupported_protocol_version_rejection(requested):
            raise _refused(rejection, incoming)
        await answer.empty(202)

    def _route(self, incoming: Incoming) -> InboundModernRoute:
        """The ladder of the spec: method, headers, envelope, version, `Mcp-Param-*`."""
        if "method" not in incoming.message:
            raise Refused(400, "A response cannot be posted in this protocol version", request_id=incoming.request_id)
        if incoming.method == "subscriptions/listen" and not incoming.streams:
            raise Refused(406, "subscriptions/listen answers with text/event-stream: Accept must name it")
        if duplicated := find_duplicated_routing_header(incoming.raw_headers):
            raise _refused(InboundLadderRejection(HEADER_MISMATCH, f"{duplicated} appears more than once"), incoming)
        if name_mismatch(incoming):
            raise _refused(
                InboundLadderRejection(HEADER_MISMATCH, "Mcp-Name is not the task the params name"), incoming
            )
        route = classify_inbound_request(incoming.message, headers=incoming.headers)
        if isinstance(route, InboundLadderRejection):
            raise _refused(route, incoming)
        self._check_param_headers(incoming)
        return route

    def _check_param_headers(self, incoming: Incoming) -> None:
        if incoming.method != "tools/call" or self.server.get_tool_input_schema is None:
            return
        params = incoming.params or {}
        arguments: object = params.get("arguments") or {}
        schema = self.server.get_tool_input_schema(str(params.get("name")))
        if schema is None or not isinstance(arguments, dict):
            return
        rejection = validate_mcp_param_headers(schema, cast("dict[str, Any]", arguments), incoming.headers)
        if rejection:
            raise _refused(rejection, incoming)


def _refused(rejection: InboundLadderRejection, incoming: Incoming) -> Refused:
    error = ErrorData(code=rejection.code, message=rejection.message, data=rejection.data)
    return Refused(
        status_of(error) if status_of(error) != 200 else 400,  # noqa: PLR2004  # a refusal is never a success
        rejection.message,
        code=rejection.code,
        data=rejection.data,
        request_id=incoming.request_id,
    )


def name_mismatch(incoming: Incoming) -> bool:
    """Whether `Mcp-Name` names another task than the params (SEP-2663); clients leave it out, which is tolerated."""
    named = decode_header_value(incoming.headers.get(MCP_NAME_HEADER))
    task_id = (incoming.params or {}).get("taskId")
    return incoming.method.startswith("tasks/") and named is not None and named != task_id


def missing_header(incoming: Incoming) -> Refused:
    """What a body of this era without its version header is told (2026-07-28, transports: required headers)."""
    return Refused(
        400,
        f"{MCP_PROTOCOL_VERSION_HEADER} header is missing but the request's _meta names a protocol version",
        code=HEADER_MISMATCH,
        request_id=incoming.request_id,
    )


def _log_level(incoming: Incoming) -> Level | None:
    meta = (incoming.params or {}).get("_meta")
    wanted = cast("dict[str, Any]", meta).get(LOG_LEVEL_META_KEY) if isinstance(meta, dict) else None
    return next((level for level in LEVELS if level == wanted), None)
