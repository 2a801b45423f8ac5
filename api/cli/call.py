"""A small MCP client for people: call a tool and watch it work."""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import wraps
from typing import Any, Final, Literal, cast

import click
import httpx2
from mcp import Client, MCPError
from mcp.client.auth import OAuthFlowError
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, TextContent, Tool
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from api.cli.explained import explained
from api.cli.signin import signing_in
from api.settings import WebSettings
from storage.settings import read

Era = Literal["auto", "legacy", "modern"]
MODES: Final[Mapping[str, str]] = {"auto": "auto", "legacy": "legacy", "modern": "2026-07-28"}

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def _options(command: Callable[..., None]) -> Callable[..., None]:
    era = click.option(
        "--era",
        type=click.Choice(list(MODES)),
        default="auto",
        show_default=True,
        help="Protocol era: handshake (legacy), 2026-07-28 (modern), or whichever the server speaks.",
    )
    url = click.option("--url", metavar="URL", help="The MCP endpoint.  [default: where MCP_HOST and MCP_PORT point]")
    token = click.option(
        "--token",
        envvar="MCP_TOKEN",
        metavar="TOKEN",
        help="Bearer token; without one you sign in with a browser.  [MCP_TOKEN]",
    )
    return era(url(token(command)))


def _synchronous(command: Callable[..., Coroutine[Any, Any, int]]) -> Callable[..., None]:
    """Run the coroutine; what keeps a client from its server becomes one sentence."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:  # noqa: ANN401  # click passes the options of whichever command
        try:
            status = asyncio.run(command(*args, **kwargs))
        except KeyboardInterrupt:
            err.print("cancelled")
            status = 130
        except BaseExceptionGroup as group:
            status = _complain(_innermost(group), kwargs.get("url"))
        except (MCPError, OAuthFlowError, httpx2.HTTPError, OSError, click.UsageError) as error:
            status = _complain(error, kwargs.get("url"))
        sys.exit(status)

    return run


@click.command()
@click.argument("tool")
@click.argument("arguments", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON and no progress.")
@_options
@explained
@_synchronous
async def call(  # click passes each option
    tool: str, arguments: tuple[str, ...], *, as_json: bool, era: Era, url: str | None, token: str | None
) -> int:
    """Call TOOL and show its progress as it is made.

    Arguments are KEY=VALUE; a value is read as the tool's schema says (a number, a truth value, JSON for lists and
    objects), and a list may also be given as a,b,c.

    \b
      mcp-playground call streaming count=10 intervalMs=500
      mcp-playground call echo message='hello, world' uppercase=true
      mcp-playground call project keywords=redis,lease
    """  # noqa: D301  # click reads the control character
    async with _client(era, url, token) as client:
        schema = _schema(await _tools(client), tool)
        given = _parse(arguments, schema)
        if as_json:
            result = await client.call_tool(tool, given)
            out.print_json(result.model_dump_json(by_alias=True, exclude_none=True))
        else:
            result = await _watched(client, tool, given)
            _show(result)
    return 1 if result.is_error else 0


@click.command()
@click.argument("tool", required=False)
@_options
@explained
@_synchronous
async def tools(tool: str | None, *, era: Era, url: str | None, token: str | None) -> int:
    """List the server's tools, or describe the arguments of one TOOL."""
    async with _client(era, url, token) as client:
        listed = await _tools(client)
    if tool is None:
        table = Table("tool", "what it does", box=None, pad_edge=False)
        for each in listed:
            table.add_row(each.name, (each.description or "").partition("\n")[0])
        out.print(table)
        return 0
    schema = _schema(listed, tool)
    table = Table("argument", "type", "default", "meaning", box=None, pad_edge=False)
    for name, part in cast("dict[str, dict[str, Any]]", schema.get("properties", {})).items():
        default = "required" if name in schema.get("required", ()) else json.dumps(part.get("default"))
        table.add_row(name, _type(part), default, part.get("description", ""))
    out.print(next(each.description for each in listed if each.name == tool))
    out.print(table)
    return 0


