"""The page of the chart, as a document; tests/browser/test_chart.py shows it in a browser."""

import base64
import hashlib
import re

from tasks.tools.ecs.page import PAGE_URI, investigation_page
from tasks.tools.ecs.timeline import KINDS, UNITS


def document() -> str:
    return investigation_page.function()


def test_it_asks_for_nothing():
    """Ours: no address in it but the name of SVG, and nothing that could fetch one."""
    page = document()

    assert set(re.findall(r"[a-z]+://[^\s\"'`)]+", page)) == {"http://www.w3.org/2000/svg"}
    assert re.findall(r"\b(?:fetch|XMLHttpRequest|WebSocket|EventSource|import|sendBeacon)\b", page) == []
    assert re.findall(r"\b(?:src|href)=|@import|url\(", page) == []


def test_no_markup_is_ever_made_of_data():
    """Ours: none of the ways by which text becomes markup or code is in its script."""
    ways = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|eval\(|Function\("
    )

    assert re.findall(ways, document()) == []


def test_its_policy_lets_its_own_script_run_and_no_other():
    """CSP 3, 2.3.1: the hashes in the policy are those of the one script and the one style there are."""
    page = document()

    policy = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    assert len(policy) == 1
    assert policy[0].startswith("default-src 'none'; ")
    for kind in ("script", "style"):
        texts = re.findall(rf"<{kind}>(.*?)</{kind}>", page, re.DOTALL)
        digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts]
        assert [f"'sha256-{digest}'" for digest in digests] == re.findall(rf"{kind}-src ([^;]+)", policy[0])
    assert "unsafe" not in policy[0]


def test_it_knows_every_unit_and_kind_of_a_timeline():
    """Ours: what a timeline may hold is drawn; the two lists are in two languages."""
    page = document()

    for kind in KINDS:
        assert f".c-{kind}" in page
    assert f"const UNITS = {list(UNITS)};".replace("'", '"') in page
    assert f"const KINDS = {list(KINDS)};".replace("'", '"') in page


def test_it_is_whole_and_small():
    """MCP Apps: a valid HTML5 document, under an address of its own."""
    page = document()

    assert PAGE_URI.startswith("ui://")
    assert page.startswith("<!doctype html>")
    assert page.rstrip().endswith("</html>")
    assert re.findall(r"\{(?:style|script)(?:-hash)?\}", page) == []
    assert len(page) < 40_000
