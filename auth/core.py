"""Authlib's authorization server as a pure core: what it needs was read before, what it decides is written after.

Its grants are synchronous and ask hooks for clients, codes and tokens; here the hooks hand over what the caller has
found already, and keep what is to be stored, so that nothing in here waits.
"""

# Authlib ships no types: this module gives them to what leaves it.
# pyright: reportUntypedBaseClass=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingParameterType=false, reportUnknownParameterType=false
# pyright: reportIncompatibleMethodOverride=false, reportIncompatibleVariableOverride=false, reportDeprecated=false

import hmac
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, cast

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import AuthorizationServer, ClientMixin, OAuth2Payload, OAuth2Request, grants
from authlib.oauth2.rfc6749.errors import InvalidScopeError
from authlib.oauth2.rfc7636 import CodeChallenge

from auth import redirects
from auth.form import Form
from auth.refusal import OAuthRefused
from auth.scopes import BASIC, split
from storage.clients import Client
from storage.grants import Code, Grant, digest

AUTH_METHODS: Final = ("none", "client_secret_basic", "client_secret_post", "private_key_jwt")
_BY_SECRET: Final = frozenset({"client_secret_basic", "client_secret_post"})
_NOWHERE: Final = "https://authorization.server/"
"""Authlib wants an address; ours is checked where requests come in."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """What was found for one request before it is decided."""

    client: Client | None
    scopes: Sequence[str]
    """Every scope there is."""
    code: Code | None = None
    grant: Grant | None = None
    """The grant behind the code or refresh token."""
    proven: bool = False
    """Whether the client proved itself by an assertion (private_key_jwt)."""


@dataclass(frozen=True)
class Approved:
    """A token request that is granted: for whom, and what."""

    client: Client
    scopes: tuple[str, ...]
    with_refresh: bool


@dataclass
class _Client(ClientMixin):
    """A client as Authlib asks for it."""

    client: Client
    scopes: Sequence[str]

    def get_client_id(self) -> str:
        return self.client.id

    def get_default_redirect_uri(self) -> str | None:
        # RFC 6749 3.1.2.3: it may be left out when there is but one.
        return self.client.redirect_uris[0] if len(self.client.redirect_uris) == 1 else None

    def get_allowed_scope(self, scope: str | None) -> str | None:
        wanted = split(scope) or tuple(each for each in BASIC if each in self._allowed())
        return " ".join(wanted) if set(wanted) <= self._allowed() else None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirects.is_registered(redirect_uri, self.client.redirect_uris)

    def check_client_secret(self, client_secret: str) -> bool:
        return bool(self.client.secret_hash) and hmac.compare_digest(self.client.secret_hash, digest(client_secret))

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        # A secret proves the same in a header and in a form, and clients choose by what the metadata lists.
        return method == self.client.auth_method or {method, self.client.auth_method} <= _BY_SECRET

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.client.grant_types

    def _allowed(self) -> set[str]:
        # Who may be an operator is asked about the person, when it is known who that is.
        return set(self.client.scopes or self.scopes)


class _Payload(OAuth2Payload):
    def __init__(self, form: Form) -> None:
        self._data = dict(form)
        self._lists: defaultdict[str, list[str]] = defaultdict(list)
        for name, value in form.pairs:
            self._lists[name].append(value)

    @property
    def data(self) -> dict[str, str]:
        return self._data

    @property
    def datalist(self) -> defaultdict[str, list[str]]:
        return self._lists


class _Request(OAuth2Request):
    def __init__(self, method: str, form: Form, headers: Mapping[str, str]) -> None:
        super().__init__(method, _NOWHERE, headers={"Authorization": headers.get("authorization", "")})
        payload = _Payload(form)
        self.payload = payload
        self._fields = payload.data

    @property
    def args(self) -> dict[str, str]:
        return self._fields

    @property
    def form(self) -> dict[str, str]:
        return self._fields


class _S256(CodeChallenge):
    """PKCE for everybody, by S256 and nothing else (OAuth 2.1 4.1.1)."""

    SUPPORTED_CODE_CHALLENGE_METHOD: ClassVar = ["S256"]
    DEFAULT_CODE_CHALLENGE_METHOD = "S256"

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:  # noqa: ANN401
        data = grant.request.payload.data
        if not data.get("code_challenge") or data.get("code_challenge_method") != "S256":
            raise _InvalidRequest("code_challenge with code_challenge_method=S256 is required")
        super().validate_code_challenge(grant, redirect_uri)

    def get_authorization_code_challenge_method(self, authorization_code: Any) -> str:  # noqa: ANN401
        return "S256"


class _InvalidRequest(OAuth2Error):
    error = "invalid_request"


@dataclass
class _Code:
    """The code as Authlib asks for it."""

    code: Code
    grant: Grant
    is_redirect_named: bool
    """Whether the token request names the redirect URI."""

    @property
    def code_challenge(self) -> str:
        return self.code.code_challenge

    def get_redirect_uri(self) -> str:
        # RFC 6749 4.1.3: required if the authorization request held it; OAuth 2.1 clients leave out both.
        return self.code.redirect_uri if self.code.is_redirect_given or self.is_redirect_named else ""

    def get_scope(self) -> str:
        return " ".join(self.grant.scopes)


@dataclass
class _Refresh:
    grant: Grant

    def check_client(self, client: _Client) -> bool:
        return client.client.id == self.grant.principal.client_id

    def get_scope(self) -> str:
        return " ".join(self.grant.scopes)


class _CodeGrant(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar = list(AUTH_METHODS)

    def query_authorization_code(self, code: str, client: _Client) -> _Code | None:
        known: Known = self.server.known
        if known.code is None or known.grant is None or known.code.client_id != client.client.id:
            return None
        return _Code(known.code, known.grant, "redirect_uri" in self.request.form)

    def authenticate_user(self, authorization_code: _Code) -> Grant:
        return authorization_code.grant

    def delete_authorization_code(self, authorization_code: _Code) -> None:
        """It was used up before."""


class _RefreshGrant(grants.RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar = list(AUTH_METHODS)
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> _Refresh | None:
        known: Known = self.server.known
        return _Refresh(known.grant) if known.grant else None

    def authenticate_user(self, refresh_token: _Refresh) -> Grant:
        return refresh_token.grant

    def revoke_old_credential(self, refresh_token: _Refresh) -> None:
        """Rotation is one step in the store."""


class _ClientGrant(grants.ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar = [method for method in AUTH_METHODS if method != "none"]


@dataclass
class _Saved:
    scope: str = ""
    refresh: bool = False


class _Server(AuthorizationServer):
    """For one request."""

    def __init__(self, known: Known) -> None:
        super().__init__(scopes_supported=list(known.scopes))
        self.known = known
        self.saved = _Saved()
        self.register_grant(_CodeGrant, [_S256()])
        self.register_grant(_RefreshGrant)
        self.register_grant(_ClientGrant)
        self.register_client_auth_method("private_key_jwt", self._by_assertion)

    def query_client(self, client_id: str) -> _Client | None:
        client = self.known.client
        return _Client(client, self.known.scopes) if client and client.id == client_id else None

    def _by_assertion(self, query_client: object, request: object) -> _Client | None:
        client = self.known.client
        return _Client(client, self.known.scopes) if client and self.known.proven else None

    def generate_token(self, grant_type: str, client: Any, **options: Any) -> dict[str, Any]:  # noqa: ANN401
        """Nothing is made here: the tokens are, where they are stored."""
        given = options.get("scope")
        # What a person agreed to is all there is: a default is for who asks in its own name, and at authorize.
        alone = grant_type == _ClientGrant.GRANT_TYPE
        allowed = client.get_allowed_scope(given) if given or alone else ""
        if allowed is None:
            # RFC 6749 5.2. Authlib only knows which scopes there are, not which of them are this client's.
            raise InvalidScopeError
        return {"scope": allowed, "refresh_token": options.get("include_refresh_token", False)}

    def save_token(self, token: dict[str, Any], request: object) -> None:
        self.saved = _Saved(token["scope"], bool(token["refresh_token"]))

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Nobody listens."""


def check_authorization(form: Form, known: Known) -> tuple[str, tuple[str, ...], str]:
    """The redirect URI, scopes and code challenge of an authorization request whose client and redirect are good.

    OAuthRefused with the error that the client's redirect gets.
    """
    if form.get("response_type") != "code":
        code = "unsupported_response_type" if form.get("response_type") else "invalid_request"
        raise OAuthRefused(code, "response_type must be code")
    request = _Request("GET", form, {})
    server = _Server(known)
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
    request = _Request("POST", form, headers)
    server = _Server(known)
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
    server = _Server(known)
    methods = [method for method in AUTH_METHODS if public or method != "none"]
    try:
        found: Any = server.authenticate_client(_Request("POST", form, headers), methods)
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