@asynccontextmanager
async def _client(era: Era, url: str | None, token: str | None) -> AsyncGenerator[Client]:
    """A connected client, which signs in when it is told to and was given no token."""
    address = url or _local_url()
    headers = {"Authorization": f"Bearer {token}"} if token else None
    async with AsyncExitStack() as stack:
        auth = None if token else await stack.enter_async_context(signing_in(address))
        http = await stack.enter_async_context(
            httpx2.AsyncClient(headers=headers, auth=auth, timeout=httpx2.Timeout(10, read=None))
        )
        transport = streamable_http_client(address, http_client=http)
        yield await stack.enter_async_context(Client(transport, mode=cast("Any", MODES[era])))


def _local_url() -> str:
    web = read(WebSettings)
    return f"{web.public_url or f'http://{web.host}:{web.port}'}/mcp"


async def _tools(client: Client) -> list[Tool]:
    return (await client.list_tools()).tools


def _schema(listed: list[Tool], name: str) -> dict[str, Any]:
    for tool in listed:
        if tool.name == name:
            return tool.input_schema
    raise click.UsageError(f"there is no tool {name!r}; the server has: {', '.join(tool.name for tool in listed)}")


def _parse(arguments: tuple[str, ...], schema: dict[str, Any]) -> dict[str, Any]:
    properties = cast("dict[str, dict[str, Any]]", schema.get("properties", {}))
    given: dict[str, Any] = {}
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if not equals:
            raise click.UsageError(f"{argument!r} is not KEY=VALUE")
        given[key] = _value(value, properties.get(key, {}))
    return given


def _value(text: str, part: dict[str, Any]) -> Any:  # noqa: ANN401  # any JSON
    """Text stays text where the schema wants a string; elsewhere it is JSON, and a,b,c is a list."""
    kind = _type(part)
    if kind == "string":
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text.split(",") if kind == "array" else text


def _type(part: dict[str, Any]) -> str:
    options = cast("list[dict[str, Any]]", part.get("anyOf", [part]))
    named = [str(option.get("type", "any")) for option in options if option.get("type") != "null"]
    return named[0] if named else "any"


async def _watched(client: Client, tool: str, given: dict[str, Any]) -> CallToolResult:
    """Call with a bar that moves as progress arrives; where there is no terminal, a line for each."""
    if not err.is_terminal:
        return await client.call_tool(tool, given, progress_callback=_print_progress)
    words = TextColumn(
        "{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1)
    )
    columns = (TextColumn("{task.fields[tool]}"), BarColumn(20), MofNCompleteColumn(), TimeElapsedColumn(), words)
    with Progress(*columns, console=err, expand=True) as bar:
        shown = bar.add_task("waiting", tool=tool, total=None)

        async def on_progress(progress: float, total: float | None, message: str | None) -> None:
            bar.update(shown, completed=round(progress, 2), total=total, description=_line(message), refresh=True)

        result = await client.call_tool(tool, given, progress_callback=on_progress)
        bar.update(shown, description="failed" if result.is_error else "done")
    return result


async def _print_progress(progress: float, total: float | None, message: str | None) -> None:
    of = f"/{total:g}" if total else ""
    err.print(f"{progress:g}{of} {_line(message)}", markup=False, soft_wrap=True)


def _line(message: str | None) -> str:
    """A message as one line without control characters: it may come from logs that somebody else wrote."""
    return "".join(char if char.isprintable() else " " for char in message or "")


def _show(result: CallToolResult) -> None:
    if result.structured_content is not None and not result.is_error:
        out.print_json(json.dumps(result.structured_content))
        return
    for block in result.content:
        text = block.text if isinstance(block, TextContent) else f"[{block.type}]"
        (err if result.is_error else out).print(text, markup=False)


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return error


def _complain(error: BaseException, url: str | None) -> int:
    if isinstance(error, httpx2.ConnectError):
        where = url or _local_url()
        err.print(
            f"no server answers at {where}: start one with `mcp-playground up`, or name it with --url", markup=False
        )
    elif isinstance(error, click.UsageError):
        err.print(error.message, markup=False)
    else:
        err.print(f"{error}" or type(error).__name__, markup=False)
    return 1
