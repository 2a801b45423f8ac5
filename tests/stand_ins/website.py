"""Every web site there is, in a thread: HTTPS for the names of a test, with the pages that the test puts there."""

import json
import ssl
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import trustme

from tests.stand_ins.http import Handler, Server

CLIENTS: Final = "clients.example"
"""Under it, any name of one label has a certificate that is good."""
IMPOSTOR, SELF_MADE = "impostor.clients.example", "self-made.clients.example"
"""These show another name's certificate, and one that no known authority signed."""


@dataclass(frozen=True, kw_only=True)
class Page:
    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    pause: float = 0
    """Seconds before each byte."""


@dataclass
class Web:
    """What there is, and what was asked for."""

    folder: Path
    pages: dict[str, Page] = field(default_factory=dict[str, Page])
    """By address, as `https://a.clients.example/path`."""
    asked: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """The name in the TLS handshake and the address, of every request."""
    connections: list[float] = field(default_factory=list[float])
    """When each was opened."""
    over: threading.Event = field(default_factory=threading.Event)

    def put(self, url: str, document: object, **headers: str) -> None:
        """Serve *document* as JSON."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.pages[url] = Page(body=json.dumps(document).encode(), headers={"content-type": "application/json"} | named)

    def names(self, **answers: Sequence[Sequence[str]]) -> None:
        """What the names `<label>.clients.example` resolve to, one answer after the other."""
        path = self.folder / "names.json"
        known: dict[str, Any] = json.loads(path.read_text())
        known |= {f"{label.replace('_', '-')}.{CLIENTS}": given for label, given in answers.items()}
        # Whoever reads it meanwhile finds the old one or the new one.
        (self.folder / "names.new").write_text(json.dumps(known))
        (self.folder / "names.new").replace(path)

    def asked_for(self, url: str) -> int:
        return [address for _, address in self.asked].count(url)

    def journal(self, of: str) -> list[str]:
        """What our programs looked up (`resolve`) or connected to (`connect`)."""
        path = self.folder / "journal"
        lines = path.read_text().splitlines() if path.exists() else []
        return [line.removeprefix(f"{of} ") for line in lines if line.startswith(f"{of} ")]


@contextmanager
def web(folder: Path) -> Generator[Web]:
    """All web sites, described in *folder* for `tests.stand_ins.internet`."""
    here = Web(folder)
    authority, unknown = trustme.CA(), trustme.CA()
    good, impostor = _shows(authority.issue_cert(f"*.{CLIENTS}")), _shows(authority.issue_cert("another.example"))
    self_made = _shows(unknown.issue_cert(SELF_MADE))

    def choose(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
        connection.context = {IMPOSTOR: impostor, SELF_MADE: self_made}.get(name or "", good)
        names[id(connection)] = name or ""

    names: dict[int, str] = {}
    good.sni_callback = choose

    class Site(Handler):
        def setup(self) -> None:
            here.connections.append(time.monotonic())
            self.request.settimeout(20)
            # Here, in a thread of its own: a handshake that never ends keeps nobody else waiting.
            self.request = good.wrap_socket(self.request, server_side=True)
            super().setup()

        def finish(self) -> None:
            super().finish()
            self.request.close()

        def do_GET(self) -> None:
            url = f"https://{self.headers['host']}{self.path}"
            here.asked.append((names[id(self.request)], url))
            page = here.pages.get(url, Page(status=404))
            self.send_response(page.status)
            for name, value in ({"content-length": str(len(page.body))} | dict(page.headers)).items():
                self.send_header(name, value)
            self.send_header("connection", "close")
            self.end_headers()
            for part in [page.body[at : at + 1] for at in range(len(page.body))] if page.pause else [page.body]:
                if page.pause and here.over.wait(page.pause):
                    return
                self.wfile.write(part)

    server: ThreadingHTTPServer = Server(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    (folder / "names.json").write_text("{}")
    (folder / "port").write_text(str(server.server_address[1]))
    try:
        yield here
    finally:
        here.over.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


def _shows(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)  # pyright: ignore[reportUnknownMemberType]  # it takes pyOpenSSL's too
    return context
