"""Who reads Redis, its files or a log learns no secret (A48, A52)."""

import json
import re
import secrets
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from storage import keys
from storage.seal import new_key
from tests.attacks.doors import Traveller, knock
from tests.clients import Wire
from tests.journeys.conftest import OWN_TOOLS
from tests.journeys.test_at_rest import use_everything
from tests.oauth import Person, authorize, new_app, query_of, register, ticket_of
from tests.secrets_scan import CANARIES, everything_in, found_in, scan_files, scan_logs, scan_redis
from tests.servers import DurableValkey, Stack, free_port, running_stack, until
from tests.stand_ins.upstream import Upstream, signing_in

TYPED = "typed-by-a-person-9c1e"
"""In every argument, result, progress, checkpoint, answer, URI and key."""
ON_A_SPAN = {
    *(
        "aws.request_id",
        "cloud.region",
        "error.type",
        "gen_ai.operation.name",
        "gen_ai.prompt.name",
        "gen_ai.tool.name",
    ),
    *("http.request.method", "http.request.resend_count", "http.response.status_code", "http.route"),
    *("jsonrpc.request.id", "mcp.method.name", "mcp.protocol.version", "mcp.session.id", "mcp_playground.outcome"),
    *("mcp_playground.task.attempt", "mcp_playground.task.status", "messaging.destination.name"),
    *("messaging.message.id", "messaging.operation.name", "messaging.operation.type", "messaging.system"),
    *(
        "network.protocol.name",
        "network.protocol.version",
        "network.transport",
        "rpc.method",
        "rpc.response.status_code",
    ),
    *("rpc.service", "rpc.system", "url.scheme"),
}
MADE_UP = "made-up-by-a-client-55d0"
"""The name of a tool and of a method."""
PASSWORD = secrets.token_urlsafe(24)


@dataclass
class Spied:
    """A stack at debug level through which everything went, and what keeps its data."""

    stack: Stack
    valkey: DurableValkey
    upstream: Upstream


@pytest.fixture(scope="module")
def spied(tmp_path_factory: pytest.TempPathFactory) -> Generator[Spied]:
    """Web, worker and Flower; an OpenID provider; a Redis with a password that writes to disk. All of it is used."""
    folder, port = tmp_path_factory.mktemp("spied"), free_port()
    CANARIES.note("what a person typed", TYPED)
    CANARIES.note("a password of Redis", PASSWORD)
    (folder / "redis").mkdir()
    with DurableValkey(folder / "redis") as valkey, signing_in() as upstream:
        with valkey.client(0) as admin:
            admin.acl_setuser(
                "server", enabled=True, passwords=[f"+{PASSWORD}"], keys="*", channels="*", commands=["+@all"]
            )
        settings = upstream.settings() | {
            "MCP_REDIS_URL": f"redis://server:{PASSWORD}@127.0.0.1:{valkey.port}/0",
            "MCP_AUTH": "oidc,local",
            "MCP_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "MCP_TRUSTED_PROXIES": "127.0.0.1",
            "MCP_LOG_LEVEL": "debug",
            "MCP_TOOL_MODULES": str(OWN_TOOLS),
            "MCP_RESULT_INLINE_LIMIT": "2000",
            "MCP_SECRET_KEYS": new_key(),
            "FLOWER_BASIC_AUTH": f"viewer:{PASSWORD}",
            # Spans go where logs go, and are looked through with them.
            "OTEL_TRACES_EXPORTER": "console",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "AWS_ENDPOINT_URL": upstream.issuer,
            "AWS_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": secrets.token_urlsafe(30),
            "AWS_SESSION_TOKEN": secrets.token_urlsafe(90),
        }
        with running_stack(valkey.url(0), folder, settings=settings, port=port) as stack:
            _use(stack, upstream)
            yield Spied(stack, valkey, upstream)
        assert scan_files(folder / "redis", stack.environment()) == []


def _use(stack: Stack, upstream: Upstream) -> None:
    """The whole way in at a provider and at `local`, refusals on the way; every kind of call; AWS; Flower."""
    flower = free_port()
    stack.start("flower", "--port", str(flower))
    app, person = new_app(stack, scope=None), Traveller(stack.url)
    page = authorize(person, app, scope="mcp:tools mcp:prompts mcp:resources mcp:aws")
    agreed = {"ticket": ticket_of(page), "decision": "allow", "provider": "oidc"}
    arrived = person.get(upstream.visit(person.post("/oauth/consent", agreed).headers["location"]))
    code = query_of(arrived.headers["location"])["code"]
    given = app.token(app.redemption(code)).json()
    renewed = app.refresh(given["refresh_token"]).json()
    assert [app.refresh(given["refresh_token"]).status_code, app.token(app.redemption(code)).status_code] == [200, 400]
    register(stack, token_endpoint_auth_method="client_secret_basic")
    person.get(f"/oauth/callback/oidc?code={TYPED}&state={TYPED}")
    httpx2.get(f"{stack.mcp_url}?access_token={renewed['access_token']}", timeout=20)
    token = _fresh(stack, upstream)
    use_everything(stack.mcp_url, canary=TYPED, token=token)
    knock(stack.mcp_url, token, cookie=f"session={TYPED}")
    wire = Wire(stack.mcp_url)
    wire.http.headers["authorization"] = f"Bearer {token}"
    carried = {"traceparent": TYPED, "tracestate": TYPED, "baggage": f"who={TYPED}"}
    wire.call("aws_s3", {"operation": "listBuckets"}, meta=carried, headers=carried)
    wire.call("aws_s3", {"operation": "listObjects", "bucket": TYPED, "keyPrefix": TYPED})
    # The audit trail, which is a log too, says which tool was asked for.
    wire.call(MADE_UP, {"said": TYPED})
    wire.send(f"{MADE_UP}/method", {"said": TYPED})
    until(lambda: _flower_shows(flower), "Flower showing the jobs", within=40)


