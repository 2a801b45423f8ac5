"""Authlib's authorization server over what was read before: its hooks hand that over, and keep what it decides.

Its grants are synchronous and ask for clients, codes and tokens; nothing in here waits or stores.
"""

# Authlib ships no types: this module gives them to what leaves it.
# pyright: reportUntypedBaseClass=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingParameterType=false, reportUnknownParameterType=false
# pyright: reportIncompatibleMethodOverride=false, reportIncompatibleVariableOverride=false, reportDeprecated=false

import hmac
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import AuthorizationServer, ClientMixin, OAuth2Payload, OAuth2Request, grants
from authlib.oauth2.rfc6749.errors import InvalidScopeError
from authlib.oauth2.rfc7636 import CodeChallenge

from auth import redirects
from auth.form import Form
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


@dataclass
class KnownClient(ClientMixin):
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


class Payload(OAuth2Payload):
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


class GivenRequest(OAuth2Request):
    def __init__(self, method: str, form: Form, headers: Mapping[str, str]) -> None:
        super().__init__(method, _NOWHERE, headers={"Authorization": headers.get("authorization", "")})
        payload = Payload(form)
        self.payload = payload
        self._fields = payload.data

    @property
    def args(self) -> dict[str, str]:
        return self._fields

    @property
    def form(self) -> dict[str, str]:
        return self._fields


class S256(CodeChallenge):
    """PKCE for everybody, by S256 and nothing else (OAuth 2.1 4.1.1)."""

    SUPPORTED_CODE_CHALLENGE_METHOD: ClassVar = ["S256"]
    DEFAULT_CODE_CHALLENGE_METHOD = "S256"

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:  # noqa: ANN401
        data = grant.request.payload.data
        if not data.get("code_challenge") or data.get("code_challenge_method") != "S256":
            raise InvalidRequest("code_challenge with code_challenge_method=S256 is required")
        super().validate_code_challenge(grant, redirect_uri)

    def get_authorization_code_challenge_method(self, authorization_code: Any) -> str:  # noqa: ANN401
        return "S256"


class InvalidRequest(OAuth2Error):
    error = "invalid_request"


@dataclass
class KnownCode:
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
class KnownRefresh:
    grant: Grant

    def check_client(self, client: KnownClient) -> bool:
        return client.client.id == self.grant.principal.client_id

    def get_scope(self) -> str:
        return " ".join(self.grant.scopes)


class CodeGrant(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar = list(AUTH_METHODS)

    def query_authorization_code(self, code: str, client: KnownClient) -> KnownCode | None:
        known: Known = self.server.known
        if known.code is None or known.grant is None or known.code.client_id != client.client.id:
            return None
        return KnownCode(known.code, known.grant, "redirect_uri" in self.request.form)

    def authenticate_user(self, authorization_code: KnownCode) -> Grant:
        return authorization_code.grant

    def delete_authorization_code(self, authorization_code: KnownCode) -> None:
        """It was used up before."""


class RefreshGrant(grants.RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar = list(AUTH_METHODS)
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> KnownRefresh | None:
        known: Known = self.server.known
        return KnownRefresh(known.grant) if known.grant else None

    def authenticate_user(self, refresh_token: KnownRefresh) -> Grant:
        return refresh_token.grant

    def revoke_old_credential(self, refresh_token: KnownRefresh) -> None:
        """Rotation is one step in the store."""


class ClientGrant(grants.ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar = [method for method in AUTH_METHODS if method != "none"]


@dataclass
class Saved:
    scope: str = ""
    refresh: bool = False


class OneRequestServer(AuthorizationServer):
    """For one request."""

    def __init__(self, known: Known) -> None:
        super().__init__(scopes_supported=list(known.scopes))
        self.known = known
        self.saved = Saved()
        self.register_grant(CodeGrant, [S256()])
        self.register_grant(RefreshGrant)
        self.register_grant(ClientGrant)
        self.register_client_auth_method("private_key_jwt", self._by_assertion)

    def query_client(self, client_id: str) -> KnownClient | None:
        client = self.known.client
        return KnownClient(client, self.known.scopes) if client and client.id == client_id else None

    def _by_assertion(self, query_client: object, request: object) -> KnownClient | None:
        client = self.known.client
        return KnownClient(client, self.known.scopes) if client and self.known.proven else None

    def generate_token(self, grant_type: str, client: Any, **options: Any) -> dict[str, Any]:  # noqa: ANN401
        """Nothing is made here: the tokens are, where they are stored."""
        given = options.get("scope")
        # What a person agreed to is all there is: a default is for who asks in its own name, and at authorize.
        alone = grant_type == ClientGrant.GRANT_TYPE
        allowed = client.get_allowed_scope(given) if given or alone else ""
        if allowed is None:
            # RFC 6749 5.2. Authlib only knows which scopes there are, not which of them are this client's.
            raise InvalidScopeError
        return {"scope": allowed, "refresh_token": options.get("include_refresh_token", False)}

    def save_token(self, token: dict[str, Any], request: object) -> None:
        self.saved = Saved(token["scope"], bool(token["refresh_token"]))

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Nobody listens."""
