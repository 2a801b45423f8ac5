"""Searching a project: what it finds, and what it must never show."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tasks.settings import ToolSettings
from tasks.tool import Cancelled, ToolError
from tasks.tools.project.search import LARGEST_FILE, MOST_MATCHES, MOST_OF_FILE
from tasks.tools.project.tool import project
from tests.stand_ins.run import FakeRun


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    files = {
        "README.md": "Redis is used here.\nNothing else.\n",
        "src/app.py": "import redis\n\nREDIS = redis.Redis()\n",
        "src/deep/er.txt": "no match\n",
        ".env": "PASSWORD=redis\n",
        ".git/config": "redis\n",
        "node_modules/x/index.js": "redis\n",
        "build/out.txt": "redis\n",
        "src/keep.log": "redis\n",
        "src/drop.log": "redis\n",
        ".gitignore": "build/\n*.log\n",
        "src/.gitignore": "!keep.log\n",
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "image.bin").write_bytes(b"redis\0redis")
    (root / "latin.txt").write_bytes("caf\xe9 redis\n".encode("latin-1"))
    outside = tmp_path / "secret.txt"
    outside.write_text("redis\n")
    (root / "link.txt").symlink_to(outside)
    (root / "loop").symlink_to(root)
    return root


def search(root: Path, *keywords: str, run: FakeRun | None = None) -> dict[str, Any]:
    run = run or FakeRun()
    run.settings = ToolSettings(project_path=root)
    arguments = project.arguments.parse(json.dumps({"keywords": keywords}).encode())
    return project.output.structured(project.call(run, arguments)) or {}


def test_it_finds_lines_in_what_may_be_read_and_nothing_else(root: Path):
    """Ours: relative paths; no hidden, ignored, binary or linked file; nested .gitignore files count."""
    found = search(root, "REDIS")

    assert [file["path"] for file in found["files"]] == ["README.md", "latin.txt", "src/app.py", "src/keep.log"]
    assert [match["line"] for match in found["files"][2]["matches"]] == [1, 3]
    assert found["files"][0]["matches"][0] == {"line": 1, "text": "Redis is used here.", "keywords": ["REDIS"]}
    assert found["limits"] == []
    assert str(root) not in json.dumps(found)


def test_a_line_names_all_its_keywords(root: Path):
    """Ours: any of them is enough, all are told."""
    found = search(root, "import", "redis")

    assert found["files"][-2]["matches"][0]["keywords"] == ["import", "redis"]


def test_progress_goes_from_directory_to_directory(root: Path):
    """Ours: it grows and says where the search is."""
    run = FakeRun()
    search(root, "redis", run=run)

    numbers = [done for done, _, _, _ in run.steps]
    assert numbers == sorted(set(numbers))
    assert any(message.startswith("src") for _, _, message, _ in run.steps)


def test_limits_are_named_when_they_cut(root: Path):
    """Ours: an incomplete answer says so."""
    for number in range(MOST_MATCHES // MOST_OF_FILE + 5):
        (root / f"many{number:03}.txt").write_text("redis\n" * (MOST_OF_FILE + 1))

    found = search(root, "redis")

    assert found["totalMatches"] >= MOST_MATCHES
    assert any("500 matches" in limit for limit in found["limits"])
    assert any(file["truncated"] for file in found["files"])


def test_large_and_unreadable_files_are_counted_not_read(root: Path):
    """Ours: memory stays bounded."""
    (root / "large.txt").write_bytes(b"redis\n" * (LARGEST_FILE // 6 + 1))

    assert search(root, "redis")["filesSkipped"] == 1


def test_a_long_line_becomes_a_snippet_around_the_keyword(root: Path):
    """Ours: enough to recognise it."""
    (root / "long.txt").write_text("x" * 5000 + " needle " + "y" * 5000)

    text = search(root, "needle")["files"][0]["matches"][0]["text"]

    assert "needle" in text
    assert len(text) < 250


def test_a_missing_directory_is_explained_without_its_path(tmp_path: Path):
    """Ours: the setting is named, the server's layout is not."""
    with pytest.raises(ToolError, match="MCP_PROJECT_PATH") as caught:
        search(tmp_path / "nowhere", "x")

    assert str(tmp_path) not in str(caught.value)


def test_a_second_attempt_goes_on_where_the_first_stopped(root: Path):
    """Ours: checkpoints."""
    for number in range(60):
        (root / f"d{number:02}").mkdir()
        (root / f"d{number:02}" / "f.txt").write_text("redis\n")
    whole = search(root, "redis")
    first = FakeRun()
    search(root, "redis", run=first)
    assert first.kept is not None

    second = FakeRun(kept=first.kept, attempt=2)
    resumed = search(root, "redis", run=second)

    assert resumed == whole
    assert len(second.steps) < len(first.steps)


def test_it_stops_when_asked(root: Path):
    """Ours: between two files."""
    run = FakeRun()
    run.stop.set()

    with pytest.raises(Cancelled):
        search(root, "redis", run=run)
    assert os.path.lexists(root / "loop")
