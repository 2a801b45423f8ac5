"""Attacks by what is sent: nothing provokes a 5xx, a word about what the server is made of, or a long wait."""

import contextlib
import itertools
import json
import random
import re
import socket
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import httpx2
import pytest
import redis

from tests.attacks.doors import bases, names_of
from tests.attacks.people import as_one, in_session, let_in, person
from tests.clients import ACCEPT, HANDSHAKE, MODERN, request
from tests.oauth import new_app, tokens
from tests.servers import Stack

LEAKS = (
    "input_value",
    "input_type",
    "pydantic",
    "Traceback",
    "site-packages",
    "msgspec",
    "litestar",
    "RecursionError",
    "Exception",
    "object at 0x",
    '.py"',
    ".py:",
    "/work",
    "/home",
    "WRONGTYPE",
    "redis",
    "mcp:{",
)
FORM = "application/x-www-form-urlencoded"
DEEP = 100_000
MOST_BODY = 4 * 1024 * 1024


def nested(depth: int) -> str:
    return '{"a":' * depth + "1" + "}" * depth


VALUES = [
    "null",
    "true",
    "0",
    "-1",
    str(2**63),
    "1" + "0" * 400,
    "-1e308",
    "1e999",
    "NaN",
    "Infinity",
    '""',
    '"\\u0000"',
    '"\\ud800"',
    '"\\udfff\\ud800"',
    '"' + "x" * 20_000 + '"',
    '"../../../etc/passwd"',
    '"${jndi:ldap://127.0.0.1/a}"',
    "[]",
    "[[[]]]",
    "[null]",
    "{}",
    '{"__proto__":{}}',
    '{"$ref":"http://127.0.0.1:9/x"}',
    nested(50),
    nested(300),
    nested(900),
    nested(1500),
]
"""JSON, and what only looks like it."""
PARAMS = [
    "{value}",
    '{{"name":{value}}}',
    '{{"name":"echo","arguments":{value}}}',
    '{{"name":"echo","arguments":{{"message":{value}}}}}',
    '{{"name":"aws_ecs","arguments":{{"ecsCluster":{value}}}}}',
    '{{"name":"job_result","arguments":{{"jobId":{value}}}}}',
    '{{"name":"echo","requestState":{value},"inputResponses":{value}}}',
    '{{"uri":{value}}}',
    '{{"taskId":{value},"inputResponses":{value}}}',
    '{{"cursor":{value}}}',
    '{{"level":{value}}}',
    '{{"ref":{value},"argument":{value}}}',
    '{{"ref":{{"type":"ref/prompt","name":{value}}},"argument":{{"name":"message","value":{value}}}}}',
    '{{"notifications":{value}}}',
    '{{"notifications":{{"taskIds":{value},"resourceSubscriptions":{value}}}}}',
    '{{"protocolVersion":{value},"capabilities":{value},"clientInfo":{value}}}',
    '{{"_meta":{value}}}',
    '{{"_meta":{{"progressToken":{value},"io.modelcontextprotocol/clientCapabilities":{value}}}}}',
]
METHODS = [
    "initialize",
    "ping",
    "server/discover",
    "tools/list",
    "tools/call",
    "prompts/list",
    "prompts/get",
    "resources/list",
    "resources/templates/list",
    "resources/read",
    "resources/subscribe",
    "resources/unsubscribe",
    "completion/complete",
    "logging/setLevel",
    "subscriptions/listen",
    "tasks/get",
    "tasks/update",
    "tasks/cancel",
    "tasks/result",
    "tasks/list",
    "notifications/cancelled",
    "notifications/progress",
    "notifications/initialized",
    "sampling/createMessage",
    "rpc.discover",
    "__class__",
    "tools/call\\u0000",
    "",
]


