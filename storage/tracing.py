"""Whether traces are asked for, by OpenTelemetry's own variables, and their start and end in a process."""

import importlib
import os
from collections.abc import Mapping
from typing import Final, Literal, Protocol

from storage.errors import SettingsError
from storage.settings import TraceSettings, has_host

Exporter = Literal["otlp", "console"]

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
PROTOCOL: Final = "http/protobuf"
LAST_WORDS: Final = 2.0
"""Seconds a process that ends may take to send the spans it has: within the time it gets anyhow."""


class _Running(Protocol):
    def stop(self, within: float) -> None: ...


_running: Final[list[_Running]] = []


def start(role: str, settings: TraceSettings, environment: Mapping[str, str] = os.environ) -> None:
    """Make spans in this process from now on, if that is asked for; once, and after any fork.

    SettingsError when what is asked for cannot be had.
    """
    if (to := exporter(environment)) is None:
        return
    try:
        way_out = importlib.import_module("storage.span_export")
    except ImportError:
        raise SettingsError(
            "OpenTelemetry's variables ask for traces, and the packages that send them are not installed: "
            "install mcp-server-playground with the extra `otel`, or set OTEL_SDK_DISABLED=true."
        ) from None
    try:
        _running.append(way_out.Export(role, to, settings.trust))
    except (ValueError, OSError) as error:
        raise SettingsError(f"OpenTelemetry does not take its variables: {error}") from None


def stop() -> None:
    """Send what is left, and make no more."""
    while _running:
        _running.pop().stop(LAST_WORDS)


def exporter(environment: Mapping[str, str]) -> Exporter | None:
    """Where spans are sent; None for nowhere. SettingsError for what this server cannot do."""
    given = {name: value.strip() for name, value in environment.items() if name.startswith("OTEL_")}
    wanted = given.get("OTEL_TRACES_EXPORTER", "").lower()
    if given.get("OTEL_SDK_DISABLED", "").lower() == "true" or wanted == "none":
        return None
    if wanted not in ("", "otlp", "console"):
        raise SettingsError(f"OTEL_TRACES_EXPORTER is {wanted!r}: it must be otlp, console or none.")
    if wanted == "console":
        return "console"
    named = next((name for name in ENDPOINTS if given.get(name)), None)
    if named is None and not wanted:
        return None
    _check(given, named)
    return "otlp"


def _check(given: Mapping[str, str], endpoint: str | None) -> None:
    for name in PROTOCOLS:
        if given.get(name, PROTOCOL) not in ("", PROTOCOL):
            raise SettingsError(f"{name} is {given[name]!r}: this server sends traces by {PROTOCOL}, to port 4318.")
    if endpoint and not (given[endpoint].startswith(("http://", "https://")) and has_host(given[endpoint])):
        # It may hold a password.
        raise SettingsError(f"{endpoint} is not the address of a collector, as http://127.0.0.1:4318.")
