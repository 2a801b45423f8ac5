"""docker-compose.yml does what it promises: two replicas, two pools, and a proxy that keeps nothing to itself."""

from contextlib import ExitStack
from itertools import pairwise

import httpx2

from tests.clients import Wire
from tests.containers.engine import ROOT, Site, inspect, run
from tests.node import module, node
from tests.servers import until
from tests.sse import Event, call, get, session

WEBS = ("web-1", "web-2")
ALL = (*WEBS, "worker-default", "worker-slow", "flower", "proxy", "valkey")


def steps(events: list[Event]) -> list[float]:
    return [event.step for event in events if event.step is not None]


def test_the_compose_file_is_clean():
    """dclint: no rule of its is broken, and none is switched off."""
    linter = module("dclint") / "bin" / "dclint.cjs"

    run(str(node()), str(linter), "--max-warnings", "0", str(ROOT / "docker-compose.yml"))


def test_every_container_is_locked_down(site: Site):
    """Ours: no root, no writable root filesystem, no capability, in none of them."""
    found = {service: inspect("container", site.container(service)) for service in ALL}

    hosts = {service: each["HostConfig"] for service, each in found.items()}
    assert {service for service, host in hosts.items() if not host["ReadonlyRootfs"]} == set()
    assert {service for service, each in found.items() if each["EffectiveCaps"]} == set()
    assert {service for service, each in found.items() if each["Config"]["User"].split(":")[0] in ("", "0")} == set()


def test_the_health_checks_answer(site: Site):
    """Ours: of what has one, as the engine asks it."""
    for service in (*WEBS, "flower", "valkey"):
        run("podman", "healthcheck", "run", site.container(service))


def test_events_pass_the_proxy_when_they_are_made(site: Site):
    """Issue 7: unbuffered; each of ten events a fifth of a second after the one before."""
    wire = Wire.handshake(f"{site.url}/mcp")

    heard = wire.call("streaming", {"count": 10, "intervalMs": 200}, token=1)

    gaps = [later.at - earlier.at for earlier, later in pairwise(heard.progress)]
    assert len(heard.progress) == 10
    assert sum(gap > 0.1 for gap in gaps) >= 8, gaps
    assert max(gaps) < 1


def test_both_replicas_answer_in_one_session(site: Site):
    """Ours: the proxy has no favourite, and a session belongs to neither."""
    wire = Wire.handshake(f"{site.url}/mcp")
    before = [_answered(site, service) for service in WEBS]

    for _ in range(6):
        assert wire.send("tools/list").result["tools"]

    def both() -> bool:
        return all(_answered(site, service) >= earlier + 3 for service, earlier in zip(WEBS, before, strict=True))

    until(both, "three requests in the log of each replica")


def test_each_pool_takes_its_own_queue(site: Site):
    """Ours: a tool that names a queue runs in that pool and nowhere else."""
    wire = Wire(f"{site.url}/mcp")

    places = {tool: wire.call(tool, {}).result["content"][0]["text"] for tool in ("slow_place", "usual_place")}

    assert site.container("worker-slow").startswith(places["slow_place"])
    assert site.container("worker-default").startswith(places["usual_place"])


def test_a_killed_replica_costs_a_client_that_resumes_nothing(site: Site):
    """Issue 7: SIGKILL under four streams; by the same address, every later event once, and the result."""
    wires = [session(f"{site.url}/mcp") for _ in range(4)]
    with ExitStack() as opened:
        streams = [
            opened.enter_context(call(wire, "streaming", token=1, count=20, intervalMs=200 + number))
            for number, wire in enumerate(wires)
        ]
        heard = [[stream.next() for _ in range(5)] for stream in streams]
        run("podman", "kill", site.container("web-1"))
        try:
            for stream, events in zip(streams, heard, strict=True):
                events.extend(stream.rest())
            broken = [number for number, events in enumerate(heard) if not _is_over(events)]
            for number in broken:
                with get(wires[number], heard[number][-1].id) as later:
                    heard[number] += later.rest(within=20)
        finally:
            run("podman", "start", site.container("web-1"))

    assert len(broken) == 2
    assert [steps(events) for events in heard] == [[float(step) for step in range(1, 21)]] * 4
    assert all(_is_over(events) for events in heard)


def test_what_was_written_outlives_the_store(site: Site):
    """Ours: a session is known after Valkey was killed and started again (append-only file, in a volume)."""
    wire = session(f"{site.url}/mcp")
    run("podman", "kill", site.container("valkey"))
    run("podman", "start", site.container("valkey"))

    until(lambda: _ready(site), "the site being ready again", within=60)
    assert wire.send("tools/list").result["tools"]


def test_the_store_refuses_whoever_has_no_password(site: Site):
    """Ours: also inside the network."""
    command = ["podman", "exec", "--env=REDISCLI_AUTH=", site.container("valkey"), "valkey-cli", "ping"]

    assert "NOAUTH" in run(*command)


def test_no_secret_stands_in_a_command_line(site: Site):
    """Ours: arguments are for every process of the machine to read."""
    lines = run("sh", "-c", "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '; true")

    secrets = {name: site.settings[name] for name in ("VALKEY_PASSWORD", "MCP_SECRET_KEYS", "FLOWER_BASIC_AUTH")}
    assert [name for name, secret in secrets.items() if secret in lines] == []


def test_flower_shows_what_ran_to_whoever_signs_in(site: Site):
    """Ours: the tool's name and how it ended; and nothing to others."""
    user, password = site.settings["FLOWER_BASIC_AUTH"].split(":")
    Wire(f"{site.url}/mcp").call("usual_place", {})

    def seen() -> bool:
        jobs = httpx2.get(f"{site.flower_url}/api/tasks", auth=(user, password), timeout=10).json()
        return any((job["name"], job["state"]) == ("usual_place", "SUCCESS") for job in jobs.values())

    until(seen, "the finished job in Flower", within=30)
    strangers = [httpx2.get(site.flower_url + path, timeout=10).status_code for path in ("/tasks", "/api/tasks")]
    assert strangers == [401, 401]


def _ready(site: Site) -> bool:
    return httpx2.get(f"{site.url}/health/ready", timeout=5).status_code == 200


def _is_over(events: list[Event]) -> bool:
    return events[-1].message is not None and "result" in events[-1].message


def _answered(site: Site, service: str) -> int:
    """How many requests of MCP a replica has logged."""
    return site.logs(service).count('"path": "/mcp"') + site.logs(service).count('"path":"/mcp"')
