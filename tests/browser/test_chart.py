"""The chart of an investigation as hosts show it: a real Chromium, a sandboxed frame, and the protocol between them.

With `SCREENSHOTS=folder` its pictures are kept there: `make screenshots` renews those of the documentation.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tasks.tools.ecs.page import investigation_page
from tests.browser.apps_host import Host, hosting
from tests.node import module
from tests.stand_ins.timelines import HOSTILE, MINUTE, START, empty, hostile, incident

VERDICT = {
    "status": "degraded",
    "severity": "high",
    "summary": "Tasks of checkout:42 run out of memory: 512 MB is less than it needs.",
}
ARGUMENTS = {"cluster": "prod", "service": "checkout"}
LINES = "#panels svg path.line"


def document() -> str:
    return investigation_page.function()


def found() -> dict[str, Any]:
    return {"chart": incident(), "verdict": VERDICT}


def drawn(host: Host, structured: object) -> None:
    host.show(structured, ARGUMENTS)
    host.wait_for("!document.getElementById('chart').hidden")


def test_the_handshake_is_the_specifications(chromium: Browser):
    """MCP Apps 2026-01-26: ui/initialize with what a view must say, then initialized, and its size when it changes."""
    with hosting(chromium, document()) as host:
        drawn(host, found())
        host.page.wait_for_function("heard.filter((each) => each.method.endsWith('size-changed')).length > 1")
        heard = host.heard

    first, second = heard[0], heard[1]
    sizes = [each["params"] for each in heard if each["method"] == "ui/notifications/size-changed"]
    assert first["jsonrpc"] == "2.0"
    assert first["method"] == "ui/initialize"
    assert first["params"]["protocolVersion"] == "2026-01-26"
    assert {"name", "version"} <= first["params"]["appInfo"].keys()
    assert first["params"]["appCapabilities"]["availableDisplayModes"] == ["inline", "fullscreen"]
    assert {each["method"] for each in heard} == {
        "ui/initialize",
        "ui/notifications/initialized",
        "ui/notifications/size-changed",
    }
    assert "ui/notifications/initialized" in (second["method"], heard[2]["method"])
    assert sizes[-1]["height"] > sizes[0]["height"] > 0


def test_requests_of_the_host_are_answered(chromium: Browser):
    """MCP Apps: a teardown waits for its answer; JSON-RPC 2.0: an unknown method is -32601."""
    with hosting(chromium, document()) as host:
        host.post({"id": 7, "method": "ui/resource-teardown", "params": {"reason": "closed"}})
        host.post({"id": "8", "method": "ping"})
        host.post({"id": 9, "method": "tools/list"})
        host.page.wait_for_function("heard.filter((each) => 'id' in each && !('method' in each)).length === 3")
        answers = {each["id"]: each for each in host.heard if "method" not in each}

    assert answers[7]["result"] == {}
    assert answers["8"]["result"] == {}
    assert answers[9]["error"]["code"] == -32601


def test_an_incident_is_drawn(chromium: Browser):
    """Ours: verdict, a panel for each unit, a line for each series, broken where nothing was measured, all markers."""
    with hosting(chromium, document()) as host:
        drawn(host, found())
        view = host.view

        assert view.locator("h1").inner_text() == "checkout in prod"
        assert view.locator("#verdict").inner_text().split() == f"high degraded {VERDICT['summary']}".split()
        assert view.locator(".legend > span").all_inner_texts() == [
            "cpu", "memory", "errors", "5xx", "latency", "running",
        ]  # fmt: skip
        # cpu and memory are in two pieces each: six minutes are missing.
        assert view.locator(LINES).count() == 8
        assert view.locator(".badge").count() == 6
        assert view.locator("#markers li").all_inner_texts()[1].split() == (
            ["2", "08:37", "task", "stopped:", "OutOfMemoryError:", "container", "killed", "task:1"]
        )
        assert view.locator("#message").is_hidden()


def test_the_cursor_tells_what_was_then(chromium: Browser):
    """Ours: the mouse anywhere over the panels shows the values of all of them, and what happened."""
    with hosting(chromium, document()) as host:
        drawn(host, found())
        box = host.view.locator("#panels").bounding_box()
        assert box is not None
        inner = box["width"] - 64
        host.page.mouse.move(box["x"] + 52 + inner * 39 / 90, box["y"] + 90)

        readout = host.view.locator("#readout")
        expect(readout).to_be_visible()
        said = readout.inner_text()
        host.page.mouse.move(box["x"] + 100, 6)
        expect(readout).to_be_hidden()

    assert said.startswith("28 Nov 08:39 UTC")
    assert "cpu" in said
    assert "62.1 %" in said
    assert "64.4 %" in said
    assert "1.3 s" in said
    assert "alarm: checkout-5xx-high in ALARM" in said


def test_everything_can_be_reached_with_the_keyboard(chromium: Browser):
    """Ours: arrows, Home and End move the cursor, a screen reader hears its value; each marker is a button."""
    with hosting(chromium, document()) as host:
        drawn(host, found())
        cursor = host.view.locator("#cursor")
        cursor.focus()
        cursor.press("End")
        last = cursor.get_attribute("aria-valuetext") or ""
        cursor.press("Home")
        cursor.press("ArrowRight")
        second = cursor.get_attribute("aria-valuetext") or ""
        cursor.press("Escape")
        expect(host.view.locator("#readout")).to_be_hidden()
        cursor.press("Tab")
        focused = host.view.evaluate("document.activeElement.innerText")
        spoken = cursor.get_attribute("aria-valuetext") or ""

        assert host.view.locator(".mark.told").count() == 1

    assert last.startswith("09:29, cpu ")
    assert second.startswith("08:01, cpu 28.9 %, memory 41 %")
    assert "checkout:42 deployed" in focused
    assert spoken.startswith("08:30")


def test_the_numbers_are_there_as_a_table(chromium: Browser):
    """Ours: for those who do not see the chart, and for those who want the number."""
    with hosting(chromium, document()) as host:
        drawn(host, found())
        host.view.locator("#numbers summary").click()
        table = host.view.locator("#table")

        assert table.locator("thead th").all_inner_texts() == [
            "Time (UTC)", "cpu", "memory", "errors", "5xx", "latency", "running",
        ]  # fmt: skip
        assert table.locator("tbody tr").count() == 90
        assert table.locator("tbody tr").nth(39).locator("td").all_inner_texts()[4:] == ["1.3 s", "3"]
        # A minute in which no CPU was measured has no number, rather than zero.
        assert table.locator("tbody tr").nth(62).locator("td").all_inner_texts()[:2] == ["", ""]


@pytest.mark.parametrize("policy", ["with its policy", "without"])
def test_words_of_others_stay_words(chromium: Browser, policy: str):
    """Ours: no markup, no script and no address is made of a label, even if no policy would stop it."""
    script = "<script>document.title='owned'</script><img src=/stolen onerror=\"document.title='owned'\">"
    told = hostile()
    for series in told["series"]:
        series["name"] = script
    for marker in told["markers"]:
        marker["label"] = marker["evidence"] = script
    verdict = {"status": script, "severity": script, "summary": script + HOSTILE.encode("utf-8", "replace").decode()}

    with hosting(chromium, document(), bypass_csp=policy == "without") as host:
        host.show({"chart": told, "verdict": verdict}, {"cluster": script, "service": script})
        host.wait_for("!document.getElementById('chart').hidden")
        host.view.locator("#cursor").press("End")
        host.view.locator("#numbers summary").click()

        assert host.view.locator("img, main script, iframe, a, object").count() == 0
        assert host.view.evaluate("document.title") == "Investigation"
        assert "<script>" in host.view.locator("h1").inner_text()
        assert "<img src=/stolen" in host.view.locator("#markers").inner_text()
        assert [address for address in host.asked if "stolen" in address] == []


NO_CHARTS: list[Any] = [
    None,
    7,
    "text",
    [],
    {},
    {"start": 1, "end": 1, "series": [], "markers": []},
    {"start": "1", "end": 2},
    {"start": 0, "end": 1e300},
    {"start": float(START), "end": START + MINUTE, "series": 7, "markers": {"at": 1}},
    {"start": START, "end": START + MINUTE, "series": [None, {"unit": "percent", "points": [None, [1], ["a", 2]]}]},
    {"start": START, "end": START + MINUTE, "series": [{"name": "constructor", "unit": "count", "points": []}]},
    {"start": START, "end": START + MINUTE, "markers": [{"at": START, "kind": "__proto__", "label": 7}, 8]},
]


@pytest.mark.parametrize("chart", NO_CHARTS)
def test_what_is_no_chart_breaks_nothing(chromium: Browser, chart: object):
    """Ours: a result of another version, or of a model's making, says what it has, or that there is none."""
    with hosting(chromium, document()) as host:
        errors: list[str] = []
        host.page.on("pageerror", lambda error: errors.append(str(error)))
        host.show({"chart": chart})
        host.wait_for("document.getElementById('message').textContent !== 'Waiting for the result.'")
        shown = host.view.locator("main").inner_text()

        assert "no data" in shown or "in words" in shown
        # And what comes next is drawn.
        drawn(host, found())
        # The page may have shown a chart before, so that alone says nothing.
        host.wait_for(f"document.querySelectorAll({LINES!r}).length === 8")
        assert errors == []