def bodies(version: str, amount: int) -> Iterator[tuple[str, str, str]]:
    """Method, kind of params and body of many messages; the same ones in every run."""
    chance = random.Random(53)  # noqa: S311  # which messages are tried is no secret
    everything = list(itertools.product(METHODS, PARAMS, VALUES))
    for method, params, value in chance.sample(everything, amount):
        text = params.format(value=value)
        if version == MODERN and text.startswith("{") and '"_meta"' not in text:
            meta = '"_meta":{"io.modelcontextprotocol/protocolVersion":"' + MODERN + '",'
            meta += '"io.modelcontextprotocol/clientCapabilities":{"extensions":{"io.modelcontextprotocol/tasks":{}}}}'
            text = "{" + meta + ("," if text != "{}" else "") + text[1:]
        request_id = chance.choice(["1", '"x"', "9" * 400, "null", "1.5", "true", "{}", '"\\u0000"'] + ["7"] * 12)
        yield method, params, f'{{"jsonrpc":"2.0","id":{request_id},"method":"{method}","params":{text}}}'


def named(params: str) -> dict[str, str]:
    """What `Mcp-Name` must repeat in the stateless era, if it is of a size for a header."""
    found = re.search(r'[{,]"(name|uri)":"([a-z_]{1,100})"', params)
    return {found[1]: found[2]} if found else {}


def first_answer(http: httpx2.Client, url: str, headers: dict[str, str], content: bytes) -> tuple[int, str]:
    """The status, and the answer or the first message of a stream."""
    with http.stream("POST", url, content=content, headers=headers) as response:
        if not response.headers.get("content-type", "").startswith("text/event-stream"):
            return response.status_code, response.read().decode()
        lines = (line for line in response.iter_lines() if line.startswith("data: {"))
        return response.status_code, next(lines).removeprefix("data: ")


def complaint(status: int, text: str) -> str | None:
    """What is wrong with an answer at the MCP endpoint; None when nothing is."""
    if status >= 500:
        return f"{status} {text[:300]}"
    # What the caller sent may come back as it is; it holds none of these.
    if found := [leak for leak in LEAKS if leak in text]:
        return f"{found} in {text[:300]}"
    if status == 202 and not text:
        return None
    said = cast("dict[str, Any]", json.loads(text))
    is_error = "error" in said and {"code", "message"} <= said["error"].keys()
    if said.get("jsonrpc") != "2.0" or not (is_error or "result" in said or "method" in said):
        return f"no JSON-RPC: {text[:300]}"
    return None


@pytest.mark.parametrize("version", [HANDSHAKE, MODERN])
def test_no_message_makes_the_server_fail_or_talk_of_itself(guarded: Stack, version: str):
    """A53: wrong types, huge numbers, NaN, surrogates, nesting, unknown methods: JSON-RPC's own errors, soon."""
    token = let_in(guarded, [person("rude")])[0]
    wire = in_session(guarded.mcp_url, token) if version == HANDSHAKE else as_one(guarded.mcp_url, token)
    found: list[str] = []

    with httpx2.Client(timeout=30, headers={"authorization": f"Bearer {token}"}) as http:

        def send(item: tuple[int, tuple[str, str, str]]) -> None:
            number, (method, params, body) = item
            headers = wire.headers(method.replace("\\u0000", ""), named(params))
            url = guarded.mcp_urls[number % 2]
            if wrong := complaint(*first_answer(http, url, headers, body.encode())):
                found.append(f"{body[:200]}: {wrong}")

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(send, enumerate(bodies(version, 500))))

    assert found == []


