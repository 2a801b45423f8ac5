"""Find words in the files of a project."""

from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Annotated, Final

import msgspec
from pydantic import Field
from typing_extensions import TypedDict

from tasks.tool import Run, ToolError, tool
from tasks.tools.project.search import Match, matches
from tasks.tools.project.tree import MAX_DEPTH, Folder, walk

MOST_MATCHES: Final = 500
MOST_OF_FILE: Final = 20
LARGEST_FILE: Final = 2 * 1024 * 1024
LONGEST: Final = timedelta(seconds=60)
CHECKPOINT_EVERY: Final = 50

Keyword = Annotated[str, Field(min_length=1, max_length=100, pattern=r"\S")]


class FileMatches(TypedDict):
    path: Annotated[str, Field(description="relative to the project, with forward slashes")]
    matches: list[Match]
    truncated: Annotated[bool, Field(description="whether the file has more matching lines than are listed")]


class Found(TypedDict):
    keywords: list[str]
    files: list[FileMatches]
    totalMatches: int
    filesSearched: int
    filesSkipped: Annotated[int, Field(description="files that were too large or could not be read")]
    limits: Annotated[list[str], Field(description="each limit that cut the search short; empty when it is complete")]


@dataclass
class _Search:
    """What has been found so far; its fields survive in a checkpoint."""

    files: list[FileMatches] = field(default_factory=list[FileMatches])
    total: int = 0
    searched: int = 0
    skipped: int = 0
    folders: int = 0
    last: str | None = None
    """The last directory that was searched to its end."""
    limits: list[str] = field(default_factory=list[str])


@tool(
    title="Search the project",
    annotations={"readOnlyHint": True, "openWorldHint": False},
    timeout=LONGEST + timedelta(seconds=30),
)
def project(
    run: Run,
    keywords: Annotated[
        list[Keyword], Field(min_length=1, max_length=10, description="words to find, in any combination of case")
    ],
) -> Found:
    """Find lines with any of the keywords in the project's text files, ignoring case.

    Hidden files, what .gitignore excludes, binary files and symbolic links are left out.
    """
    root = _root(run.settings.project_path)
    wanted = {keyword: keyword.casefold() for keyword in dict.fromkeys(keywords)}
    search = msgspec.convert(run.resume() or {}, _Search)
    resumed = search.last
    deadline = monotonic() + LONGEST.total_seconds()
    folders = list(walk(root))
    run.progress(0.5, len(folders) + 1, f"searching {len(folders)} directories")
    for position, folder in enumerate(folders):
        if resumed is not None:
            resumed = None if folder.path == resumed else resumed
            continue
        _search_folder(run, search, folder, wanted, root)
        if _cut(search, deadline):
            break
        run.progress(position + 1, len(folders) + 1, f"{folder.path or '.'}: {search.total} matches so far")
        if position % CHECKPOINT_EVERY == CHECKPOINT_EVERY - 1:
            run.checkpoint(msgspec.to_builtins(search))
    return {
        "keywords": list(wanted),
        "files": search.files,
        "totalMatches": search.total,
        "filesSearched": search.searched,
        "filesSkipped": search.skipped,
        "limits": list(dict.fromkeys(search.limits)),
    }


def _root(configured: Path) -> Path:
    root = configured.expanduser().resolve()
    if not root.is_dir():
        raise ToolError("The project cannot be searched: MCP_PROJECT_PATH does not name a directory on the worker.")
    return root


def _search_folder(run: Run, search: _Search, folder: Folder, keywords: dict[str, str], root: Path) -> None:
    for file in folder.files:
        run.check()
        if search.total >= MOST_MATCHES:
            return
        try:
            if file.stat().st_size > LARGEST_FILE:
                raise OSError  # noqa: TRY301  # skipped like one that cannot be read
            found = list(islice(matches(file, keywords), MOST_OF_FILE + 1))
        except OSError:
            search.skipped += 1
            continue
        search.searched += 1
        if found:
            listed = found[:MOST_OF_FILE]
            path = file.relative_to(root).as_posix()
            search.files.append({"path": path, "matches": listed, "truncated": len(found) > MOST_OF_FILE})
            search.total += len(listed)
    if folder.too_deep:
        search.limits.append(f"directories more than {MAX_DEPTH} deep were not entered")
    search.last = folder.path


def _cut(search: _Search, deadline: float) -> bool:
    """Whether a limit ends the search; the result says which."""
    if search.total >= MOST_MATCHES:
        search.limits.append(f"the search stopped after {MOST_MATCHES} matches")
        return True
    if monotonic() > deadline:
        search.limits.append(f"the search stopped after {LONGEST.total_seconds():g} s")
        return True
    return False