def test_a_window_without_measurements_says_so(chromium: Browser):
    """Ours: an empty panel could be a value of zero."""
    with hosting(chromium, document()) as host:
        drawn(host, {"chart": empty()})

        assert "no data" in host.view.locator("#panels").text_content()  # pyright: ignore[reportOperatorIssue]
        assert host.view.locator("#numbers").is_hidden()


def test_a_cancelled_call_says_so(chromium: Browser):
    """MCP Apps: ui/notifications/tool-cancelled."""
    with hosting(chromium, document()) as host:
        host.send("ui/notifications/tool-cancelled", {"reason": "by the person"})

        expect(host.view.locator("#message")).to_have_text("The investigation was cancelled.")


def test_messages_of_anybody_else_are_not_heard(chromium: Browser):
    """Ours: a window that is not the host has nothing to tell the page."""
    with hosting(chromium, document()) as host:
        host.view.evaluate(
            "window.postMessage({jsonrpc: '2.0', method: 'ui/notifications/tool-cancelled', params: {}}, '*')"
        )
        host.send("ui/notifications/tool-input", {"arguments": ARGUMENTS})
        expect(host.view.locator("h1")).to_have_text("checkout in prod")

        assert host.view.locator("#message").inner_text() == "Waiting for the result."


def test_the_host_chooses_light_or_dark(chromium: Browser):
    """MCP Apps: the host's theme goes before the browser's, at the beginning and whenever it changes."""
    background = "getComputedStyle(document.body).backgroundColor"
    with hosting(chromium, document(), theme="light") as host:
        drawn(host, found())
        light = host.view.evaluate(background)
        host.send("ui/notifications/host-context-changed", {"theme": "dark"})
        host.wait_for("document.documentElement.dataset.theme === 'dark'")
        dark = host.view.evaluate(background)

    assert (light, dark) == ("rgb(255, 255, 255)", "rgb(22, 25, 29)")