HEADERS: list[dict[str, str]] = [
    {"mcp-session-id": "x" * 5000},
    {"mcp-session-id": "mcp:{x}:session:*"},
    {"mcp-session-id": "\x80\xff"},
    {"mcp-protocol-version": "9999-99-99"},
    {"mcp-protocol-version": "2025-11-25, 2026-07-28"},
    {"mcp-protocol-version": "'\"<>"},
    {"mcp-method": "\xff" * 100},
    {"mcp-name": "=?base64?!!!?="},
    {"mcp-name": "=?base64?gICA?="},
    {"last-event-id": "x" * 5000},
    {"last-event-id": "0" * 32 + "_" + "9" * 20 + "-" + "9" * 20},
    {"last-event-id": "standalone_1-1_x"},
    {"accept": "text/event-stream;q=nan"},
    {"accept": "application/json;q=1e999, text/event-stream;q=-1"},
    {"accept": ",;=,;q=," * 2000},
    {"content-type": "application/json; charset=utf-7"},
    {"idempotency-key": "x" * 5000},
    {"idempotency-key": "\xff\x80"},
    {"authorization": "Bearer " + "x" * 5000},
    {"authorization": "Bearer \xff"},
    {"authorization": "Basic ::::"},
    {"content-length": "5"},
]


@pytest.mark.parametrize("headers", HEADERS, ids=lambda headers: str(headers)[:50])
@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
def test_no_header_makes_the_server_fail_or_talk_of_itself(guarded: Stack, method: str, headers: dict[str, str]):
    """A53: in both eras, with and without a session."""
    token = let_in(guarded, [person("rude")])[0]
    session = in_session(guarded.mcp_url, token)
    ping = json.dumps(request("ping")).encode() if method == "POST" else b""
    kinds = [session.headers("", {}), {**ACCEPT, "mcp-protocol-version": MODERN, "mcp-method": "ping"}, dict(ACCEPT)]

    for kind in kinds:
        own = {"authorization": f"Bearer {token}", **kind, **headers}
        raw = [(name.encode(), value.encode("latin-1")) for name, value in own.items() if name != "content-length"]
        with session.http.stream(method, guarded.mcp_url, content=ping, headers=raw) as response:
            if response.headers.get("content-type", "").startswith("text/event-stream"):
                continue
            text = response.read().decode()
        assert response.status_code < 500
        assert not any(leak in text for leak in LEAKS), text
        assert not text or json.loads(text)["jsonrpc"] == "2.0"


RUBBISH: list[tuple[bytes, str]] = [
    (b"", FORM),
    (b"a", FORM),
    (b"=&=&=", FORM),
    (b"%", FORM),
    (b"%ff%fe=%ff", FORM),
    (b"grant_type=%00", FORM),
    (b"grant_type=authorization_code&code=%ed%a0%80&client_id=x", FORM),
    (b"grant_type=refresh_token&refresh_token=mcp_rt_" + b"0" * 32 + b"_" + b"x" * 43 + b"&client_id=x", FORM),
    (b"grant_type=" + b"x" * 10_000, FORM),
    (b"&".join(b"a%d=1" % number for number in range(200)), FORM),
    (b"client_id=http://127.0.0.1:1/&grant_type=refresh_token&refresh_token=x", FORM),
    (b"client_id=" + b"../" * 100 + b"&token=x", FORM),
    (b"client_assertion=a.b.c&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer", FORM),
    (b"ticket=x&decision=allow&provider=\xff", FORM),
    (b"state=" + b"x" * 5000 + b"&code=" + b"y" * 5000, FORM),
    (b"{}", "application/json"),
    (b'{"redirect_uris":[1e999]}', "application/json"),
    (b'{"redirect_uris":NaN}', "application/json"),
    (b'{"redirect_uris":["https://a.example/\\ud800"]}', "application/json"),
    (b'{"redirect_uris":["https://a.example/cb"],"jwks":{"keys":[{"kty":1e308}]}}', "application/json"),
    (b'{"redirect_uris":["https://[::1/cb"]}', "application/json"),
    (b'{"redirect_uris":["https://a.example:99999999999/cb"],"scope":7,"contacts":{}}', "application/json"),
    (nested(1000).encode(), "application/json"),
    (b"--x\r\ncontent-disposition: form-data; name=a\r\n\r\nb\r\n--x--", "multipart/form-data; boundary=x"),
    (b"\xff" * 100, "application/octet-stream"),
    (b"<x/>", "text/xml; charset=nonsense"),
]
ENDPOINTS = ["token", "revoke", "introspect", "register", "consent", "local"]
PAGES = {"consent", "local"}


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_rubbish_at_an_oauth_endpoint_is_refused_in_oauths_words(guarded: Stack, endpoint: str):
    """A53: RFC 6749 5.2, RFC 7591 3.2.2; pages where a person reads, JSON where a program does."""
    operator = let_in(guarded, [person("operator")], "mcp:operator")[0]
    for number, (body, kind) in enumerate(RUBBISH):
        headers = {"content-type": kind, "x-forwarded-for": f"198.51.100.{number}"}
        headers |= {"authorization": f"Bearer {operator}"} if endpoint == "introspect" else {}

        answer = httpx2.post(f"{bases(guarded)[number % 2]}/oauth/{endpoint}", content=body, headers=headers)

        assert answer.status_code < 500, (body, answer.text)
        assert not any(leak in answer.text for leak in LEAKS), (body, answer.text)
        is_json = answer.headers["content-type"].startswith("application/json")
        if is_json and answer.status_code >= 400:
            assert isinstance(answer.json()["error"], str)
        assert is_json or endpoint in PAGES, (body, answer.headers)


