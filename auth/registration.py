"""Dynamic client registration (RFC 7591): what may be registered, and what is answered."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast, get_args

from auth import redirects
from auth.refusal import OAuthRefused
from auth.scopes import split
from auth.tokens import new_client_secret
from storage.clients import AuthMethod, Client
from storage.grants import digest

LONGEST_NAME: Final = 64
GRANT_TYPES: Final = ("authorization_code", "refresh_token")
_METHODS: Final = tuple(method for method in get_args(AuthMethod) if method != "private_key_jwt")


def register(
    metadata: Mapping[str, Any], *, scopes: Sequence[str], schemes: Sequence[str], now: int
) -> tuple[Client, dict[str, Any]]:
    """A new client and the answer of RFC 7591 3.2.1, which holds its secret if it has one.

    OAuthRefused with `invalid_redirect_uri` or `invalid_client_metadata` (3.2.2). *now* is seconds since the epoch.
    """
    method = _method(metadata)
    secret = None if method == "none" else new_client_secret()
    client = Client(
        id=f"mcp_client_{secrets.token_urlsafe(24)}",
        name=shown_name(metadata.get("client_name")),
        redirect_uris=_redirects(metadata, schemes),
        grant_types=_grant_types(metadata),
        auth_method=method,
        secret_hash=digest(secret) if secret else "",
        created_at=now,
    )
    answer: dict[str, Any] = {
        "client_id": client.id,
        "client_id_issued_at": now,
        "client_name": client.name,
        "redirect_uris": list(client.redirect_uris),
        "grant_types": list(client.grant_types),
        "response_types": ["code"],
        "token_endpoint_auth_method": method,
    }
    if known := _scopes(metadata, scopes):
        answer["scope"] = " ".join(known)
    if secret:
        # RFC 7591 3.2.1: zero for a secret that does not expire.
        answer |= {"client_secret": secret, "client_secret_expires_at": 0}
    return client, answer | {name: metadata[name] for name in _ECHOED if isinstance(metadata.get(name), str)}


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A client as an operator describes it."""

    name: str
    uris: Sequence[str] = ()
    scopes: Sequence[str] = ()
    public: bool = False
    jwks: dict[str, Any] | None = None


def by_operator(
    wanted: Wanted, *, known: Sequence[str], schemes: Sequence[str], now: int
) -> tuple[Client, dict[str, Any]]:
    """A client that an operator vouches for, and what to tell whoever runs it; ValueError or BadRedirect otherwise.

    Without redirect URIs it is a program that comes without a person (RFC 6749 4.4), and must prove itself.
    """
    for uri in wanted.uris:
        redirects.check(uri, schemes=schemes)
    if unknown := [scope for scope in wanted.scopes if scope not in known]:
        raise ValueError(f"there is no scope {unknown[0]}; there are {', '.join(known)}")
    if wanted.public and (wanted.jwks or not wanted.uris):
        raise ValueError("a public client has redirect URIs and no keys: it can prove nothing")
    method: AuthMethod = "none" if wanted.public else "private_key_jwt" if wanted.jwks else "client_secret_basic"
    secret = new_client_secret() if method == "client_secret_basic" else None
    client = Client(
        id=f"mcp_client_{secrets.token_urlsafe(24)}",
        name=shown_name(wanted.name),
        redirect_uris=tuple(wanted.uris),
        grant_types=GRANT_TYPES if wanted.uris else ("client_credentials",),
        auth_method=method,
        secret_hash=digest(secret) if secret else "",
        scopes=tuple(wanted.scopes),
        jwks=wanted.jwks,
        created_at=now,
        origin="operator",
    )
    said: dict[str, Any] = {
        "client_id": client.id,
        "client_name": client.name,
        "grant_types": list(client.grant_types),
        "token_endpoint_auth_method": method,
    }
    return client, said | ({"client_secret": secret} if secret else {})


def shown_name(given: object) -> str:
    """A client's name as a person may see it: printable, in one direction, not too long."""
    text = given if isinstance(given, str) else ""
    plain = "".join(char for char in text if char.isprintable() and char not in _DIRECTIONS).strip()
    return plain[:LONGEST_NAME] or "An unnamed client"


def _redirects(metadata: Mapping[str, Any], schemes: Sequence[str]) -> tuple[str, ...]:
    uris = metadata.get("redirect_uris")
    if not isinstance(uris, list) or not uris:
        raise OAuthRefused("invalid_redirect_uri", "redirect_uris must list at least one URI")
    given = cast("list[object]", uris)
    if len(given) > redirects.MOST:
        raise OAuthRefused("invalid_redirect_uri", f"redirect_uris may list at most {redirects.MOST} URIs")
    for uri in given:
        try:
            redirects.check(uri if isinstance(uri, str) else "", schemes=schemes)
        except redirects.BadRedirect as error:
            raise OAuthRefused("invalid_redirect_uri", f"{str(error)[:1].upper()}{str(error)[1:]}") from None
    return tuple(dict.fromkeys(cast("list[str]", given)))


def _method(metadata: Mapping[str, Any]) -> AuthMethod:
    # RFC 7591 2: client_secret_basic is what leaving it out means.
    method = metadata.get("token_endpoint_auth_method", "client_secret_basic")
    if method not in _METHODS:
        raise OAuthRefused(
            "invalid_client_metadata", f"token_endpoint_auth_method must be one of {', '.join(_METHODS)}"
        )
    return method


def _grant_types(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """Those of the wanted that we know: the rest is left out, and the answer says so (RFC 7591 3.2.1).

    Clients list what they could do elsewhere too: VS Code always names the device flow.
    """
    given = _strings(metadata.get("grant_types", ["authorization_code"]))
    if "authorization_code" not in given:
        raise OAuthRefused("invalid_client_metadata", "grant_types must list authorization_code")
    if "code" not in _strings(metadata.get("response_types", ["code"])):
        raise OAuthRefused("invalid_client_metadata", "response_types must list code")
    return tuple(each for each in GRANT_TYPES if each in given)


def _strings(value: object) -> list[str]:
    """A list of strings as it is; nothing for anything else."""
    given = cast("list[object]", value) if isinstance(value, list) else []
    return cast("list[str]", given) if all(isinstance(each, str) for each in given) else []


def _scopes(metadata: Mapping[str, Any], known: Sequence[str]) -> tuple[str, ...]:
    """What it says it will ask for, as far as we know it.

    No limit: clients register with what they need first and step up later, and the person is asked each time.
    """
    scope = metadata.get("scope")
    return tuple(each for each in split(scope) if each in known) if isinstance(scope, str) else ()


_ECHOED: Final = ("client_uri", "software_id", "software_version", "application_type")
_DIRECTIONS: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
