"""What the documents say of the repository is true: its settings, files, links and tests."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_env_example import GROUPS

ROOT = Path(__file__).parent.parent
DOCUMENTS = (
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "helm").rglob("*.md")),
)
THREATS = ROOT / "docs" / "threat-model.md"
ATTACKS = 69

_VARIABLE = re.compile(r"\bMCP_[A-Z0-9_]*[A-Z0-9]\b")
"""`MCP_GITHUB_*` and `MCP_..._CLIENT_ID` stand for many, and name none."""
_LINK = re.compile(r"!?\[[^\]]*\]\(([^()\s]+)\)")
_FENCE = re.compile(r"^ *(```|~~~).*?^ *\1", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_TEST = re.compile(r"tests/[\w/]+\.py(?:::(\w+))?")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def links(document: Path) -> Iterator[str]:
    """The targets of a document's links and images that lie in the repository."""
    for target in _LINK.findall(_FENCE.sub("", document.read_text())):
        if not re.match(r"[a-z]+:", target):
            yield target


def anchors(document: Path) -> set[str]:
    """What GitHub calls the headings of a document."""
    headings = _HEADING.findall(_FENCE.sub("", document.read_text()))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def leads_somewhere(document: Path, target: str) -> bool:
    path, _, anchor = target.partition("#")
    found = (document.parent / path).resolve() if path else document
    return found.exists() and (not anchor or anchor in anchors(found))


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_variable_that_is_named_is_a_setting(document: Path):
    """Ours: what somebody copies from a page does what the page says."""
    known = {
        f"{group.model_config.get('env_prefix', '')}{name}".upper() for group in GROUPS for name in group.model_fields
    }

    assert set(_VARIABLE.findall(document.read_text())) - known == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_link_and_image_leads_somewhere(document: Path):
    """Ours: files, folders and headings; addresses elsewhere are not asked."""
    assert [target for target in links(document) if not leads_somewhere(document, target)] == []


def test_every_attack_has_one_row():
    """Ours: none of the list is left out of the threat model, and none is told twice."""
    rows = re.findall(r"^\| A(\d+) \|", THREATS.read_text(), re.MULTILINE)

    assert [int(row) for row in rows] == list(range(1, ATTACKS + 1))


def test_every_row_says_what_stops_it_and_how_that_is_known():
    """Ours: an attack, a control, and a test, or that there is none yet."""
    rows = re.findall(r"^\| A\d+ \|.*$", THREATS.read_text(), re.MULTILINE)

    assert [row for row in rows if len([cell for cell in row.strip("|").split(" | ") if cell.strip()]) != 4] == []


def test_every_test_and_module_that_the_threat_model_names_exists():
    """Ours: a control whose test was renamed or removed is a control that nobody watches."""
    text = THREATS.read_text()
    modules = re.findall(r"`((?:api|auth|storage|tasks)/[\w/]+\.py)`", text)
    named = {(found[0].partition("::")[0], found[1]) for found in _TEST.finditer(text)}

    missing = [path for path in (*modules, *(path for path, _ in named)) if not (ROOT / path).is_file()]
    unknown = [
        f"{path}::{test}"
        for path, test in sorted(named)
        if path not in missing and test and f"def {test}(" not in (ROOT / path).read_text()
    ]

    assert named
    assert (missing, unknown) == ([], [])
