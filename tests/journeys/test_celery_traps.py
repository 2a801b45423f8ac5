"""What Celery on Redis does with bad messages and lost brokers, and what must not come of it."""

import base64
import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from storage import keys
from tasks.broker import RUN_TOOL, create_celery
from tests.clients import Wire
from tests.faults.load import submit_all
from tests.faults.oracle import judge
from tests.faults.site import running_site
from tests.journeys.conftest import OWN_TOOLS
from tests.redis_client import settings_of
from tests.servers import ValkeyServer, running_stack, until


def message(body: bytes, *, content_type: str = "application/json", **headers: Any) -> str:
    """As kombu puts it into the queue."""
    properties = {"delivery_tag": "tag", "delivery_info": {"exchange": "", "routing_key": "default"}}
    return json.dumps(
        {
            "body": base64.b64encode(body).decode(),
            "content-encoding": "utf-8",
            "content-type": content_type,
            "headers": {"lang": "py", "task": RUN_TOOL, "id": "x", **headers},
            "properties": {**properties, "body_encoding": "base64", "correlation_id": "x"},
        }
    )


PICKLE = "application/x-python-serialize"


class Exploit:
    """Leaves a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.file,))


def malformed(exploited: Path) -> dict[str, str]:
    embed = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    return {
        "no JSON at all": "\x00\xff not json",
        "another shape": json.dumps(["a", "list"]),
        "no properties": json.dumps({"body": ""}),
        "an unknown job": message(json.dumps([["x"], {}, embed]).encode(), task="rm_rf"),
        "no arguments": message(json.dumps([[], {}, embed]).encode()),
        "too many arguments": message(json.dumps([["a", "b", "c"], {}, embed]).encode()),
        "an id that is no text": message(json.dumps([[{"$ne": None}], {}, embed]).encode()),
        "an unknown id": message(json.dumps([["0" * 32], {}, embed]).encode()),
        "a body that is no JSON": message(b"{{{"),
        "a pickle": message(
            pickle.dumps([[Exploit(exploited)], {}, embed]), content_type="application/x-python-serialize"
        ),
        "no task header": message(b"[]", task=None),
    }


@pytest.mark.parametrize("what", list(malformed(Path())))
def test_a_message_nobody_understands_does_not_end_a_worker(
    valkey: ValkeyServer, broken_broker: Any, tmp_path: Path, what: str
):
    """Ours: whoever can write to the broker's database runs nothing; the worker goes on taking jobs."""
    exploited = tmp_path / "exploited"
    with valkey.client(16) as raw:
        raw.lpush(keys.broker_queue("default"), malformed(exploited)[what])
        until(lambda: raw.llen(keys.broker_queue("default")) == 0, "the message taken")

    answered = Wire(broken_broker.mcp_url).call("count_up", {})

    assert answered.result["structuredContent"] == {"attempt": 1}
    assert broken_broker.programs[0].process.poll() is None
    assert not exploited.exists()


@pytest.fixture(scope="module")
def broken_broker(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Any:
    with running_stack(valkey.url(16), tmp_path_factory.mktemp("broken"), MCP_TOOL_MODULES=str(OWN_TOOLS)) as stack:
        yield stack


def test_a_job_goes_on_when_the_broker_is_lost(tmp_path: Path):
    """Ours: Celery's option that would end it stays off, and the same process finishes what it began."""
    with running_site(tmp_path) as site:
        [task] = tasks = submit_all(site, "order", [{"folder": str(site.effects), "pause": 4.0}])
        until((site.effects / task).exists, "the job at work")
        site.valkey.kill()
        site.restart_redis()
        verdict = judge(site, tasks)

    assert verdict.violations == {}
    assert verdict.stories[0].effects == ["begun", "done"]
    assert verdict.stories[0].endings[0].status == "completed"
    assert len(verdict.stories[0].claims) == 1


def test_the_option_that_loses_jobs_is_off():
    """Ours: Celery 6 makes it the default, and with one Redis for everything it loses the task (measured)."""
    app: Any = create_celery(settings_of({"MCP_REDIS_URL": "redis://127.0.0.1:1/0"}))

    assert app.conf.worker_cancel_long_running_tasks_on_connection_loss is False
    assert app.conf.accept_content == ["json"]
