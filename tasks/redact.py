"""Secrets masked before text leaves for a model or a client, and what steers a terminal or stands unseen taken away.

Each pattern reads a text once: a log may hold a megabyte without a space in it. A pattern is tried only where one of
its hints stands in the text (in lower case), for most lines hold none. What is masked stays as it is when masked again.
"""

import re
from typing import Final

_NAME: Final = (
    r"passw(?:or)?d|passphrase|pwd|[_.-]pass(?![a-z])|secret|token|credential|authorization"
    r"|api[_-]?key|access[_-]?key|private[_-]?key|encryption[_-]?key|account[_-]?key|shared[_-]?key"
    r"|x-amz-signature|connection[_-]?string"
)
_NAMED: Final = ("pass", "pwd", "secret", "token", "credential", "authorization", "key", "signature", "connection")
_QUOTE: Final = r"(?:\\?[\"'])?"
# A mask that is there already, then what is quoted (to the end when the quote is never closed), then a word.
_VALUE: Final = (
    r"\[secret\][^\s,;&}\]]*+|\\\"[^\"]*\\\"|\"(?:[^\"\\]|\\.)*+(?:\"|\\?\Z)|'(?:[^'\\]|\\.)*+(?:'|\\?\Z)|[^\s,;&}\]]+"
)
_KEYS: Final = (
    r"gh[oprsu]_|github_pat_|glpat-|xox[abeoprs]-|xapp-|sk-|[rs]k_live_|whsec_|AIza|ABSK|npm_|pypi-|hf_|hvs\.|dop_v1_"
    r"|dckr_pat_|glsa_|shpat_|GOCSPX-|ya29\.|lin_api_|SG\."
)
_PATTERNS: Final[tuple[tuple[tuple[str, ...], re.Pattern[str], str], ...]] = (
    (
        ("private key",),
        re.compile(
            r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----"
            r".*?(?:-----END [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----|\Z)",
            re.DOTALL,
        ),
        "[private key]",
    ),
    # AWS access key ids, and what other services begin their keys with.
    (("akia", "asia", "abia", "acca"), re.compile(r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b"), "[aws key]"),
    (
        (
            *("gh", "glpat", "xox", "xapp", "sk-", "k_live_", "whsec", "aiza", "absk", "npm_", "pypi", "hf_", "hvs."),
            *("dop_v1_", "dckr_pat_", "glsa_", "shpat_", "gocspx-", "ya29.", "lin_api_", "sg."),
        ),
        re.compile(rf"\b(?:{_KEYS})[\w-]{{16,}}+(?:\.[\w-]{{16,}}+)?"),
        "[key]",
    ),
    # JSON Web Tokens, signed (three parts) or encrypted (five), whole or cut.
    (("eyj",), re.compile(r"(?<![\w-])eyJ[\w-]{8,}+(?:\.[\w-]*+)+"), "[jwt]"),
    (("bearer", "basic"), re.compile(r"(?i)\b(bearer|basic)\s++[\w.~+/=-]{8,}+"), r"\1 [credentials]"),
    (("cookie",), re.compile(r"(?i)\b((?:set-)?cookie\s*+:\s*+)[^\r\n\"']+"), r"\1[secret]"),
    # name=value, "name": "value" and its like inside a JSON string, where the name says what it is.
    (
        _NAMED,
        re.compile(rf"(?is)(?<![\w.-])(?=[\w.-]*?(?:{_NAME}))([\w.-]++{_QUOTE}\s*+[=:]\s*+)({_VALUE})"),
        r"\1[secret]",
    ),
    # --name value.
    (("--",), re.compile(rf"(?is)(?<![\w-])(--(?=[\w-]*?(?:{_NAME}))[\w-]++\s++)({_VALUE})"), r"\1[secret]"),
    # user:password@ in an address; a password may itself hold an @.
    (("://",), re.compile(r"(://[^\s:/@]{0,200}:)[^\s/]{1,1000}@"), r"\1[secret]@"),
    # user/password@ of Oracle's thin driver.
    (("jdbc:oracle",), re.compile(r"(?i)(jdbc:oracle:\w{1,10}:[^\s/@]{1,200}/)[^\s/]{1,1000}@"), r"\1[secret]@"),
    # The signature of a shared access address; addresses whose path is the secret.
    (("sig=",), re.compile(r"(?i)([?&]sig=)[^\s&]+"), r"\1[secret]"),
    (
        ("hooks.slack.com", "/api/webhooks/"),
        re.compile(r"(?i)(\bhooks\.slack\.com/\w{1,20}/|/api/webhooks/)[\w/-]{8,}+"),
        r"\1[secret]",
    ),
    # A line of Base64 and nothing else: CloudWatch gets the lines of a private key as an event each.
    (
        ("",),
        re.compile(
            r"(?m)^([ \t]*+)(?=[a-z0-9+/]*+[A-Z])(?=[A-Z0-9+/]*+[a-z])(?=[A-Za-z+/]*+[0-9])"
            r"[A-Za-z0-9+/]{40,}+={0,2}[ \t]*+$"
        ),
        r"\1[encoded]",
    ),
)
_EMAIL: Final = re.compile(r"(?<![\w.+%-])[\w.+%-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}\b")
# Controls except tab and line feed; soft hyphen; bidi marks, embeddings and isolates; zero-width characters;
# variation selectors and tags, in which whole sentences can stand unseen.
UNSEEN: Final = (
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
_CONTROL: Final = re.compile(rf"\x1b\[[0-9;?]*+[ -/]*+[@-~]|{UNSEEN}")


def redact(text: str, *, emails: bool = False) -> str:
    """*text* without secrets that their form or name tells, and without what is unseen or steers a terminal."""
    if not (text.isascii() and text.isprintable()):
        text = _CONTROL.sub("", text)
    folded = text.casefold()
    for hints, pattern, mask in _PATTERNS:
        for hint in hints:
            if hint in folded:
                text = pattern.sub(mask, text)
                break
    return _EMAIL.sub("[e-mail]", text) if emails and "@" in text else text


def clipped(text: str, longest: int) -> str:
    """*text* redacted, then cut: a secret that the cut went through could not be told any more."""
    # What is far beyond the cut is not looked at; a secret that begins before it is still whole.
    plain = redact(text[: 8 * longest])
    return plain if len(plain) <= longest else f"{plain[:longest]}…"
