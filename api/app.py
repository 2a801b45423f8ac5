"""The HTTP application of a web process."""

from typing import Any

from litestar import Litestar, Response, delete, get, post
from litestar.config.cors import CORSConfig
from litestar.openapi import OpenAPIConfig, ResponseSpec
from litestar.types import ASGIApp

from api.edge import LOOPBACK_ORIGIN, Doorkeeper, Edge
from api.health import routes
from api.limit import RATE_HEADERS
from api.mcp.front import Front
from api.parts import Parts
from api.settings import Settings


def create_app(settings: Settings) -> ASGIApp:
    """Everything a replica needs, behind its edge."""
    parts = Parts.of(settings)
    litestar = Litestar(
        route_handlers=[*routes(parts.health), *mcp_routes(parts.front), *(parts.auth.routes if parts.auth else ())],
        lifespan=[parts.running],
        cors_config=_cors(Doorkeeper(settings.web)),
        openapi_config=OpenAPIConfig(title="MCP Server Playground", version="1", path="/schema"),
        logging_config=None,
        request_max_body_size=settings.web.max_body,
    )
    return Edge(litestar, settings.web)


class FrontResponse(Response[dict[str, Any]]):
    """Hands a request to the raw front and stays a route for Litestar: guards, OpenAPI and metrics keep working."""

    def __init__(self, front: ASGIApp) -> None:
        super().__init__(content={})
        self._front = front

    def to_asgi_response(self, *_: Any, **__: Any) -> ASGIApp:  # noqa: ANN401  # pyright: ignore[reportIncompatibleMethodOverride]  # its many options do not apply
        return self._front


def mcp_routes(front: Front) -> list[Any]:
    response = FrontResponse(front)

    @post(
        "/mcp",
        status_code=200,
        sync_to_thread=False,
        summary="One JSON-RPC message of the Model Context Protocol",
        responses={202: ResponseSpec(None, description="A notification was taken")},
    )
    def mcp_post() -> FrontResponse:
        return response

    @get("/mcp", sync_to_thread=False, summary="A session's stream of events; with Last-Event-ID, the rest of one")
    def mcp_get() -> FrontResponse:
        return response

    @delete(
        "/mcp",
        status_code=200,
        sync_to_thread=False,
        summary="End a session",
        responses={204: ResponseSpec(None, description="The session has ended")},
    )
    def mcp_delete() -> FrontResponse:
        return response

    return [mcp_post, mcp_get, mcp_delete]


def _cors(door: Doorkeeper) -> CORSConfig:
    return CORSConfig(
        allow_origins=list(door.origins),
        allow_origin_regex=LOOPBACK_ORIGIN if door.origin_pattern else None,
        allow_methods=["GET", "POST", "DELETE", "OPTIONS"],
        allow_headers=["*"],
        expose_headers=["Mcp-Session-Id", "WWW-Authenticate", "Retry-After", "X-Request-Id", *RATE_HEADERS],
        max_age=600,
    )