QUERIES = [
    "",
    "?",
    "?client_id",
    "?client_id=%ff",
    "?client_id=%00&redirect_uri=%00",
    "?client_id=" + "x" * 8000,
    "?client_id=http://127.0.0.1:1/x&response_type=code",
    "?client_id=https://127.0.0.1/x&response_type=code",
    "?client_id=https://[::1/x&response_type=code",
    "?" + "&".join(f"a{number}=1" for number in range(300)),
    "?state=%ed%a0%80&code=x",
    "?state=" + "x" * 8000 + "&code=x&iss=%00",
    "?error=%3Cscript%3E&error_description=%ff",
]


@pytest.mark.parametrize(
    "path", ["authorize", "callback/local", "callback/nobody", "callback/%00", "auth0-callback", "local"]
)
def test_rubbish_in_a_link_is_a_page(guarded: Stack, path: str):
    """A53: no failure, no word about the server, and nothing of the link that is markup."""
    for number, query in enumerate(QUERIES):
        answer = httpx2.get(f"{bases(guarded)[number % 2]}/oauth/{path}{query}")

        assert answer.status_code < 500, (query, answer.text)
        assert not any(leak in answer.text for leak in LEAKS), (query, answer.text)
        assert "<script>" not in answer.text
        assert answer.headers["content-type"].startswith("text/html"), (query, answer.headers)


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/oauth/nothing", "/health/", "/mcp/x", "/schema/nothing", "/%2e%2e/etc/passwd", "/%00", "/%ff"],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_what_is_not_there_says_only_that(guarded: Stack, method: str, path: str):
    """A53: 404 and 405 without a path of ours or a stack."""
    answer = httpx2.request(method, f"{guarded.url}{path}", content=b"{" if method in ("POST", "PUT") else b"")

    assert answer.status_code in (204, 400, 404, 405)
    assert not any(leak in answer.text for leak in LEAKS), answer.text


