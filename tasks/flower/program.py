"""Flower as a process of ours: what it is told, which doors it has, and what it remembers."""

# Flower ships no types: this module gives them to what leaves it.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import os
import re
import secrets
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlsplit

import flower.command
import flower.urls
import structlog
from flower.options import options
from flower.views.tasks import TASK_COLUMNS

from auth.addresses import Network
from auth.settings import AuthSettings
from storage.connection import Unavailable
from storage.errors import SettingsError
from storage.primary import locator
from storage.settings import StorageSettings, is_loopback, read
from tasks.broker import broker_url, create_celery
from tasks.flower.doors import Door, Doors, Password, ProxyHeader, ThisMachine
from tasks.flower.guard import LOOPBACK, GuardedFlower
from tasks.flower.server import Server
from tasks.flower.signin import SignIn
from tasks.logs import configure
from tasks.process import ProcessSettings
from tasks.settings import FlowerSettings

log = structlog.get_logger(__name__)

SAVED_EVERY: Final = 10_000
"""Milliseconds between two savings of what was seen: what a killed Flower forgets."""
MOST_TASKS: Final = 10_000
"""Jobs that are remembered; while they are saved, nothing is answered."""
_PRINCIPAL: Final = re.compile(r"\{principal: (.*)\}", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class FlowerProcess:
    """What one is started with. Groups not given are read from the environment."""

    host: str
    port: int
    issuer: str
    """The authorization server: where clients reach the web processes."""
    trusted: Sequence[Network] = ()
    """Proxies that are believed about who has signed in."""
    passwords: Sequence[str] = field(default=(), repr=False)
    """As `user:password`."""
    auth: AuthSettings = field(default_factory=lambda: read(AuthSettings))
    flower: FlowerSettings = field(default_factory=lambda: read(FlowerSettings))
    process: ProcessSettings = field(default_factory=ProcessSettings)


def run(given: FlowerProcess) -> None:
    """Run Flower in this process until it is told to stop. SettingsError when it would be open to strangers."""
    configure(given.process.log)
    signin = _signin(given)
    doors = _doors(given, signin)
    _configure_flower(given, signin)
    celery = create_celery(given.process.storage)
    cast("Any", celery).conf.broker_url = _broker(given.process.storage)
    cookie = {"secure": signin is not None and signin.is_https, "samesite": "Strict"}
    app: Any = GuardedFlower(capp=celery, options=options, xsrf_cookie_kwargs=cookie, **flower.urls.settings)
    app.doors, app.signin, app.hosts = doors, signin, _hosts(given)
    app.has_password = bool(given.passwords)
    # As at its own end: what was seen is saved.
    signal.signal(signal.SIGTERM, _end)
    try:
        app.start_http_server()
    except OSError as error:
        raise SettingsError(f"Flower cannot listen on {given.host}:{given.port}: {error.strerror}.") from None
    log.info("Flower serves", host=given.host, port=given.port, doors=[type(each).__name__ for each in doors.doors])
    try:
        app.start()
    except KeyboardInterrupt:
        pass
    finally:
        app.stop()


def _broker(storage: StorageSettings) -> str:
    """Where its page of queues looks: by a client of its own, which asks nobody where they are."""
    locate = locator(storage)
    try:
        return broker_url(storage, found=locate() if locate else None)
    except Unavailable:
        return broker_url(storage)


def _end(number: int, frame: object) -> None:
    sys.exit(0)


def _signin(given: FlowerProcess) -> SignIn | None:
    """Our own sign-in, when people sign in at the server at all and Flower is a client of it."""
    own = given.flower
    if not given.auth.is_on() or own.secret is None:
        return None
    url = own.url or f"http://127.0.0.1:{given.port}"
    if not own.url and not is_loopback(given.host):
        raise SettingsError(f"Flower would listen on {given.host!r} and people sign in: set MCP_FLOWER_URL.")
    server = Server(
        issuer=given.issuer,
        address=own.server or given.issuer,
        secret=own.secret.get_secret_value(),
        redirect_uri=f"{url}/login",
    )
    return SignIn(server=server, recheck=own.recheck.total_seconds(), is_https=url.startswith("https://"))


def _doors(given: FlowerProcess, signin: SignIn | None) -> Doors:
    found: list[Door] = []
    if given.passwords:
        found.append(Password(given.passwords))
    if given.flower.proxy_header:
        if not given.trusted:
            raise SettingsError(
                "MCP_FLOWER_PROXY_HEADER is set: MCP_TRUSTED_PROXIES must say whose header is believed."
            )
        found.append(ProxyHeader(header=given.flower.proxy_header, trusted=given.trusted, auth=given.auth))
    if signin:
        found.append(signin)
    if not found and is_loopback(given.host) and not given.auth.is_on():
        found.append(ThisMachine())
    if not found:
        reached = "would listen" if not is_loopback(given.host) else "listens"
        raise SettingsError(
            f"Flower {reached} on {given.host!r} and nothing says who may look: set MCP_AUTH and MCP_FLOWER_SECRET for "
            "our own sign-in, MCP_FLOWER_PROXY_HEADER for that of a proxy, or FLOWER_BASIC_AUTH=user:password"
            f"{', or use 127.0.0.1' if not given.auth.is_on() else ''}."
        )
    return Doors(found)


def _hosts(given: FlowerProcess) -> Sequence[str]:
    """The names it answers to, where a name is all that keeps another site's page out, or where it has one."""
    named = urlsplit(given.flower.url or "").netloc.rpartition("@")[2]
    host = re.sub(r":[0-9]+$", "", named)
    if host and not is_loopback(host.strip("[]")):
        return (host, *LOOPBACK) if is_loopback(given.host) else (host,)
    return LOOPBACK if host or is_loopback(given.host) else ()


def _configure_flower(given: FlowerProcess, signin: SignIn | None) -> None:
    """Flower's own options: those of its variables that change how it looks, and ours where they open or write."""
    os.environ.pop("FLOWER_UNAUTHENTICATED_API", None)
    os.environ.setdefault("FLOWER_MAX_TASKS", str(MOST_TASKS))
    os.environ.setdefault("FLOWER_TASKS_COLUMNS", "name,kwargs,state,received,runtime,worker,uuid")
    flower.command.apply_env_options()
    folder = _folder(given.process.storage.data_dir)
    own: dict[str, Any] = {
        "address": given.host,
        "port": given.port,
        "unix_socket": "",
        "url_prefix": "",
        "read_only": True,
        "debug": False,
        "persistent": folder is not None,
        "db": str(folder / "state") if folder else "",
        "state_save_interval": SAVED_EVERY if folder else 0,
        "format_task": shown,
        # Either makes Flower ask who somebody is, which our guard answers. Nobody is named so, should it ever not.
        "auth": "nobody@flower.invalid" if signin else "",
        "basic_auth": [] if signin else [f"nobody:{secrets.token_urlsafe(32)}"],
        "auth_provider": None,
    }
    for name, value in own.items():
        setattr(options, name, value)
    TASK_COLUMNS["kwargs"] = "For whom"
    flower.command.extract_settings()
    flower.command.setup_logging()


def _folder(data_dir: Path) -> Path | None:
    """Where what was seen is kept; None when nothing can be. What lies there is unpickled: it must be ours alone."""
    folder = data_dir / "flower"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
        is_writable = os.access(folder, os.W_OK)
    except OSError as error:
        log.warning("Flower forgets at its end what it saw", folder=str(folder), error=error.strerror)
        return None
    if found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise SettingsError(f"{folder} can be written by others, and what is in it is run: make it this user's alone.")
    return folder if is_writable else None


def shown(task: Any) -> Any:  # noqa: ANN401  # Celery has no types
    """A job as it is listed: for whom it runs. Its only argument is its own id."""
    found = _PRINCIPAL.fullmatch(str(task.kwargs or ""))
    if found:
        task.kwargs = found[1]
    return task
