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
    SSOTokenLoadError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)

from tasks.aws.access import NotAllowed
from tasks.aws.permissions import action_of

Kind = Literal["denied", "throttled", "missing", "error"]

LONGEST: Final = 1000
"""Characters of AWS's own words that are looked at."""
REPEATED: Final = 300
"""Characters of them that are said again, where nothing better is known."""
_DENIED: Final = {
    # HEAD is answered without a body: of S3 there is only the status.
    "403",
    "AccessDenied",
    "AccessDeniedException",
    "AccessDeniedFault",
    "UnauthorizedAccess",
    "UnauthorizedOperation",
    "NotAuthorizedException",
    "NotAuthorized",
    "AuthorizationError",
}
_EXPIRED: Final = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
_INVALID: Final = {"InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "SignatureDoesNotMatch"}
_SIGNED_OFF: Final = {"OptInRequired", "SubscriptionRequiredException"}
_REGION_OFF: Final = {"RegionDisabled", "RegionDisabledException"}
_WEB_IDENTITY: Final = {"InvalidIdentityToken", "InvalidIdentityTokenException", "IDPRejectedClaim"}
_THROTTLED: Final = {
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "ProvisionedThroughputExceededException",
    "LimitExceededException",
    "ServiceQuotaExceededException",
    "SlowDown",
}
_MISSING: Final = {
    "404",
    "ClusterNotFoundException",
    "ServiceNotFoundException",
    "ResourceNotFoundException",
    "NoSuchBucket",
    "NoSuchKey",
}
_REFUSED: Final = _DENIED | _EXPIRED | _INVALID | _SIGNED_OFF | _REGION_OFF | _WEB_IDENTITY
_ACTION: Final = re.compile(r"perform:? \[?([a-z0-9-]+:[A-Za-z]+)")
_RESOURCE: Final = re.compile(r"on (?:the )?resource:? ([\w:/.*@=+,-]{1,256})", re.ASCII)
_CALLER: Final = re.compile(r"User: arn:aws[a-z-]*:sts::\d+:assumed-role/([\w+=,.@-]{1,64})/", re.ASCII)
_NO_IDENTITY: Final = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    MetadataRetrievalError,
    UnauthorizedSSOTokenError,
    SSOTokenLoadError,
    TokenRetrievalError,
)

_SENTENCES: Final[tuple[tuple[tuple[type[Exception], ...], str], ...]] = (
    (
        (UnauthorizedSSOTokenError, SSOTokenLoadError, TokenRetrievalError),
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

_BY_CODE: Final = (
    (_EXPIRED, "AWS refused {operation}: the worker's credentials have expired, or its clock is wrong."),
    (_INVALID, "AWS refused {operation}: the worker's credentials are not valid, or not in this region."),
    (
        _WEB_IDENTITY,
        "AWS refused {operation}: the worker's web identity token is not accepted; check its role's trust.",
    ),
    (_SIGNED_OFF, "AWS refused {operation}: the account is not signed up for this service; enable it in the console."),
    (
        _REGION_OFF,
        "AWS refused {operation}: the account has not enabled this region; enable it, or set MCP_AWS_REGION.",
    ),
    (_THROTTLED, "AWS throttled {operation}: wait a moment and try again."),
)
_ROLE_REMEDIES: Final = {
    "sts:AssumeRole": (
        "the worker's own role must be allowed it, and the trust policy of the role must name the worker's "
        "(mcp-playground aws policy --trust prints one)."
    ),
    "sts:TagSession": (
        "the role's trust policy must allow sts:TagSession beside sts:AssumeRole, and so must the worker's own role: "
        "sessions are tagged with who asked (mcp-playground aws policy --trust prints one)."
    ),
}
_ELSEWHERE: Final = (
    "service control policy",
    "resource control policy",
    "permissions boundary",
    "VPC endpoint policy",
    "session policy",
    "resource-based policy",
)


def kind_of(error: Exception) -> Kind:
    """Whether asking again helps, or asking somebody, or neither."""
    code = code_of(error)
    if code in _REFUSED or isinstance(error, (NotAllowed, *_NO_IDENTITY)):
        return "denied"
    if code in _THROTTLED:
        return "throttled"
    return "missing" if code in _MISSING else "error"


def explain(error: Exception) -> str:
    """One sentence for a person: the action that failed, and the remedy where there is one."""
    if isinstance(error, ClientError):
        return _refused(error)
    if isinstance(error, NotAllowed):
        return str(error)
    for kinds, sentence in _SENTENCES:
        if isinstance(error, kinds):
            return sentence
    return f"The call to AWS failed: {type(error).__name__}."


def _refused(error: ClientError) -> str:
    operation = error.operation_name
    code, message = code_of(error), _message(error)
    if code in _DENIED:
        return _denied(operation, message)
    for codes, words in _BY_CODE:
        if code in codes:
            return words.format(operation=operation)
    return f"AWS refused {operation} ({code}): {message[:REPEATED]}"


def _denied(operation: str, message: str) -> str:
    """The permission that is missing, or AWS's own words: a model nobody asked access to is denied without one."""
    found, on, caller = _ACTION.search(message), _RESOURCE.search(message), _CALLER.search(message)
    # S3 says no more than that; others say more, and it may be something else than a permission.
    is_bare = message.strip(" .").lower() in ("", "access denied", "accessdenied", "forbidden")
    permission = found[1] if found else action_of(operation) if is_bare else None
    if permission is None:
        return f"AWS denied {operation}: {message[:REPEATED]}"
    resource = f" on {on[1].rstrip('.,')}" if on else ""
    if permission in _ROLE_REMEDIES:
        return f"AWS denied {permission}{resource}: {_ROLE_REMEDIES[permission]}"
    # STS, Get CallerIdentity: the name of the role stands between account and session.
    role = f"the role {caller[1]}" if caller else "the worker's role"
    if "explicit deny" in message:
        return f"AWS denied {operation}: a policy denies {role} {permission}{resource} explicitly{_where(message)}."
    return f"AWS denied {operation}: {role} needs the permission {permission}{resource}{_where(message)}."


def _where(message: str) -> str:
    """Which kind of policy stands in the way, where AWS says so and the role's own is not meant."""
    return next((f" ({kind})" for kind in _ELSEWHERE if kind in message), "")


def code_of(error: Exception) -> str:
    """The error's code. Event streams begin it with a small letter, answers with a capital."""
    if not isinstance(error, ClientError):
        return ""
    code = str(cast("dict[str, Any]", error.response).get("Error", {}).get("Code", ""))
    return code[:1].upper() + code[1:]


def _message(error: ClientError) -> str:
    text = str(cast("dict[str, Any]", error.response).get("Error", {}).get("Message", ""))
    return "".join(char if char.isprintable() else " " for char in text[:LONGEST])