def test_what_redis_says_is_told_to_nobody(guarded: Stack):
    """A53: a value of another type where a session and a grant are kept: a failure in the protocol's own words."""
    app = new_app(guarded)
    given = tokens(guarded, app)
    token = let_in(guarded, [person("unlucky")])[0]
    before = set(names_of(guarded, "mcp:*:session:*"))
    session = in_session(guarded.mcp_url, token)
    (kept,) = set(names_of(guarded, "mcp:*:session:*")) - before
    grant = given["refresh_token"].split("_")[2]
    with cast("Any", redis.Redis.from_url(guarded.redis_url)) as client:  # pyright: ignore[reportUnknownMemberType]
        for name in (kept, f"mcp:{{{grant}}}:grant"):
            client.delete(name)
            client.set(name, b"x", ex=60)

    told = [
        session.http.post(session.url, json=request("ping"), headers=session.headers("", {})),
        httpx2.post(
            guarded.mcp_url, json=request("ping"), headers={"authorization": f"Bearer {given['access_token']}"}
        ),
        app.refresh(given["refresh_token"]),
    ]

    assert {answer.status_code for answer in told} == {500}
    assert [answer.json()["error"] for answer in told[:2]] == [{"code": -32603, "message": "Internal server error"}] * 2
    assert told[2].json() == {"error": "server_error", "error_description": "Internal server error"}
    assert not any(leak in answer.text for answer in told for leak in LEAKS)


SLOW: list[tuple[str, str]] = [
    ("resources/read", '{"uri":"echo://result/' + "a" * 200_000 + '"}'),
    ("resources/read", '{"uri":"' + "echo://" * 50_000 + '"}'),
    ("resources/read", '{"uri":"echo://documentation' + "/" * 200_000 + '"}'),
    (
        "completion/complete",
        '{"ref":{"type":"ref/prompt","name":"echo"},"argument":{"name":"message","value":"' + "a" * 500_000 + '"}}',
    ),
    (
        "completion/complete",
        '{"ref":{"type":"ref/prompt","name":"' + "a" * 500_000 + '"},"argument":{"name":"x","value":""}}',
    ),
    ("tools/call", '{"name":"' + "echo" * 100_000 + '","arguments":{}}'),
    ("tools/call", '{"name":"echo","arguments":' + nested(DEEP) + "}"),
    ("tools/call", '{"name":"echo","arguments":{"message":' + "[" * DEEP + "]" * DEEP + "}}"),
    ("tools/call", '{"name":"echo","arguments":{"message":1e999}}'),
    ("tools/call", '{"name":"echo","arguments":{"message":NaN}}'),
    ("tools/call", '{"name":"echo","arguments":{"repeat":' + "9" * 4000 + ',"message":"x"}}'),
    ("tools/call", '{"name":"echo","arguments":{' + ",".join(f'"a{n}":1' for n in range(20_000)) + "}}"),
    ("tools/call", '{"name":"project","arguments":{"keywords":["' + " " * 100_000 + '"]}}'),
    ("tools/call", '{"name":"project","arguments":{"keywords":["(a' + '+)+$","(a|' + 'a)*b","' + "a" * 90 + '"]}}'),
    ("tools/call", '{"name":"aws_ecs","arguments":{"ecsCluster":"' + "a-" * 50_000 + '!"}}'),
    ("tools/call", '{"name":"system_time","arguments":{"timezone":"' + "A/" * 50_000 + '"}}'),
    ("tools/call", '{"name":"system_time","arguments":{"format":"custom","customFormat":"' + "%" * 100_001 + '"}}'),
]


@pytest.mark.parametrize(("method", "params"), SLOW, ids=range(len(SLOW)))
@pytest.mark.parametrize("version", [HANDSHAKE, MODERN])
def test_no_argument_keeps_the_server_busy(guarded: Stack, version: str, method: str, params: str):
    """A64: nesting, numbers that are none, patterns, long names: refused at once, and others are served meanwhile."""
    token = let_in(guarded, [person("slow")], "mcp:tools mcp:prompts mcp:resources mcp:project mcp:aws")[0]
    wire = in_session(guarded.mcp_url, token) if version == HANDSHAKE else as_one(guarded.mcp_url, token)
    if version == MODERN:
        meta = f'"_meta":{{"io.modelcontextprotocol/protocolVersion":"{MODERN}",'
        params = "{" + meta + '"io.modelcontextprotocol/clientCapabilities":{}},' + params[1:]
    body = f'{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}'.encode()
    began = time.monotonic()

    status, text = first_answer(wire.http, wire.url, wire.headers(method, named(params)), body)

    assert time.monotonic() - began < 5
    assert complaint(status, text) is None
    assert len(text) < len(body) + 5000
    if '"name":"project"' not in params and "completion" not in method:
        assert status in (400, 404) or "error" in json.loads(text) or json.loads(text)["result"]["isError"]