def _fresh(stack: Stack, upstream: Upstream) -> str:
    """An access token that is not revoked."""
    app, person = new_app(stack), Person(stack.url)
    page = authorize(person, app, scope="mcp:tools mcp:prompts mcp:resources mcp:aws")
    agreed = {"ticket": ticket_of(page), "decision": "allow", "provider": "oidc"}
    arrived = person.get(upstream.visit(person.post("/oauth/consent", agreed).headers["location"]))
    return app.token(app.redemption(query_of(arrived.headers["location"])["code"])).json()["access_token"]


def _flower_shows(port: int) -> bool:
    try:
        pages = [
            httpx2.get(f"http://127.0.0.1:{port}{path}", auth=("viewer", PASSWORD), timeout=5)
            for path in ("/tasks", "/api/tasks", "/workers")
        ]
    except httpx2.HTTPError:
        return False
    return all(page.is_success for page in pages)


def test_nothing_in_any_database_is_in_clear(spied: Spied):
    """A48: after everything, in every database of the server; and the scan had something to look through."""
    environment = spied.stack.environment()
    found = [leak for number in range(16) for leak in scan_redis(spied.valkey.url(number), environment)]
    with spied.valkey.client(0) as client:
        names = {name.decode() for name in client.scan_iter("mcp:*")}
        upstream = [client.hget(name, "upstream") for name in names if name.endswith(":grant")]

    assert found == []
    assert any(upstream)
    assert len(spied.upstream.given) >= 6
    assert {keys.audit("people"), keys.audit("tools"), keys.CLIENTS, keys.GRANTS} < names
    for kind in (":task:", ":log:", ":session:", "mcp:result:"):
        assert any(kind in name for name in names), kind


def test_nothing_in_the_append_only_file_is_in_clear(spied: Spied):
    """A48: nor is it in what was overwritten or has expired since: the file holds every command."""
    file = spied.valkey.folder
    with spied.valkey.client(0) as client:
        client.config_set("appendfsync", "always")
        client.set("mcp:end", "of-the-flow", px=60_000)
    written = b"".join(each.read_bytes() for each in (file / "appendonlydir").iterdir())

    assert b"of-the-flow" in written
    assert written.count(b"PEXPIRE") > 20
    assert scan_files(file, spied.stack.environment()) == []


def test_nothing_secret_is_in_a_log_at_debug_level(spied: Spied):
    """A52: of web, worker or Flower, their libraries included; nor the query of a callback."""
    logs = {program.name.split("-")[0]: program.log for program in spied.stack.programs}
    written = {name: log.read_text() for name, log in logs.items()}

    assert logs.keys() == {"serve", "worker", "flower"}
    assert '"level": "debug"' in written["serve"] + written["worker"]
    assert "tokens issued" in written["serve"]
    assert "aws_s3" in written["worker"]
    assert scan_logs(logs.values(), spied.stack.environment()) == []
    assert not [
        name for name, text in written.items() if "code=" in text or "state=" in text or "?access_token" in text
    ]


def printed_spans(text: str) -> Iterator[dict[str, Any]]:
    """The spans that OpenTelemetry's console exporter wrote among the lines of a log."""
    for found in re.finditer(r'^\{\n    "name": ', text, re.MULTILINE):
        yield json.JSONDecoder().raw_decode(text[found.start() :])[0]


def test_a_span_holds_nothing_but_what_is_on_the_list(spied: Spied):
    """A52: no argument, token, name of a person or thing, path or message, whatever was called or refused."""
    logs = {program.name.split("-")[0]: program.log for program in spied.stack.programs}
    until(lambda: '"S3.HeadBucket"' in logs["worker"].read_text(), "the spans of the last calls")
    until(lambda: '"other"' in logs["serve"].read_text(), "the spans of what was made up")

    spans = [span for log in logs.values() for span in printed_spans(log.read_text())]
    text = json.dumps(spans)

    assert {key for span in spans for key in span["attributes"]} <= ON_A_SPAN
    assert {"POST /mcp", "create default", "process default", "S3.ListBuckets"} <= {span["name"] for span in spans}
    assert [span["name"] for span in spans if span["events"]] == []
    nobodys_business = (TYPED, MADE_UP, f'"{spied.upstream.subject}', spied.upstream.issuer, "127.0.0.1")
    assert [said for said in nobodys_business if said in text] == []
    assert found_in([text.encode()], CANARIES.anywhere | CANARIES.stored) == []


def test_a_slow_command_shows_nothing(spied: Spied):
    """A48: Redis keeps the arguments of slow commands for whoever may ask."""
    with spied.valkey.client(0) as client:
        told = [str(entry).encode() for entry in client.slowlog_get(1000)]
        needles = CANARIES.anywhere | CANARIES.stored

    assert found_in(told, needles) == []
    assert list(everything_in(spied.valkey.url(0)))
