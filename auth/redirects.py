"""Which redirect URIs may be registered, and which presented one is the registered one.

URIs are compared as strings (OAuth 2.1 2.3.1); the one exception is the port of a loopback address (RFC 8252 7.3),
which a native client learns only when it listens.
"""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

MOST: Final = 10
LONGEST: Final = 512
LOOPBACK_HOSTS: Final = ("127.0.0.1", "[::1]", "localhost")
_PRINTABLE: Final = re.compile(r"[!-~]+")
_LOOPBACK: Final = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]|localhost))(:[0-9]{1,5})?((?:[/?].*)?)")
_HOST: Final = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.?")
_FORBIDDEN: Final = frozenset('\\*"<>`{}|^')


class BadRedirect(ValueError):
    """Why a redirect URI cannot be registered, in words."""


def check(uri: str, *, schemes: Sequence[str] = ()) -> None:
    """BadRedirect unless *uri* is https, http on loopback, or one of the private-use *schemes*."""
    if len(uri) > LONGEST:
        raise BadRedirect(f"a redirect URI may have at most {LONGEST} characters")
    if not _PRINTABLE.fullmatch(uri) or _FORBIDDEN & set(uri):
        raise BadRedirect("a redirect URI may hold only characters that RFC 3986 allows, and no wildcard")
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise BadRedirect("this is not a URI") from None
    if "#" in uri:
        raise BadRedirect("a redirect URI must have no fragment (RFC 6749 3.1.2)")
    if "@" in parts.netloc:
        raise BadRedirect("a redirect URI must name no user")
    scheme = parts.scheme
    if scheme in schemes and host:
        return
    if scheme == "http" and _LOOPBACK.fullmatch(uri):
        return
    if scheme != "https" or not (_HOST.fullmatch(host) or host.startswith("[") or ":" in host):
        raise BadRedirect("a redirect URI must be https with a host, or http on 127.0.0.1, [::1] or localhost")


def is_registered(uri: str, registered: Sequence[str]) -> bool:
    """Whether *uri* is one of those *registered*, byte for byte, but for a loopback port."""
    if uri in registered:
        return True
    found = _LOOPBACK.fullmatch(uri)
    if not found or (found[2] and not 0 < int(found[2][1:]) < 65_536):  # noqa: PLR2004  # TCP ports
        return False
    known = (_LOOPBACK.fullmatch(each) for each in registered)
    return any(each is not None and (each[1], each[3]) == (found[1], found[3]) for each in known)


def is_loopback(uri: str) -> bool:
    return _LOOPBACK.fullmatch(uri) is not None


def shown_host(uri: str) -> str:
    """Where a browser will be sent, for a person. What is registered is ASCII: other scripts stand as punycode."""
    parts = urlsplit(uri)
    host = parts.hostname or ""
    return host if parts.scheme in ("https", "http") else f"{parts.scheme}://{host}"