def test_an_argument_that_is_an_address_is_not_visited(guarded: Stack):
    """A64: `$ref`, `$schema`, URIs and client ids that name a host: nobody is called."""
    token = let_in(guarded, [person("curious")])[0]
    wire = as_one(guarded.mcp_url, token)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(1)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/x"
        reference = {"$ref": address, "$schema": address, "$dynamicRef": address}

        answers = [
            wire.call("echo", {"message": reference}),
            wire.call("echo", reference),
            wire.call("echo", {"message": "x"}, meta=reference),
            wire.send("resources/read", {"uri": address}),
            wire.send("prompts/get", {"name": "echo", "arguments": reference}),
            wire.send(
                "completion/complete",
                {"ref": {"type": "ref/resource", "uri": address}, "argument": {"name": "x", "value": address}},
            ),
        ]
        statuses = [
            httpx2.get(f"{guarded.url}/oauth/authorize", params={"client_id": address, "response_type": "code"}),
            httpx2.post(
                f"{guarded.url}/oauth/register",
                json={"redirect_uris": ["https://a.example/cb"], "jwks_uri": address, "logo_uri": address},
            ),
        ]

        with pytest.raises(TimeoutError):
            listener.accept()
    assert all(answer.status < 500 for answer in answers)
    assert all(answer.status_code < 500 for answer in statuses)


def sent(
    port: int, head: list[bytes], body: bytes = b"", *, path: str = "/mcp", kind: str = "application/json"
) -> tuple[int, bytes]:
    """The status and the rest of what is answered to these bytes; the client sends no more, and waits."""
    found = b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        lines = [f"POST {path} HTTP/1.1\r\ncontent-type: {kind}".encode(), b"host: 127.0.0.1", *head]
        # A server that has heard enough may cut the connection.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(b"\r\n".join([*lines, b"", b""]) + body)
        with contextlib.suppress(ConnectionResetError):
            while b"\r\n\r\n" not in found and (chunk := connection.recv(65536)):
                found += chunk
    return int(found.split()[1]) if found else 0, found


@pytest.fixture(scope="module")
def bearer(guarded: Stack) -> bytes:
    return b"authorization: Bearer " + let_in(guarded, [person("large")])[0].encode()


def test_a_body_that_is_too_large_is_refused_before_it_comes(guarded: Stack, bearer: bytes):
    """F19: by what Content-Length says: not a byte of it has been sent."""
    status, _ = sent(guarded.port, [bearer, b"content-length: %d" % (MOST_BODY + 1)])
    form, _ = sent(guarded.port, [b"content-length: 16385"], path="/oauth/token", kind=FORM)

    assert (status, form) == (413, 413)


@pytest.mark.parametrize(
    ("path", "size", "kind"),
    [
        ("/oauth/token", 16 * 1024 + 1, FORM),
        ("/oauth/revoke", 16 * 1024 + 1, FORM),
        ("/oauth/consent", 16 * 1024 + 1, FORM),
        ("/oauth/register", 8 * 1024 + 1, "application/json"),
        ("/mcp", MOST_BODY + 1, "application/json"),
    ],
)
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_of_one_byte_too_many_is_refused(
    guarded: Stack, bearer: bytes, path: str, size: int, kind: str, *, chunked: bool
):
    """F19: RFC 9110 15.5.14, whether its length is said or not."""
    body = b"a=" + b"x" * (size - 2)
    pieces = (body[start : start + 65536] for start in range(0, size, 65536))
    headers = {"content-type": kind, "x-forwarded-for": "192.0.2.99"}
    headers |= {"authorization": bearer.decode().partition(": ")[2]} if path == "/mcp" else {}

    answer = httpx2.post(f"{guarded.url}{path}", content=pieces if chunked else body, headers=headers)

    assert answer.status_code == 413
    assert not any(leak in answer.text for leak in LEAKS)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "identity, gzip"])
