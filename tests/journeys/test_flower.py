"""Flower shows what ran, for whom, and how long; and lets nobody touch it."""

import contextlib
from pathlib import Path
from typing import Any

import httpx2

from tests.clients import wire
from tests.servers import ValkeyServer, free_port, running_stack, until


def tasks(url: str) -> dict[str, Any]:
    with contextlib.suppress(httpx2.HTTPError):
        return httpx2.get(f"{url}/api/tasks", timeout=5).json()
    return {}


def test_each_job_has_its_tool_principal_and_duration(valkey: ValkeyServer, tmp_path: Path):
    """Ours: and no argument of the caller."""
    with running_stack(valkey.url(12), tmp_path) as stack:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        stack.start("flower", "--port", str(port))
        until(lambda: _serves(url), "Flower", within=40)

        def seen() -> bool:
            wire(stack.mcp_url, "stateless").call("streaming", {"count": 1, "dataType": "sensor_data"})
            return any(task["state"] == "SUCCESS" for task in tasks(url).values())

        until(seen, "a finished job in Flower", within=40)
        job = next(task for task in tasks(url).values() if task["state"] == "SUCCESS")
        shut_down = httpx2.post(f"{url}/api/worker/shutdown/{job['worker']}", timeout=5)
        stack.wait_ready()

    assert job["name"] == "streaming"
    assert "anonymous@local" in job["kwargs"]
    assert job["runtime"] > 0
    assert "sensor_data" not in str(job)
    assert shut_down.status_code in (401, 403, 404, 405)


def _serves(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/healthcheck", timeout=5).is_success
    except httpx2.HTTPError:
        return False
