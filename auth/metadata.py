"""What we say of ourselves: RFC 8414 for the authorization server, RFC 9728 for the resource."""

from collections.abc import Sequence
from typing import Any

from auth.authlib_server import AUTH_METHODS
from auth.clients import ASSERTION_ALGORITHMS


def authorization_server(issuer: str, scopes: Sequence[str], *, registration: bool) -> dict[str, Any]:
    """RFC 8414; the same document serves OpenID discovery's address, which some clients ask first."""
    document: dict[str, Any] = {
        # RFC 8414 3.3: exactly what clients compare with, so without a slash at its end.
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        "token_endpoint": f"{issuer}/oauth/token",
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        "introspection_endpoint": f"{issuer}/oauth/introspect",
        "scopes_supported": list(scopes),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "token_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "token_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
        "revocation_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "revocation_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
        # RFC 8414 2: or a type of access token; an operator's, here.
        "introspection_endpoint_auth_methods_supported": ["Bearer"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "client_id_metadata_document_supported": True,
    }
    return document | ({"registration_endpoint": f"{issuer}/oauth/register"} if registration else {})


def protected_resource(resource: str, issuer: str, scopes: Sequence[str]) -> dict[str, Any]:
    """RFC 9728."""
    return {
        "resource": resource,
        "authorization_servers": [issuer],
        "scopes_supported": list(scopes),
        "bearer_methods_supported": ["header"],
        "resource_name": "MCP Server Playground",
    }
