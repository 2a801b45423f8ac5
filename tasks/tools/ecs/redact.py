"""Secrets masked before text leaves for a model or a client.

Each pattern reads a text once: a log may hold a megabyte without a space in it.
"""

import re
from typing import Final

_NAME: Final = (
    r"passw(?:or)?d|passphrase|pwd|[_.-]pass(?![a-z])|secret|token|credential|authorization"
    r"|api[_-]?key|access[_-]?key|private[_-]?key|encryption[_-]?key"
)
_QUOTE: Final = r"(?:\\?[\"'])?"
_VALUE: Final = r"\\\"[^\"]*\\\"|\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[^\s,;&}\]]+"
_PATTERNS: Final = (
    (
        re.compile(
            r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|\Z)", re.DOTALL
        ),
        "[private key]",
    ),
    # AWS access key ids, and what other services begin their keys with.
    (re.compile(r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b"), "[aws key]"),
    (
        re.compile(
            r"\b(?:gh[oprsu]_|github_pat_|glpat-|xox[abeoprs]-|sk-|[rs]k_live_|AIza|ABSK|npm_|pypi-)[\w-]{16,300}"
        ),
        "[key]",
    ),
    # JSON Web Tokens: two base64 JSON objects and a signature.
    (re.compile(r"\beyJ[\w-]{8,4000}\.eyJ[\w-]{8,4000}\.[\w-]*"), "[jwt]"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), r"\1 [credentials]"),
    (re.compile(r"(?i)\b((?:set-)?cookie\s*:\s*)[^\r\n\"']+"), r"\1[secret]"),
    # name=value, "name": "value" and its like inside a JSON string, where the name says what it is.
    (
        re.compile(rf"(?i)(?<![\w.-])(?=[\w.-]*?(?:{_NAME}))([\w.-]++{_QUOTE}\s*+[=:]\s*+)({_VALUE})"),
        r"\1[secret]",
    ),
    # --name value.
    (re.compile(rf"(?i)(?<![\w-])(--(?=[\w-]*?(?:{_NAME}))[\w-]++\s++)({_VALUE})"), r"\1[secret]"),
    # user:password@ in an address.
    (re.compile(r"(://[^\s:/@]{0,200}:)[^\s@/]+@"), r"\1[secret]@"),
)
_CONTROL: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def redact(text: str) -> str:
    """*text* without secrets that can be told by their form or name, and without control characters."""
    text = _CONTROL.sub("", text)
    for pattern, mask in _PATTERNS:
        text = pattern.sub(mask, text)
    return text


def clipped(text: str, longest: int) -> str:
    """*text* redacted, then cut: a secret that the cut went through could not be told any more."""
    # What is far beyond the cut is not looked at; a secret that begins before it is still whole.
    plain = redact(text[: 8 * longest])
    return plain if len(plain) <= longest else f"{plain[:longest]}…"
