"""Where the broker's keys are, asked of those who know."""

from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import ConnectionError  # noqa: A004  # its name

from storage import keys
from storage.primary import LocatedConnection, locator
from tests.redis_client import settings_of
from tests.redis_servers import ClusterValkey, SentinelPair
from tests.servers import free_port, until


def test_one_server_is_not_looked_for():
    """Ours: the address names it."""
    assert locator(settings_of({"MCP_REDIS_URL": "redis://127.0.0.1:1/0"})) is None


def test_the_node_that_owns_the_brokers_slot_is_found_while_the_cluster_is_well(tmp_path: Path):
    """Ours: and one that does not own it is left, as a connection that is lost."""
    with ClusterValkey(tmp_path) as cluster:
        locate = locator(settings_of(cluster.environment()))
        assert locate is not None
        found = locate()
        with cluster.client(0) as raw:
            owner = raw.get_node_from_key(keys.broker_queue("default"))
        other = next(node.port for node in cluster.nodes if node.port != owner.port)
        astray: Any = LocatedConnection(locate=lambda: ("127.0.0.1", other))
        astray.send_command("LLEN", keys.broker_queue("default"))
        with pytest.raises(ConnectionError, match="elsewhere"):
            astray.read_response()
        cluster.kill()

        assert found == ("127.0.0.1", owner.port)
        assert not astray.is_connected
        with pytest.raises(ConnectionError, match="nobody knows"):
            locate()


def test_the_primary_is_asked_of_the_first_sentinel_that_answers(tmp_path: Path):
    """Ours: and another is named after a failover."""
    with SentinelPair(tmp_path, sentinels=1) as pair:
        hosts = f"127.0.0.1:{free_port()},127.0.0.1:{pair.ports[0]}"
        locate = locator(settings_of({"MCP_REDIS_URL": f"redis+sentinel://{hosts}"}))
        assert locate is not None
        before = locate()
        pair.kill()
        pair.wait_for_promotion()
        until(lambda: locate() != before, "another primary named")

        assert (before, locate()) == (("127.0.0.1", pair.primary.port), ("127.0.0.1", pair.replica.port))
