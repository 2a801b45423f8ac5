"""A line as tokens with its variables starred: numbers, times, addresses and ids."""

import re
from functools import lru_cache
from typing import Final

STAR: Final = "*"
"""Stands for what varies. Not in angle brackets: these are escaped where evidence is framed."""
MOST_TOKENS: Final = 48
LONGEST_TOKEN: Final = 100
_READ: Final = 2_000
"""Characters of a line that its pattern is made of."""

# What tells lines apart in JSON records; the rest is in the samples.
_FIELD: Final = re.compile(
    r'"(?:level|severity|lvl|logger|msg|message|error|err|exception|event)"\s{0,3}:\s{0,3}(?:"((?:[^"\\]|\\.)*+)"|(\d+))'
)
_PINO: Final = {"10": "trace", "20": "debug", "30": "info", "40": "warn", "50": "error", "60": "fatal"}
# Of a response's status the class is no variable: 500 is another event than 200.
_STATUS: Final = re.compile(r"(?i)((?:status|code|HTTP/[\d.]{1,3}\"?)[\"=: ]{1,3})([1-5])\d\d(?!\w)")
_VARIABLE: Final = re.compile(
    r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
    r"|(?<![A-Za-z0-9])0x[0-9a-fA-F]+"
    r"|(?<![A-Za-z0-9])(?=[a-fA-F]*+\d)[0-9a-fA-F]{8,}+(?![A-Za-z0-9])"
    r"|(?<![\w-])(?=[A-Za-z_-]*+\d)[A-Za-z0-9_-]{20,}+"
    r"|(?![1-5]xx\b)\d+(?:[-.,:/T_]\d+)*+(?:(?:ms|us|µs|ns|s|m|h|[kKMG]i?B|Z|%)(?![A-Za-z]))?"
)


def starred(text: str) -> str:
    """The line that a pattern is made of, its variables starred; its words are parted by single spaces."""
    text = text[:_READ]
    if text.startswith("{"):
        text = " ".join(_said(found) for found in _FIELD.finditer(text)) or text
    if "tatus" in text or "ode" in text or "HTTP/" in text:
        text = _STATUS.sub(r"\1\2xx", text)
    words = text.split(None, MOST_TOKENS)
    if len(words) > MOST_TOKENS:
        words[MOST_TOKENS] = STAR
    return " ".join([word if word.isalpha() else _starred(word[:LONGEST_TOKEN]) for word in words])


@lru_cache(8_192)
def _starred(word: str) -> str:
    word = _VARIABLE.sub(STAR, word)
    return STAR if STAR in word and not word.strip("*()[]{},;:.\"'") else word


def _said(found: re.Match[str]) -> str:
    words, number = found.groups("")
    return words or _PINO.get(number, number)
