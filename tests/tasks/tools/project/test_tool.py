"""Searching a project: what it finds, and what it must never show."""

import json
import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tasks.schema import InvalidArguments
from tasks.settings import ToolSettings
from tasks.tool import Cancelled, ToolError
from tasks.tools.project.search import LARGEST_FILE, MOST_MATCHES, MOST_OF_FILE
from tasks.tools.project.tool import project
from tasks.tools.project.tree import MAX_DEPTH
from tests.stand_ins.run import FakeRun

MODULE = sys.modules[project.function.__module__]


class Impatient(FakeRun):
    """Is cancelled after the third step."""

    def progress(self, done: float, total: float | None = None, message: str = "", data: Any = None) -> None:
        super().progress(done, total, message, data)
        if len(self.steps) == 3:
            self.cancel()


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
    return run.call(project, keywords=keywords)


def test_it_finds_lines_in_what_may_be_read_and_nothing_else(root: Path):
    """Ours: relative paths; no hidden, ignored, binary or linked file; nested .gitignore files count."""
    found = search(root, "REDIS")

    assert [file["path"] for file in found["files"]] == ["README.md", "latin.txt", "src/app.py", "src/keep.log"]
    assert [match["line"] for match in found["files"][2]["matches"]] == [1, 3]
    assert found["files"][0]["matches"][0] == {"line": 1, "text": "Redis is used here.", "keywords": ["REDIS"]}
    assert (found["truncated"], found["limits"]) == (False, [])
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

    assert found["totalMatches"] == sum(len(file["matches"]) for file in found["files"]) == MOST_MATCHES
    assert found["truncated"] is True
    assert any("500 matches" in limit for limit in found["limits"])
    assert any(file["truncated"] for file in found["files"])


def test_large_and_unreadable_files_are_counted_not_read(root: Path):
    """Ours: memory stays bounded."""
    (root / "large.txt").write_bytes(b"redis\n" * (LARGEST_FILE // 6 + 1))

    found = search(root, "redis")

    assert found["filesSkipped"] == 1
    assert found["limits"] == ["1 files larger than 2048 KiB were not read"]


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


def test_directories_that_lie_too_deep_are_mentioned(root: Path):
    """Ours: an incomplete answer says so."""
    deep = root / "/".join("d" * (MAX_DEPTH + 1))
    deep.mkdir(parents=True)
    (deep / "f.txt").write_text("redis\n")
    (deep.parent / "f.txt").write_text("needle\n")

    assert search(root, "needle")["totalMatches"] == 1
    assert "deep were not entered" in search(root, "needle")["limits"][0]


def test_a_search_that_takes_too_long_ends_and_says_so(root: Path, monkeypatch: pytest.MonkeyPatch):
    """Ours: what was found until then is kept."""
    monkeypatch.setattr(MODULE, "LONGEST", timedelta(seconds=-1))

    assert search(root, "redis")["limits"] == ["the search stopped after -1 s"]


def test_a_tree_with_too_many_directories_is_cut_and_says_so(root: Path, monkeypatch: pytest.MonkeyPatch):
    """Ours: a tree of any size leaves the memory alone."""
    monkeypatch.setattr(MODULE, "MOST_FOLDERS", 1)

    found = search(root, "redis")

    assert [file["path"] for file in found["files"]] == ["README.md", "latin.txt"]
    assert found["limits"] == ["only the first 1 directories were searched"]


def test_a_keyword_is_found_anywhere_in_a_line_without_end(root: Path):
    """Ours: minified files are one line."""
    (root / "min.js").write_text("x" * 1_000_000 + "needle" + "y" * 500_000 + "\nlast needle")

    matches = search(root, "needle")["files"][0]["matches"]

    assert [match["line"] for match in matches] == [1, 2]
    assert "needle" in matches[0]["text"]


def test_a_broken_gitignore_line_is_passed_over(root: Path):
    """git: a pattern that means nothing excludes nothing."""
    (root / ".gitignore").write_text("!\n\\\n[z-a]\nbuild/\n*.log\n")

    paths = [file["path"] for file in search(root, "redis")["files"]]

    assert "build/out.txt" not in paths
    assert "src/app.py" in paths


def test_a_name_that_is_not_utf8_is_shown_with_replacements(root: Path):
    """Ours: a result is JSON, whatever the disk holds."""
    folder = os.fsencode(root) + b"/caf\xe9"
    os.mkdir(folder)  # noqa: PTH102  # pathlib takes no bytes
    with open(folder + b"/f.txt", "w") as file:  # noqa: PTH123
        file.write("needle\n")
    run = FakeRun()

    assert search(root, "needle", run=run)["files"][0]["path"] == "caf\ufffd/f.txt"
    json.dumps([message for _, _, message, _ in run.steps]).encode()


def test_a_link_in_place_of_the_rules_or_a_pipe_is_not_opened(root: Path, tmp_path: Path):
    """Ours: no way out of the root, and nothing to wait for."""
    rules = tmp_path / "rules"
    rules.write_text("*\n")
    (root / "src" / ".gitignore").unlink()
    (root / "src" / ".gitignore").symlink_to(rules)
    os.mkfifo(root / "pipe.txt")
    os.mkfifo(root / "src" / "deep" / ".gitignore")

    assert "src/app.py" in [file["path"] for file in search(root, "redis")["files"]]


def test_a_resumed_search_does_not_need_the_directory_it_stopped_at(root: Path):
    """Ours: the tree may change between two attempts."""
    (root / "zoo").mkdir()
    (root / "zoo" / "f.txt").write_text("needle\n")
    run = FakeRun(kept={"last": "src/removed"}, attempt=2)

    found = search(root, "needle", run=run)

    assert [file["path"] for file in found["files"]] == ["zoo/f.txt"]
    assert found["filesSearched"] == 1


def test_a_cancelled_search_ends_while_it_reads(root: Path):
    """Ours: cancelling is heard between two files."""
    for number in range(10):
        (root / f"d{number}").mkdir()
        (root / f"d{number}" / "f.txt").write_text("redis\n")
    run = Impatient()

    with pytest.raises(Cancelled):
        search(root, "redis", run=run)
    assert len(run.steps) == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "keywords is required"),
        ({"keywords": []}, "keywords"),
        ({"keywords": [""]}, "keywords.0"),
        ({"keywords": ["  "]}, "keywords.0"),
        ({"keywords": ["x" * 101]}, "keywords.0"),
        ({"keywords": ["x"] * 11}, "keywords"),
        ({"keywords": "redis"}, "keywords"),
        ({"keywords": [1]}, "keywords.0"),
        ({"keywords": ["x"], "path": "/etc"}, "path is unknown"),
    ],
)
def test_bad_input_is_refused_by_name(arguments: dict[str, object], words: str):
    """The predecessor took no keyword at all for success."""
    with pytest.raises(InvalidArguments, match=words):
        project.arguments.parse(json.dumps(arguments).encode())
