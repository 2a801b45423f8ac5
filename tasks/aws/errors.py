"""What AWS refused, in a sentence that says what would be right."""

import re
from typing import Any, Final, Literal, cast

from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    InvalidRegionError,
    MetadataRetrievalError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    ProxyConnectionError,
    ReadTimeoutError,
    SSLError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)

Kind = Literal["denied", "throttled", "missing", "error"]

_DENIED: Final = {
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "NotAuthorized",
    "AuthorizationError",
}
_EXPIRED: Final = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
_INVALID: Final = {"InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "SignatureDoesNotMatch"}
_THROTTLED: Final = {
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
    "LimitExceededException",
    "ServiceQuotaExceededException",
    "SlowDown",
}
_MISSING: Final = {"ClusterNotFoundException", "ServiceNotFoundException", "ResourceNotFoundException", "NoSuchBucket"}
_ACTION: Final = re.compile(r"perform:? ([a-z0-9-]+:[A-Za-z]+)")
_PERMISSIONS: Final = {
    "ListBuckets": "s3:ListAllMyBuckets",
    "ListObjectsV2": "s3:ListBucket",
}
"""Operations that are refused without a word of the permission, which has another name."""
_NO_IDENTITY: Final = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    MetadataRetrievalError,
    UnauthorizedSSOTokenError,
    TokenRetrievalError,
)

_SENTENCES: Final[tuple[tuple[tuple[type[Exception], ...], str], ...]] = (
    (
        (UnauthorizedSSOTokenError, TokenRetrievalError),
        "The AWS sign-in of the worker's profile has expired: sign in again (aws sso login).",
    ),
    (
        _NO_IDENTITY,
        (
            "No AWS credentials were found: give the worker a role, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY."
        ),
    ),
    ((ProfileNotFound,), "AWS_PROFILE names a profile that the worker's AWS configuration does not have."),
    ((NoRegionError,), "No AWS region is set: set MCP_AWS_REGION (or AWS_DEFAULT_REGION), for example to us-east-1."),
    ((InvalidRegionError,), "The AWS region is not a region's name: set MCP_AWS_REGION, for example to us-east-1."),
    (
        (EndpointConnectionError, ConnectTimeoutError),
        "AWS could not be reached from the worker: check its network, the region, and AWS_ENDPOINT_URL.",
    ),
    ((ProxyConnectionError,), "The proxy between the worker and AWS could not be reached: check HTTPS_PROXY."),
    ((SSLError,), "AWS's certificate was not accepted: check AWS_CA_BUNDLE and the proxies on the way."),
    ((ConnectionClosedError,), "The connection to AWS broke off: try again."),
    ((ReadTimeoutError,), "AWS took too long to answer: try again."),
)


def kind_of(error: Exception) -> Kind:
    """Whether asking again helps, or asking somebody, or neither."""
    code = _code(error)
    if code in _DENIED | _EXPIRED | _INVALID or isinstance(error, _NO_IDENTITY):
        return "denied"
    if code in _THROTTLED:
        return "throttled"
    return "missing" if code in _MISSING else "error"


def explain(error: Exception) -> str:
    """One sentence for a person: the action that failed, and the remedy where there is one."""
    if isinstance(error, ClientError):
        return _refused(error)
    for kinds, sentence in _SENTENCES:
        if isinstance(error, kinds):
            return sentence
    return f"The call to AWS failed: {type(error).__name__}."


def _refused(error: ClientError) -> str:
    operation = error.operation_name
    code, message = _code(error), _message(error)
    if code in _DENIED:
        return _denied(operation, message)
    if code in _EXPIRED:
        return f"AWS refused {operation}: the worker's credentials have expired."
    if code in _INVALID:
        return f"AWS refused {operation}: the worker's credentials are not valid."
    if code in _THROTTLED:
        return f"AWS throttled {operation}: wait a moment and try again."
    return f"AWS refused {operation} ({code}): {message}"


def _denied(operation: str, message: str) -> str:
    """The permission that is missing, or AWS's own words: a model nobody asked access to is denied without one."""
    found = _ACTION.search(message)
    permission = found[1] if found else _PERMISSIONS.get(operation)
    if permission:
        return f"AWS denied {operation}: the worker's role needs the permission {permission}."
    return f"AWS denied {operation}: {message}"


def _code(error: Exception) -> str:
    """The error's code. Event streams begin it with a small letter, answers with a capital."""
    if not isinstance(error, ClientError):
        return ""
    code = str(cast("dict[str, Any]", error.response).get("Error", {}).get("Code", ""))
    return code[:1].upper() + code[1:]


def _message(error: ClientError) -> str:
    return str(cast("dict[str, Any]", error.response).get("Error", {}).get("Message", ""))[:300]
