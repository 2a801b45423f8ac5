"""Load from wrk: many connections that send the same request as fast as it is answered."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

CONNECTIONS: Final = 16
CLIENT_CORE: Final = max(os.sched_getaffinity(0))
SERVER_CORE: Final = min(os.sched_getaffinity(0))
"""Servers under test share the one core, whoever loads them (and Redis) the other."""

# One thread for each server, so that a client without affinity can be had. No two requests of a session share an id.
# What was counted comes as one line of JSON.
_SCRIPT: Final = """
local ports = {%(ports)s}
local turn = 0
function setup(thread)
  turn = turn + 1
  thread.addr = wrk.lookup("127.0.0.1", ports[turn])[1]
  thread:set("id", turn * 100000000)
end
%(headers)s
local body = %(body)s
function request()
  id = id + 1
  return wrk.format("POST", nil, nil, (string.gsub(body, "@id", id)))
end
function done(summary, latency, requests)
  local e = summary.errors
  print(string.format('{"requests": %%d, "seconds": %%f, "p50": %%f, "p99": %%f, "failed": %%d}', summary.requests,
    summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


class MissingProgramError(Exception):
    """A program that a measurement needs is not installed."""


@dataclass(frozen=True)
class Request:
    body: Mapping[str, Any]
    headers: Mapping[str, str]
    path: str = "/mcp"

    def raw(self, port: int) -> bytes:
        """What goes over a bare socket."""
        body = json.dumps(self.body)
        headers = {"host": f"127.0.0.1:{port}", "content-length": str(len(body)), **self.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"POST {self.path} HTTP/1.1\r\n{lines}\r\n{body}".encode()


@dataclass(frozen=True)
class Load:
    """What one round showed: requests a second, and milliseconds of one request."""

    rate: float
    p50: float
    p99: float


def fire(ports: Sequence[int], request: Request, *, seconds: float) -> Load:
    """Load the server at *ports* for so long. AssertionError when a request failed."""
    wrk, taskset = shutil.which("wrk"), shutil.which("taskset")
    if wrk is None or taskset is None:
        raise MissingProgramError("wrk or taskset is missing (Debian: apt install wrk util-linux)")
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_script(ports, request))
        script.flush()
        url = f"http://127.0.0.1:{ports[0]}{request.path}"
        command = [wrk, f"-t{len(ports)}", f"-c{CONNECTIONS}", f"-d{seconds:g}s", "--latency", "-s", script.name, url]
        done = subprocess.run(
            [taskset, "-c", str(CLIENT_CORE), *command], capture_output=True, text=True, check=True, timeout=120
        )
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["failed"] == 0, f"{url}: {done.stdout}"
    assert found["requests"], f"{url}: nothing was answered: {request}: {done.stdout}"
    return Load(found["requests"] / found["seconds"], found["p50"], found["p99"])


def _script(ports: Sequence[int], request: Request) -> str:
    headers = "\n".join(
        f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}" for name, value in request.headers.items()
    )
    body = json.dumps(json.dumps({**request.body, "id": "@id"}).replace('"@id"', "@id"))
    return _SCRIPT % {"ports": ", ".join(map(str, ports)), "body": body, "headers": headers}
