"""What the authorization server decides: what it needs was read before, what it decides is written after."""

# Authlib ships no types: this module gives them to what leaves it.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportDeprecated=false

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from authlib.oauth2 import OAuth2Error

from auth.authlib_server import AUTH_METHODS, GivenRequest, Known, OneRequestServer
from auth.form import Form
from auth.refusal import OAuthRefused
from auth.scopes import split
from storage.clients import Client


@dataclass(frozen=True)
class Approved:
    """A token request that is granted: for whom, and what."""

    client: Client
    scopes: tuple[str, ...]
    with_refresh: bool


def check_authorization(form: Form, known: Known) -> tuple[str, tuple[str, ...], str]:
    """The redirect URI, scopes and code challenge of an authorization request whose client and redirect are good.

    OAuthRefused with the error that the client's redirect gets.
    """
    if form.get("response_type") != "code":
        code = "unsupported_response_type" if form.get("response_type") else "invalid_request"
        raise OAuthRefused(code, "response_type must be code")
    request = GivenRequest("GET", form, {})
    server = OneRequestServer(known)
    try:
        grant: Any = server.get_authorization_grant(request)
        redirect_uri = grant.validate_consent_request()
    except OAuth2Error as error:
        raise _refused(error) from None
    return redirect_uri, split(request.scope), form["code_challenge"]


def check_token_request(form: Form, headers: Mapping[str, str], known: Known) -> Approved:
    """What a token request is given; OAuthRefused with the error of RFC 6749 5.2."""
    if "client_id" not in form and known.client and _is_basic(headers):
        # RFC 6749 3.2.1: who authenticates need not name itself again.
        form = Form([*form.pairs, ("client_id", known.client.id)])
    request = GivenRequest("POST", form, headers)
    server = OneRequestServer(known)
    try:
        grant: Any = server.get_token_grant(request)
        grant.validate_token_request()
        grant.create_token_response()
    except OAuth2Error as error:
        raise _refused(error) from None
    except ValueError:
        # Authlib will not put every character of a request into a description.
        raise OAuthRefused("invalid_request", "A parameter holds characters that it must not") from None
    if known.client is None:
        raise OAuthRefused("invalid_client", "The client is not known here", status=401)
    return Approved(known.client, split(server.saved.scope), server.saved.refresh)


def check_client(form: Form, headers: Mapping[str, str], known: Known, *, public: bool = True) -> Client:
    """The client that a request to another endpoint comes from; OAuthRefused when it does not prove that."""
    server = OneRequestServer(known)
    methods = [method for method in AUTH_METHODS if public or method != "none"]
    try:
        found: Any = server.authenticate_client(GivenRequest("POST", form, headers), methods)
    except OAuth2Error as error:
        raise _refused(error) from None
    return cast("Client", found.client)


def _is_basic(headers: Mapping[str, str]) -> bool:
    return headers.get("authorization", "").lower().startswith("basic ")


def _refused(error: Any) -> OAuthRefused:  # noqa: ANN401  # Authlib's error
    status, body, headers = error.status_code, dict(error.get_body()), dict(error.get_headers())
    description = body.get("error_description") or _SENTENCES.get(body["error"], "The request is not granted")
    if body["error"] == "invalid_client":
        description = "The client is not known here, or did not prove who it is"
        status, headers = 401, {"www-authenticate": 'Basic realm="mcp", error="invalid_client"'}
    kept = {name.lower(): value for name, value in headers.items() if name.lower() == "www-authenticate"}
    return OAuthRefused(body["error"], description, status=status or 400, headers=kept)


_SENTENCES: Final = {
    "invalid_grant": "The code or refresh token is not valid: unknown, expired, used, revoked, or another client's",
    "invalid_scope": "A scope is unknown, or not one that was granted",
    "unauthorized_client": "The client did not register for this grant type",
}
