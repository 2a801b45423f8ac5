"""The settings of a web process, and what they may not say together."""

import re
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from auth.settings import AuthSettings
from storage.errors import SettingsError
from storage.rate import Rate
from storage.settings import (
    Group,
    MetricsSettings,
    Seconds,
    StorageSettings,
    TraceSettings,
    is_loopback,
    is_origin,
    read,
    words,
)
from tasks.process import ProcessSettings
from tasks.settings import FlowerSettings, LogSettings, ToolSettings, WorkerSettings

ACCEPTED_RISK: Final = "yes-i-know"
_RATE: Final = re.compile(r"(\d+)/(second|minute|hour)")
_PERIODS: Final = {"second": timedelta(seconds=1), "minute": timedelta(minutes=1), "hour": timedelta(hours=1)}


class WebSettings(Group):
    host: str = Field(default="127.0.0.1", min_length=1, description="the address to listen on.")
    port: int = Field(default=3000, ge=0, le=65_535, description="the port to listen on.")
    public_url: str | None = Field(
        default=None,
        description="the origin clients reach this server by, as https://mcp.example.com, if a proxy is between.",
    )
    allow_unauthenticated: str = Field(
        default="", description=f"`{ACCEPTED_RISK}` lets a server without authentication listen beyond this machine."
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="further Host headers to answer to, separated by commas; host or host:port."
    )
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="further browser origins that may call, separated by commas; as https://app.example.com.",
    )
    rate_limit: str = Field(
        default="6000/minute", description="requests of one address, as 100/second, 6000/minute, 50000/hour, or `off`."
    )
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        default=(),
        description="addresses or networks of proxies that are believed about where a request comes from "
        "(X-Forwarded-For), separated by commas.",
    )
    max_body: int = Field(default=4 * 1024 * 1024, ge=1024, description="most bytes of a request body.")
    header_timeout: Seconds = Field(
        default=timedelta(seconds=10),
        ge=timedelta(seconds=0.1),
        description="seconds in which a connection must have sent the headers of its request.",
    )
    body_timeout: Seconds = Field(
        default=timedelta(seconds=20),
        ge=timedelta(seconds=0.1),
        description="seconds in which a request must have sent its body after that.",
    )
    session_ttl: Seconds = Field(
        default=timedelta(hours=24), ge=timedelta(seconds=60), description="seconds an idle session is remembered."
    )
    session_limit: int = Field(
        default=10_000, ge=1, description="most sessions of one principal; one more ends the longest idle."
    )

    call_deadline: Seconds = Field(
        default=timedelta(seconds=50),
        ge=timedelta(0),
        description="seconds a call may take before it is answered with the id of its job, which goes on, for clients "
        "that take no tasks; progress starts the time again, 0 turns it off.",
    )
    task_limit: int = Field(default=1000, ge=1, le=10_000, description="most calls of one principal at work at once.")
    queue_limit: int = Field(default=10_000, ge=1, description="most jobs that may wait in one queue.")
    arguments_limit: int = Field(default=1024 * 1024, ge=1024, description="most bytes the arguments of a tool take.")

    experimental_tasks: bool = Field(
        default=False,
        description="whether clients of 2025-11-25 are offered the experimental tasks of that version.",
    )

    @field_validator("allowed_hosts", "allowed_origins", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return words(value)

    @field_validator("public_url")
    @classmethod
    def _origin(cls, value: str | None) -> str | None:
        if value is not None and not is_origin(value.rstrip("/")):
            raise ValueError("it must be an origin: http:// or https://, a host, perhaps a port, and nothing else")
        return value and value.rstrip("/")

    @field_validator("rate_limit")
    @classmethod
    def _known_rate(cls, value: str) -> str:
        if value != "off" and not _RATE.fullmatch(value):
            raise ValueError("it must be a number per second, minute or hour, as 6000/minute, or off")
        return value

    def rate(self) -> Rate | None:
        """Requests per period and address; None when there is no limit."""
        found = _RATE.fullmatch(self.rate_limit)
        return Rate(int(found[1]), _PERIODS[found[2]]) if found and int(found[1]) else None

    def is_loopback(self) -> bool:
        return is_loopback(self.host)

    @property
    def origin(self) -> str:
        """Where clients reach this server; the issuer of our tokens (RFC 8414), without a slash at its end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url or f"http://{host}:{self.port}"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every group of settings, read once per process."""

    storage: StorageSettings
    tools: ToolSettings
    worker: WorkerSettings
    log: LogSettings
    metrics: MetricsSettings
    traces: TraceSettings
    web: WebSettings
    auth: AuthSettings
    flower: FlowerSettings

    @property
    def origin(self) -> str:
        return self.web.origin


def read_settings(*, host: str | None = None, port: int | None = None) -> Settings:
    """Read the environment and `.env`; what is given here wins. SettingsError in one sentence."""
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    process = ProcessSettings()
    settings = Settings(
        storage=process.storage,
        tools=process.tools,
        worker=process.worker,
        log=process.log,
        metrics=process.metrics,
        traces=process.traces,
        web=read(WebSettings, **given),
        auth=read(AuthSettings),
        flower=read(FlowerSettings),
    )
    check_exposure(settings.web, settings.auth)
    return settings


def check_exposure(web: WebSettings, auth: AuthSettings) -> None:
    """Refuse to be reachable from elsewhere with the door open, unless told to; and to guard it with half a lock."""
    if auth.is_on():
        auth.check()
        _check_origin(web, auth)
        return
    if not web.is_loopback() and web.allow_unauthenticated != ACCEPTED_RISK:
        raise SettingsError(
            f"MCP_HOST is {web.host!r} and MCP_AUTH is 'off': anyone who reaches this address could run the tools. "
            f"Listen on 127.0.0.1, or set MCP_ALLOW_UNAUTHENTICATED={ACCEPTED_RISK} if something in front keeps "
            "strangers out."
        )


def _check_origin(web: WebSettings, auth: AuthSettings) -> None:
    address = urlsplit(web.public_url or f"http://{web.host}")
    here = is_loopback(address.hostname or "")
    if address.scheme != "https" and not here:
        # OAuth 2.1 1.5: tokens travel over TLS.
        raise SettingsError(
            f"MCP_AUTH is on and MCP_PUBLIC_URL is {web.public_url!r}: it must be the https:// origin that clients use."
        )
    if "local" in auth.auth and not (here and web.is_loopback()):
        raise SettingsError(
            "MCP_AUTH names local, whose sign-in is for whoever reads this server's output: it is for 127.0.0.1 only. "
            "Name one of auth0, github, google, oidc."
        )
