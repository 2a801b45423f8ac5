"""Everything, on a cluster and on what sentinels watch; and what becomes of it when a server dies."""

from collections import Counter
from pathlib import Path

from storage import keys
from tests.attacks.doors import door, knock
from tests.clients import wire
from tests.journeys.conftest import OWN_TOOLS
from tests.journeys.everything import live
from tests.oauth import new_app, tokens
from tests.redis_servers import ClusterValkey, SentinelPair
from tests.servers import until

TOOLS = str(OWN_TOOLS)
INLINE = "2000"


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_a_cluster_serves_all_there_is_and_goes_on_after_the_death_of_a_node(tmp_path: Path):
    """Ours: sign-in, both eras, a session on two replicas, tasks, cancellation; each role with its own user (A62)."""
    with ClusterValkey(_made(tmp_path / "redis")) as cluster:
        roles = cluster.let_in()
        with door(
            cluster,
            0,
            _made(tmp_path / "stack"),
            roles=roles,
            MCP_TOOL_MODULES=TOOLS,
            MCP_RESULT_INLINE_LIMIT=INLINE,
        ) as stack:
            live(stack, cluster)
            token = tokens(stack, new_app(stack))["access_token"]
            denied, held = cluster.denied(), [len(node.names()) for node in cluster.nodes]
            cluster.nodes[0].kill()
            cluster.start()
            roles = cluster.let_in()
            until(lambda: knock(stack.mcp_url, token).status_code == 200, "an answer after the death", within=40)
            stack.wait_ready()
            answered = wire(stack.mcp_url, "stateless", authorization=f"Bearer {token}").call("count_up", {})

    assert denied == []
    assert min(held) > 0
    assert answered.result["isError"] is False


def test_all_keys_of_the_broker_share_one_slot(tmp_path: Path):
    """Ours: kombu moves messages between them, which a cluster does within a slot alone."""
    with (
        ClusterValkey(_made(tmp_path / "redis")) as cluster,
        door(cluster, 0, _made(tmp_path / "stack"), MCP_TOOL_MODULES=TOOLS, MCP_RESULT_INLINE_LIMIT=INLINE) as stack,
    ):
        token = tokens(stack, new_app(stack))["access_token"]
        wire(stack.mcp_url, "stateless", authorization=f"Bearer {token}").call("count_up", {})
        names = [name for node in cluster.nodes for name in node.names()]
        with cluster.client(0) as raw:
            slots = Counter(raw.keyslot(name) for name in names if name.startswith(keys.BROKER_PREFIX))

    assert len(slots) == 1


def test_what_a_replica_has_outlives_the_primary(tmp_path: Path):
    """Ours: sentinels promote the replica; sessions, grants and tasks are there, and new work is taken and done."""
    with (
        SentinelPair(_made(tmp_path / "redis")) as pair,
        door(pair, 0, _made(tmp_path / "stack"), MCP_TOOL_MODULES=TOOLS, MCP_RESULT_INLINE_LIMIT=INLINE) as stack,
    ):
        live(stack, pair)
        token = tokens(stack, new_app(stack))["access_token"]
        asked = wire(stack.mcp_url, "handshake", authorization=f"Bearer {token}")
        pair.wait_for_copies()
        pair.kill()
        pair.wait_for_promotion()
        until(lambda: knock(stack.mcp_url, token).status_code == 200, "an answer after the failover", within=40)
        stack.wait_ready()
        counted = asked.call("count_up", {})

    assert counted.result["isError"] is False
