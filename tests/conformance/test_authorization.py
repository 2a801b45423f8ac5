"""The official suite's authorization scenarios, answered by a person who signs in."""

import json
import subprocess
from pathlib import Path

import httpx2
import pytest

from tests.node import module, node
from tests.oauth import Person, agree, register, sign_in
from tests.servers import Stack, free_port, until


@pytest.mark.parametrize("resource", [True, False], ids=["with resource", "without resource"])
def test_the_authorization_suite_passes_without_a_warning(guarded: Stack, tmp_path: Path, *, resource: bool):
    """Both scenarios: RFC 8414 metadata with CIMD, and a code grant; `resource` may be left out (there is only one).

    With a secret the suite cannot be run: it authenticates as a public client wherever the metadata allows those.
    """
    port = free_port()
    said = register(guarded, redirect_uris=[f"http://127.0.0.1:{port}/callback"]).json()
    suite = module("@modelcontextprotocol/conformance") / "dist" / "index.js"
    command = [str(node()), str(suite), "authorization", "--url", guarded.url, "--client-id", said["client_id"]]
    command += ["--port", str(port), "--output-dir", str(tmp_path / "out")]
    command += ["--resource", guarded.mcp_url] if resource else []
    printed = tmp_path / "printed"

    with printed.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            until(lambda: "Waiting up to" in printed.read_text(), "the suite asking for a person")
            url = next(line for line in printed.read_text().splitlines() if line.startswith(guarded.url))
            person = Person(guarded.url)
            arrived = sign_in(guarded, person, agree(person, person.get(url)))
            httpx2.get(arrived.headers["location"], timeout=20)
            process.wait(30)
        finally:
            process.kill()
            process.wait(10)

    found = [check for path in (tmp_path / "out").rglob("checks.json") for check in json.loads(path.read_text())]
    assert process.returncode == 0, printed.read_text()
    assert {check["id"] for check in found} == {
        "authorization-server-metadata",
        "authorization-server-metadata-cimd",
        "authorization-code-grant",
    }
    assert {check["status"] for check in found} == {"SUCCESS"}, printed.read_text()
