"""Find words in the files of a project."""

from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Annotated, Final

import msgspec
from pydantic import Field
from typing_extensions import TypedDict

from tasks.tool import Run, ToolError, tool
from tasks.tools.project.search import ENOUGH, LARGEST_FILE, FileMatches, Keywords, Search
from tasks.tools.project.tree import MAX_DEPTH, Folder, printable, walk

MOST_FOLDERS: Final = 20_000
LONGEST: Final = timedelta(seconds=60)
CHECKPOINT_EVERY: Final = 50
"""Directories."""

Keyword = Annotated[str, Field(min_length=1, max_length=100, pattern=r"\S")]


class Found(TypedDict):
    keywords: list[str]
    files: list[FileMatches]
    totalMatches: int
    filesSearched: int
    filesSkipped: Annotated[int, Field(description="files that were too large or could not be read")]
    truncated: Annotated[bool, Field(description="whether a limit kept the search from being complete")]
    limits: Annotated[list[str], Field(description="each limit that was hit; empty when the search is complete")]


@tool(
    title="Search the project",
    scopes=("mcp:project",),
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
    search = msgspec.convert(run.resume() or {}, Search)
    deadline = monotonic() + LONGEST.total_seconds()
    folders = _folders(run, root, search, deadline)
    run.progress(0.5, len(folders) + 1, f"searching {len(folders)} directories")
    resumed = search.last
    for done, folder in enumerate(folders, 1):
        if resumed is not None and _order(folder.path) <= _order(resumed):
            continue
        _search_folder(run, search, folder, wanted, root=root, deadline=deadline)
        if search.last != printable(folder.path):
            break
        run.progress(done, len(folders) + 1, f"{search.last or '.'}: {search.total} matches so far")
        if done % CHECKPOINT_EVERY == 0:
            run.checkpoint(msgspec.to_builtins(search))
    return _answer(search, wanted)


def _root(configured: Path) -> Path:
    root = configured.expanduser().resolve()
    if not root.is_dir():
        raise ToolError("The project cannot be searched: MCP_PROJECT_PATH does not name a directory on the worker.")
    return root


def _folders(run: Run, root: Path, search: Search, deadline: float) -> list[Folder]:
    """The directories to search, so that the progress has a total; as many as the limits let through."""
    found: list[Folder] = []
    for folder in walk(root):
        run.check()
        if _is_late(search, deadline):
            break
        if len(found) == MOST_FOLDERS:
            search.limit(f"only the first {MOST_FOLDERS} directories were searched")
            break
        found.append(folder)
    return found


def _order(path: str) -> list[str]:
    """Directories are walked in the order of their names, parents first: this sorts them so."""
    return printable(path).split("/") if path else []


def _search_folder(
    run: Run, search: Search, folder: Folder, keywords: Keywords, *, root: Path, deadline: float
) -> None:
    """Search a directory's own files; it becomes the search's last unless a limit ends it before."""
    for file in folder.files:
        run.check()
        if search.is_full:
            search.limit(ENOUGH)
            return
        if _is_late(search, deadline):
            return
        search.add(root, file, keywords)
    if folder.too_deep:
        search.limit(f"directories more than {MAX_DEPTH} deep were not entered")
    search.last = printable(folder.path)


def _is_late(search: Search, deadline: float) -> bool:
    late = monotonic() > deadline
    if late:
        search.limit(f"the search stopped after {LONGEST.total_seconds():g} s")
    return late


def _answer(search: Search, keywords: Keywords) -> Found:
    if search.too_large:
        search.limit(f"{search.too_large} files larger than {LARGEST_FILE // 1024} KiB were not read")
    return {
        "keywords": list(keywords),
        "files": search.files,
        "totalMatches": search.total,
        "filesSearched": search.searched,
        "filesSkipped": search.too_large + search.unreadable,
        "truncated": bool(search.limits),
        "limits": search.limits,
    }