def test_the_hosts_colours_are_taken_together_or_not_at_all(chromium: Browser):
    """MCP Apps, theming: one without the other could be ink on paper of the same colour."""
    colours = "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    names = "--color-background-primary", "--color-text-primary"
    both = {"styles": {"variables": {names[0]: "rgb(1, 2, 3)", names[1]: "rgb(250, 251, 252)", "--ink": "red"}}}
    with hosting(chromium, document(), context=both) as host:
        whole = host.view.evaluate(colours)
    with hosting(chromium, document(), context={"styles": {"variables": {names[0]: "rgb(1, 2, 3)"}}}) as host:
        half = host.view.evaluate(colours)

    assert whole == ["rgb(1, 2, 3)", "rgb(250, 251, 252)"]
    assert half == ["rgb(255, 255, 255)", "rgb(31, 41, 51)"]


def test_nothing_is_fetched(chromium: Browser):
    """Ours: the page stands alone, and what it shows goes nowhere."""
    with hosting(chromium, document()) as host:
        drawn(host, found())

        assert [address for address in host.asked if not address.endswith(("/", "/view", "/favicon.ico"))] == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 900])
def test_the_chart_can_be_read_by_everybody(chromium: Browser, theme: str, width: int):
    """WCAG 2.2 AA as far as axe-core sees it; nothing runs over the edge of a phone."""
    with hosting(chromium, document(), theme=theme, width=width, bypass_csp=True) as host:
        drawn(host, found())
        host.view.locator("#numbers summary").click()
        host.view.add_script_tag(path=module("axe-core") / "axe.min.js")
        violations: list[dict[str, Any]] = host.view.evaluate("axe.run()")["violations"]

        assert [f"{each['id']}: {each['nodes'][0]['html']}" for each in violations] == []
        assert host.view.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize("make", [hostile, incident])
def test_a_phone_shows_it_whole(chromium: Browser, make: Callable[[], Any]):
    """Ours: 320 pixels and the longest words; the host is told how high that is."""
    with hosting(chromium, document(), width=320) as host:
        drawn(host, {"chart": make(), "verdict": {**VERDICT, "summary": "W" * 600}})
        host.page.wait_for_function("Math.abs(frame.clientHeight - heard.at(-1).params.height) < 2")

        assert host.view.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert host.view.evaluate("document.documentElement.scrollHeight <= window.innerHeight")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_its_picture_for_the_documentation(chromium: Browser, theme: str, tmp_path: Path):
    """Ours: what people see before they try it is what they get."""
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path)
    with hosting(chromium, document(), theme=theme, width=860) as host:
        drawn(host, found())
        box = host.view.locator("#panels").bounding_box()
        assert box is not None
        host.page.mouse.move(box["x"] + 52 + (box["width"] - 64) * 44 / 90, box["y"] + 90)
        expect(host.view.locator("#readout")).to_be_visible()
        host.page.locator("iframe").screenshot(path=folder / f"chart-{theme}.png")

    assert (folder / f"chart-{theme}.png").stat().st_size > 20_000
