"""A host of MCP Apps in a browser: a page that frames another, talks to it, and writes down what it hears.

The framed page gets the sandbox and the policy that the specification wants of a host (2026-01-26, host behavior).
"""

import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser, Frame, Page

from tests.servers import until
from tests.stand_ins.http import Handler, serving

RESTRICTIVE = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; media-src 'self' data:; connect-src 'none'"
)
HOST = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Host</title>
<style>body{margin:0;background:%(background)s}iframe{border:0;width:100%%;height:300px;display:block}</style>
<iframe title="Chart" sandbox="allow-scripts"></iframe>
<script>
const heard = [], frame = document.querySelector("iframe");
const post = (message) => frame.contentWindow.postMessage({ jsonrpc: "2.0", ...message }, "*");
const send = (method, params) => post({ method, params });
addEventListener("message", ({ source, data }) => {
  if (source !== frame.contentWindow) return;
  heard.push(data);
  if (data.method === "ui/initialize") {
    const result = { protocolVersion: "2026-01-26", hostInfo: { name: "host", version: "1" }, hostCapabilities: {} };
    post({ id: data.id, result: { ...result, hostContext: %(context)s } });
  }
  if (data.method === "ui/notifications/size-changed") frame.style.height = data.params.height + "px";
});
frame.src = "/view";
</script>"""
BACKGROUND = {"light": "#ffffff", "dark": "#16191d"}


@dataclass(frozen=True)
class Host:
    """A host with one page in it that has said hello."""

    page: Page
    asked: list[str]
    """What the browser asked for on the network, by address."""

    @property
    def view(self) -> Frame:
        return self.page.frames[1]

    @property
    def heard(self) -> list[dict[str, Any]]:
        return self.page.evaluate("heard")

    def send(self, method: str, params: object) -> None:
        self.page.evaluate("([method, params]) => send(method, params)", [method, params])

    def post(self, message: object) -> None:
        self.page.evaluate("(message) => post(message)", message)

    def show(self, structured: object, arguments: dict[str, Any] | None = None) -> None:
        """A call and its result."""
        self.send("ui/notifications/tool-input", {"arguments": arguments or {}})
        result = {"content": [{"type": "text", "text": "in words"}], "structuredContent": structured}
        self.send("ui/notifications/tool-result", result)

    def wait_for(self, expression: str) -> None:
        """Until *expression* holds in the framed page.

        `wait_for_function` would evaluate it again inside the page, where the page's own policy forbids that.
        """
        until(lambda: self.view.evaluate(expression), expression)


@contextmanager
def hosting(
    browser: Browser,
    document: str,
    *,
    theme: str = "light",
    width: int = 900,
    context: dict[str, Any] | None = None,
    bypass_csp: bool = False,
) -> Generator[Host]:
    """A host that frames *document* and has got its `ui/notifications/initialized`."""
    told = json.dumps({"theme": theme, **(context or {})})
    host = HOST % {"background": BACKGROUND[theme], "context": told}

    class Pages(Handler):
        def do_GET(self) -> None:
            if self.path == "/view":
                self.answer(200, document.encode(), type="text/html;charset=utf-8", content_security_policy=RESTRICTIVE)
            else:
                self.answer(200, host.encode(), type="text/html;charset=utf-8")

    opened = browser.new_context(
        viewport={"width": width, "height": 1400},
        bypass_csp=bypass_csp,
        color_scheme="dark" if theme == "dark" else "light",
    )
    opened.set_default_timeout(15_000)
    page = opened.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    try:
        with serving(Pages) as address:
            page.goto(address)
            page.wait_for_function("heard.some((each) => each.method === 'ui/notifications/initialized')")
            yield Host(page, asked)
    finally:
        opened.close()
