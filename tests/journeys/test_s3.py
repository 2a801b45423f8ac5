"""`aws_s3` as somebody looks through buckets with it: through the server, in both eras, at either replica."""

from collections.abc import Generator
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.types import TextContent

from tests.clients import ERAS
from tests.servers import Stack, ValkeyServer, running_stack
from tests.stand_ins.aws import Aws, aws

KEYS = [f"2026/{number:02}.log" for number in range(9)]
LOG = b"started\npassword=correct-horse-battery\nkey AKIAABCDEFGHIJKLMNOP\nstopped\n"


@pytest.fixture(scope="module")
def cloud() -> Generator[Aws]:
    with aws() as made:
        s3 = made.client("s3")
        s3.create_bucket(Bucket="shop")
        for key in (*KEYS, "2025/old.log", "readme\u202etxt"):
            s3.put_object(Bucket="shop", Key=key, Body=LOG, ContentType="text/plain")
        yield made


@pytest.fixture(scope="module")
def looking(valkey: ValkeyServer, cloud: Aws, tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    """Two replicas, and a worker that finds AWS where the stand-ins are."""
    settings = cloud.environment()
    folder = tmp_path_factory.mktemp("s3")
    with running_stack(valkey.url(30), folder, replicas=2, settings=settings) as running:
        yield running


@pytest.fixture(scope="module")
def linking(valkey: ValkeyServer, cloud: Aws, tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    """The same, and links are allowed."""
    settings = {**cloud.environment(), "MCP_S3_PRESIGN": "60"}
    with running_stack(valkey.url(31), tmp_path_factory.mktemp("s3-links"), settings=settings) as running:
        yield running


async def ask(url: str, mode: str, operation: str, **arguments: Any) -> dict[str, Any]:
    """The structured answer, which the official client holds against the output schema."""
    async with Client(url, mode=mode) as client:
        await client.list_tools()
        result = await client.call_tool("aws_s3", {"operation": operation, "bucket": "shop", **arguments})
    [content] = result.content[:1]
    assert not result.is_error, content
    return result.structured_content or {}


async def refusal(url: str, mode: str, operation: str, **arguments: Any) -> str:
    async with Client(url, mode=mode) as client:
        result = await client.call_tool("aws_s3", {"operation": operation, "bucket": "shop", **arguments})
    assert result.is_error
    return "".join(each.text for each in result.content if isinstance(each, TextContent))


async def test_pages_go_on_at_another_replica_in_the_other_era(looking: Stack):
    """Ours: a cursor is for whoever has it, wherever the next request goes."""
    found: list[str] = []
    cursor: dict[str, str] = {}
    for turn in range(20):
        url, mode = looking.mcp_urls[turn % 2], list(ERAS.values())[turn % 2]
        page = await ask(url, mode, "listObjects", keyPrefix="2026/", limit=2, **cursor)
        found += [each["key"] for each in page["buckets"][0]["objects"]]
        if "nextCursor" not in page:
            break
        cursor = {"cursor": page["nextCursor"]}
        other = await refusal(url, mode, "listObjects", keyPrefix="2025/", **cursor)
        assert "given for other arguments" in other

    assert found == KEYS


@pytest.mark.parametrize("mode", ERAS.values())
async def test_from_folders_to_the_text_of_an_object(looking: Stack, mode: str):
    """Ours: each answer names what the next question needs."""
    listed = await ask(looking.mcp_url, mode, "listPrefixes")
    folder = listed["prefixes"][1]
    objects = await ask(looking.mcp_url, mode, "listObjects", keyPrefix=folder["prefix"], limit=1)
    key = objects["buckets"][0]["objects"][0]["key"]
    head = await ask(looking.mcp_url, mode, "headObject", key=key)
    shown = await ask(looking.mcp_url, mode, "previewObject", key=key, part="end")

    assert (folder["prefix"], folder["objects"], folder["size"]) == ("2026/", 9, 9 * len(LOG))
    assert [each["shownAs"] for each in listed["objects"]] == ["readme\\u202etxt"]
    assert (head["object"]["size"], head["object"]["contentType"]) == (len(LOG), "text/plain")
    assert shown["object"] == head["object"]
    assert shown["preview"]["text"] == "started\npassword=[secret]\nkey [aws key]\nstopped\n"


@pytest.mark.parametrize("mode", ERAS.values())
async def test_progress_says_what_is_counted(looking: Stack, mode: str):
    """Ours: words with numbers, while it counts."""
    heard: list[str] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        heard.append(message or "")

    async with Client(looking.mcp_url, mode=mode) as client:
        arguments = {"operation": "listPrefixes", "bucket": "shop"}
        await client.call_tool("aws_s3", arguments, progress_callback=on_progress)

    assert heard[0] == "counting below 2 prefixes"
    assert heard[-1].startswith("'2026/'; 10 objects, ")


@pytest.mark.parametrize("mode", ERAS.values())
async def test_links_are_made_only_where_they_are_allowed(looking: Stack, linking: Stack, mode: str):
    """Ours: off until MCP_S3_PRESIGN says how long they last."""
    refused = await refusal(looking.mcp_url, mode, "presignGet", key=KEYS[0])
    made = await ask(linking.mcp_url, mode, "presignGet", key=KEYS[0])

    assert "MCP_S3_PRESIGN" in refused
    answer = httpx2.get(made["link"]["url"])
    assert (answer.content, answer.headers.get("content-disposition")) == (LOG, "attachment")
    assert "X-Amz-Expires=60&" in made["link"]["url"]
    signature = made["link"]["url"].rpartition("=")[2]
    assert signature not in "".join(program.output() for program in linking.programs)
