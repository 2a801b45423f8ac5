"""Our own programs, with an internet that a test describes: names, and what listens at public addresses.

`python -m tests.stand_ins.internet <command> ...` runs the command line with three things outside it changed. What
names resolve to is read from `names.json` in the folder that `TEST_INTERNET` names; `authority.pem` there is the only
authority for certificates; and whatever the product connects to by itself ends at the port in `port`. All of it is
written down in `journal`. Which addresses may be connected to is still the product's to say.
"""

import json
import os
import socket
import ssl
import zlib
from collections import Counter
from pathlib import Path
from typing import Any, Final, cast

import anyio

from api.cli.main import main
from auth import fetch, lookup
from tests.attacks import mutant
from tests.servers import CONTROL_OFF

LOCAL: Final = ("127.0.0.1", "localhost")


def home(name: str) -> str:
    """A public address of its own for each name: what it resolves to unless `names.json` says otherwise."""
    number = zlib.crc32(name.encode())
    return f"93.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def _numbered(name: str) -> list[str]:
    """The address that the C library reads from what looks like a name."""
    try:
        return [socket.inet_ntoa(socket.inet_aton(name))]
    except OSError:
        return []


class Internet:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._asked = Counter[str]()

    def note(self, *what: object) -> None:
        # One short write in append mode: two processes write whole lines.
        with (self.folder / "journal").open("a") as journal:
            journal.write(" ".join(map(str, what)) + "\n")

    def addresses(self, name: str) -> list[str]:
        """What *name* resolves to this time: each answer in turn, the last one for ever."""
        known: dict[str, list[list[str]]] = json.loads((self.folder / "names.json").read_text())
        if name not in known and not name.endswith(".example"):
            return [LOCAL[0]] if name in LOCAL else _numbered(name)
        answers = known.get(name, [[home(name)]])
        self._asked[name] += 1
        return answers[min(self._asked[name], len(answers)) - 1]

    def install(self) -> None:
        connect = cast("Any", anyio.connect_tcp)
        port = int((self.folder / "port").read_text())

        async def connect_here(remote_host: str, remote_port: int, **options: Any) -> Any:
            self.note("connect", remote_host, remote_port)
            return await connect("127.0.0.1", port, **options)

        def resolve_here(host: str) -> list[str]:
            # As the real one does, which refuses what is no name.
            name = host.encode("idna").decode().removesuffix(".")
            found = self.addresses(name)
            self.note("resolve", name)
            if not found:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            return found

        anyio.connect_tcp = connect_here
        lookup.by_the_system = resolve_here
        fetch.authorities = lambda: ssl.create_default_context(cafile=str(self.folder / "authority.pem"))


if __name__ == "__main__":
    if CONTROL_OFF in os.environ:
        mutant.loaded()
        mutant.switch_off(os.environ[CONTROL_OFF])
    Internet(Path(os.environ["TEST_INTERNET"])).install()
    main(prog_name="mcp-playground")
