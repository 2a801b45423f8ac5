"""Secrets masked before text leaves for a model or a client."""

import re
from typing import Final

_PATTERNS: Final = (
    # AWS access key ids; a secret key after its usual name; a session token.
    (re.compile(r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b"), "[aws key]"),
    (re.compile(r"(?i)(aws_?secret_?access_?key\W{1,4})[A-Za-z0-9/+=]{40}"), r"\1[secret]"),
    # JSON Web Tokens: two base64 JSON objects and a signature.
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"), "[jwt]"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"), r"\1 [credentials]"),
    # name=value and "name": "value" whose name says what it is.
    (
        re.compile(
            r"(?i)([\"']?[\w.-]*(?:password|passwd|secret|token|api[_-]?key|private[_-]?key)[\w.-]*[\"']?\s*[=:]\s*)"
            r"(\"[^\"]*\"|'[^']*'|[^\s,;&}]+)"
        ),
        r"\1[secret]",
    ),
    # user:password@ in an address.
    (re.compile(r"(://[^\s:/@]+:)[^\s@/]+@"), r"\1[secret]@"),
    (
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL),
        "[private key]",
    ),
)
_CONTROL: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def redact(text: str) -> str:
    """*text* without secrets that can be told by their form or name, and without control characters."""
    text = _CONTROL.sub("", text)
    for pattern, mask in _PATTERNS:
        text = pattern.sub(mask, text)
    return text
