"""How bad a line says it is: a guess by its level, or else by its words."""

import re
from typing import Final, Literal, cast

Severity = Literal["critical", "error", "warning", "info"]

ORDER: Final[dict[Severity, int]] = {"critical": 0, "error": 1, "warning": 2, "info": 3}

_READ: Final = 300
# A level after a name for it, or in capitals; then words that no calm line has, the worst first.
_LEVEL: Final = re.compile(
    r"\b(?P<critical>FATAL|CRITICAL|CRIT|PANIC|EMERG|EMERGENCY|ALERT)\b|\b(?P<error>ERROR|ERR|SEVERE)\b"
    r"|\b(?P<warning>WARN|WARNING)\b|\b(?P<info>INFO|DEBUG|TRACE|NOTICE)\b"
)
_NAMED: Final = re.compile(
    r"(?i)\b(?:level|severity|lvl)[\"']?\s?[=:]\s?[\"']?(?:(?P<critical>fatal|crit|panic|emerg|alert|60)"
    r"|(?P<error>err|50|severe)|(?P<warning>warn|40)|(?P<info>info|debug|trace|notice|[123]0))"
)
_WORST: Final = re.compile(
    r"(?i)(?P<critical>\bpanic:|\bfatal error|out of ?memory|oomkilled|\bsegfault|segmentation fault|no space left)"
)
_WORDS: Final = re.compile(
    r"(?i)(?P<error>exception\b|traceback \(|error\b|\bfail(?:ed|ure)\b|\brefused\b|\bdenied\b|\btimed? ?out\b"
    r"|\bcannot\b|\bunable to\b|\bunhandled\b|\baborted\b|\b5xx\b)"
    r"|(?P<warning>\bwarn(?:ing)?\b|\bdeprecated\b|\bretry(?:ing)?\b|\bthrottl\w+|\b4xx\b)"
)


def guess(text: str) -> Severity:
    head = text[:_READ]
    found = _NAMED.search(head) or _LEVEL.search(head) or _WORST.search(head) or _WORDS.search(head)
    return cast("Severity", found.lastgroup) if found else "info"