def test_a_body_that_is_packed_is_not_unpacked(guarded: Stack, bearer: bytes, encoding: str):
    """F19: a small body that would be a gigabyte: refused as what it is."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = b"".join(packer.compress(b" " * 1024 * 1024) for _ in range(200)) + packer.flush()
    headers = {"authorization": bearer.decode().partition(": ")[2], "content-encoding": encoding, **ACCEPT}
    began = time.monotonic()

    answer = httpx2.post(guarded.mcp_url, content=packed, headers=headers)
    form = {"content-type": FORM, "content-encoding": encoding}
    given = httpx2.post(f"{guarded.url}/oauth/token", content=packed[:16_000], headers=form)

    assert answer.status_code in (400, 413, 415)
    assert given.status_code in (400, 413, 415)
    assert time.monotonic() - began < 5


LIES = {
    "less than there is": ([b"content-length: 2"], b"{}POST /evil HTTP/1.1\r\n\r\n"),
    "negative": ([b"content-length: -1"], b"{}"),
    "signed": ([b"content-length: +2"], b"{}"),
    "in words": ([b"content-length: two"], b"{}"),
    "twice": ([b"content-length: 2", b"content-length: 3"], b"{} "),
    "a list": ([b"content-length: 2, 2"], b"{}"),
    "beyond 64 bits": ([b"content-length: 99999999999999999999999"], b"{}"),
    "both": ([b"content-length: 2", b"transfer-encoding: chunked"], b"0\r\n\r\n"),
    "chunks of another coding": ([b"transfer-encoding: gzip"], b"{}"),
    "chunks not last": ([b"transfer-encoding: chunked, identity"], b"0\r\n\r\n"),
    "a chunk of no size": ([b"transfer-encoding: chunked"], b"zz\r\n{}\r\n0\r\n\r\n"),
    "a chunk of every size": ([b"transfer-encoding: chunked"], b"ffffffffffffffffff\r\n{}\r\n0\r\n\r\n"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_length_that_lies_smuggles_nothing(guarded: Stack, bearer: bytes, lie: str):
    """F19: RFC 9112 6.3, 11.2: 400, or the request that the length leaves; never the one behind it."""
    head, body = LIES[lie]

    status, answer = sent(guarded.port, [bearer, *head], body)

    assert status in (400, 413)
    assert b"/evil" not in answer
    assert not any(leak.encode() in answer for leak in LEAKS)


@pytest.mark.parametrize("part", [b"x-long: " + b"a" * 2_000_000, b"\r\n".join([b"x: " + b"a" * 1000] * 2000)])
def test_headers_without_end_are_refused(guarded: Stack, part: bytes):
    """F19: RFC 6585 5: the parser would keep all of them; the connection is closed."""
    status, answer = sent(guarded.port, [part])

    assert status in (0, 431)
    assert not answer or b"connection: close" in answer


def test_a_trailer_is_no_header(guarded: Stack, bearer: bytes):
    """A36, A40: RFC 9110 6.5.1: what stands behind the body was seen by no proxy, and counts for nothing."""
    chunked = b"2\r\n{}\r\n0\r\n"
    plain = [b"transfer-encoding: chunked"]

    as_somebody, _ = sent(guarded.port, plain, chunked + bearer + b"\r\n\r\n")
    elsewhere, _ = sent(guarded.port, [*plain, bearer], chunked + b"host: evil.example\r\norigin: https://evil\r\n\r\n")

    assert as_somebody == 401
    assert elsewhere == 400
