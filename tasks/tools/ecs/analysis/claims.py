"""What of a model's answer may be said: claims that cite evidence there is, in plain words.

A model may have been talked into anything by a line of a log. What it says is held against the evidence's ids, and what
could act at a reader's side (links, markup, commands that change something) is not passed on.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, cast

from tasks.mining.clean import clean
from tasks.mining.digest import KINDS
from tasks.tools.ecs.answer import Hypothesis, Verdict

LONGEST: Final = 600
"""Characters of a sentence, or of a field."""
MOST: Final = 3
_ID: Final = re.compile(rf"\b((?:{KINDS}):\d{{1,6}})\b")
_MARKUP: Final = re.compile(r"<\s*[/!a-zA-Z]|https?:|ftp:|javascript:|data:|www\.|\]\(|!\[|`|\{\{", re.IGNORECASE)
_CALM: Final = re.compile(
    r"\b(?:is|are|looks?|all)\b.{0,20}\b(?:healthy|fine|ok|okay|normal)\b"
    r"|nothing (?:is )?wrong|no (?:problem|issue)s?\b",
    re.IGNORECASE,
)
_READS: Final = re.compile(
    r"aws [a-z0-9-]+ (?:describe|get|list|lookup|tail|filter|search|batch-get|head|start-query|ls)[a-z0-9-]*"
    r"(?: [\w .:/=,'\"@*\[\]?-]*)?"
)


class Claims:
    """The claims of one investigation; *dropped* counts those that were not let through."""

    def __init__(self, known: Collection[str], verdict: Verdict) -> None:
        self.dropped = 0
        self._known = frozenset(known)
        self._calm = verdict["status"] == "healthy"

    def sentence(self, text: str) -> str | None:
        """The sentence as it may be shown; None when it must not be."""
        plain = self._plain(text)
        ids = _ID.findall(plain or "")
        if plain and ids and all(ref in self._known for ref in ids):
            return plain
        self.dropped += 1
        return None

    def hypotheses(self, answer: Mapping[str, Any]) -> list[Hypothesis]:
        found = cast("list[dict[str, Any]]", answer.get("hypotheses", []))
        made = [kept for each in found[:MOST] if (kept := self._hypothesis(each)) is not None]
        self.dropped += max(0, len(found) - MOST)
        return made

    def _hypothesis(self, given: Mapping[str, Any]) -> Hypothesis | None:
        ids = [ref for ref in cast("Sequence[str]", given["evidence"]) if ref in self._known]
        cause, step = self._plain(given["cause"]), self._plain(given["nextStep"])
        named = _ID.findall(f"{given['cause']} {given['nextStep']}")
        if not (cause and ids) or any(ref not in self._known for ref in named):
            self.dropped += 1
            return None
        return {
            "cause": cause,
            "confidence": given["confidence"],
            "evidence": list(dict.fromkeys(ids)),
            "counterEvidence": [text for each in given["counterEvidence"][:3] if (text := self._plain(each))],
            "nextStep": step or "",
            "command": command(given["command"]),
            "source": "model",
        }

    def _plain(self, text: str) -> str | None:
        """Without control characters and secrets; None for what holds markup, or calls well what the rules do not."""
        plain = " ".join(clean(text).split())[:LONGEST]
        if not plain or _MARKUP.search(plain) or (not self._calm and _CALM.search(plain)):
            return None
        return plain


def command(text: str) -> str:
    """A command that only reads, or nothing."""
    plain = " ".join(clean(text).split())
    return plain if len(plain) <= LONGEST and _READS.fullmatch(plain) else ""
