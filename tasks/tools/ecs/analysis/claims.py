"""What of a model's answer may be said: claims that cite evidence there is, in plain words.

A model may have been talked into anything by a line of a log. What it says is held against the evidence's ids, and what
could act at a reader's side (links, markup, commands that change something) is not passed on.

Whether a claim is true is not seen here: a lie in words of its own, in another language, that cites what there is,
passes. The verdict is therefore the rules' alone, and stands before all that a model says.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, cast

from tasks.mining.clean import clean
from tasks.mining.digest import KINDS
from tasks.tools.ecs.analysis.commands import command
from tasks.tools.ecs.answer import Hypothesis, Verdict

LONGEST: Final = 600
"""Characters of a sentence, or of a field. What is longer is more than one claim."""
MOST: Final = 3
# In any case and of any length, for what reads as an id is meant as one; `order-service:8` is a task definition.
_ID: Final = re.compile(rf"(?<![\w./-])((?:{KINDS}):\d+)", re.IGNORECASE)
# Addresses of databases and queues stand in errors, and no client makes a link of them.
_MARKUP: Final = re.compile(
    r"<\s*[/!?a-z]|www\.|\]\s?\(|\]\s?\[[^\]]*\]\s?:|!\[|`|\{\{|\{%"
    r"|\b(?:https?|ftps?|file|javascript|vbscript|data|blob|mailto|tel|sms|intent):"
    r"|\b(?!(?:amqps?|grpcs?|jdbc|kafka|memcached|mongodb|mysql|mariadb|nats|postgres|postgresql|rediss?|s3|tcp|tls"
    r"|udp|unix)\b)[a-z][a-z0-9.-]{0,30}(?:\+[a-z0-9]{1,20})?://",
    re.IGNORECASE,
)
_ORDER: Final = re.compile(
    r"\baws [a-z0-9-]+ (?:add|associate|attach|authorize|create|delete|deregister|detach|disable|disassociate|enable"
    r"|execute|import|invoke|modify|put|reboot|register|remove|replace|reset|restore|revoke|run|send|set|start|stop"
    r"|tag|terminate|untag|update|upload)-"
    r"|\baws (?:s3 (?:cp|mb|mv|presign|rb|rm|sync)|(?:configure|iam|kms|secretsmanager|ssm|sso|sts) [a-z]+-?[a-z]*)\b"
    r"|\b(?:curl|wget|iwr)\s+\S*[-./]|\|\s*(?:ba|z)?sh\b|\b(?:ba|z)?sh -c\b|\bsudo \w|\brm -|\$\(|&&"
    r"|\b(?:kubectl|docker|podman|helm) (?:apply|delete|exec|rm|run|uninstall)\b|\bterraform (?:apply|destroy)\b"
    r"|\b(?:apt|apt-get|brew|npm|npx|pip3?|pipx|uvx|yum) (?:-\S+ |i |install )|\bpowershell\b|\bbase64 -",
    re.IGNORECASE,
)
_WELL: Final = r"(?:healthy|fine|ok|okay)"
_NEGATED: Final = re.compile(
    r"\b(?:0 of [\d,]+|none of|no (?:longer|targets?|tasks?|containers?)|not|never|neither)\b[^.,;:]{0,30}?"
    rf"\b(?:{_WELL}|normal)\b",
    re.IGNORECASE,
)
_CALM: Final = re.compile(
    rf"\b(?:is|are|looks?|seems?|remains?|appears?|works?|runs?)\b[^.;:]{{0,30}}\b{_WELL}\b"
    r"|\b(?:service|deployment|application|app|system|cluster|everything|all|it)\b[^.;:]{0,20}"
    r"\b(?:is|are|looks?|seems?|remains?|appears?|works?|runs?)\b[^.;:]{0,20}"
    r"\b(?:well|good|normal(?:ly)?|stable|as (?:expected|intended|designed|usual))\b"
    r"|\bnothing (?:is |was |seems )?(?:wrong|broken|to (?:do|fix|worry))|\bno (?:problem|issue)s?\b"
    r"|\bno (?:action|intervention|fix|change)s? (?:is |are )?(?:needed|necessary|required)"
    r"|\bfalse alarm|\ball (?:is )?(?:clear|good|well)\b",
    re.IGNORECASE,
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
        if plain and _ID.search(plain):
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
        if not (cause and ids) or not self._cites_what_there_is(given["nextStep"]):
            self.dropped += 1
            return None
        return {
            "cause": cause,
            "confidence": given["confidence"],
            "evidence": list(dict.fromkeys(ids)),
            "counterEvidence": list(self._all_plain(given["counterEvidence"][:3])),
            "nextStep": step or "",
            "command": command(given["command"]),
            "source": "model",
        }

    def _all_plain(self, texts: Iterable[str]) -> Iterable[str]:
        return filter(None, map(self._plain, texts))

    def _plain(self, text: str) -> str | None:
        """The text without control characters and secrets; None for one that must not be shown.

        It holds markup or an order, cites what there is not, or calls well what the rules do not.
        """
        plain = " ".join(clean(text).split())
        if not plain or len(plain) > LONGEST or _MARKUP.search(plain) or _ORDER.search(plain):
            return None
        if not self._cites_what_there_is(plain):
            return None
        return plain if self._calm or not _CALM.search(_NEGATED.sub("", plain)) else None

    def _cites_what_there_is(self, text: str) -> bool:
        return all(ref.lower() in self._known for ref in _ID.findall(text))
