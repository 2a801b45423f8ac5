"""The one resource that our tokens are for (RFC 8707, RFC 9728)."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from auth.refusal import OAuthRefused


def is_same(one: str, other: str) -> bool:
    """Whether two URIs name the resource: case of scheme and host, and a slash at the end, do not count."""
    try:
        return _plain(one) == _plain(other)
    except ValueError:
        return False


def check(named: Sequence[str], resource: str) -> str:
    """Refuse a token for anything but *resource*; who names none means it (`invalid_target`, RFC 8707 2)."""
    if not all(is_same(each, resource) for each in named):
        raise OAuthRefused("invalid_target", f"Tokens are issued for {resource} only")
    return resource


def _plain(uri: str) -> tuple[str, str, str, str]:
    parts = urlsplit(uri)
    if parts.fragment or "@" in parts.netloc:
        raise ValueError("not a resource")
    return parts.scheme.lower(), parts.netloc.lower(), parts.path.rstrip("/"), parts.query
