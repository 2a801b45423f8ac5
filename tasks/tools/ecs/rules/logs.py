"""What the application itself says, by the patterns of its log.

A log can be written to by whoever talks to the application. What it says makes a finding only when it is said again
and again, and never a grave one by itself.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tasks.tools.ecs.answer import Confidence, Severity
from tasks.tools.ecs.facts import Facts, Pattern
from tasks.tools.ecs.rules.finding import CITED, Cause, Finding, definition_command, failed, logs_command

LEAST: Final = 5
"""Lines of one kind below which nothing is concluded."""
LEAST_NEW: Final = 20
"""Lines of a new or rising kind."""
ROSE: Final = 3.0
USUAL: Final = 1.5
"""A rise below which it is as it was."""

_NAME: Final = re.compile(
    r"(?<![\w.])((?:[a-z0-9-]+\.)+[a-z]{2,}|\d{1,3}(?:\.\d{1,3}){3}|[a-z][a-z0-9-]*)(?::(\d{2,5}))(?!\d)", re.IGNORECASE
)
_NO_HOST: Final = re.compile(
    r"(?:.*\.(?:py|js|mjs|ts|java|kt|scala|go|rb|rs|c|cc|cpp|cs|php|ex|exs|html|xml|json|ya?ml)"
    r"|line|pid|code|status|error|errno|exit|port|took|after|attempt|retry|id|thread)",
    re.IGNORECASE,
)
"""What stands before a number, and is no host: a file of source code, or a word."""
_ACTION: Final = re.compile(r"(?:perform:? |action:? )\[?([a-z0-9-]+:[A-Za-z*]+)")
_CALLER: Final = re.compile(r"assumed-role/([\w+=,.@-]{1,64})/")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Lines of one meaning; *text* makes the cause of what was found in them."""

    rule: str
    words: re.Pattern[str]
    message: str
    cause: Callable[[Sequence[Pattern]], str]
    weight: int
    step: str
    confidence: Confidence = "high"


def _denied(patterns: Sequence[Pattern]) -> str:
    action = _first(_ACTION, patterns)
    role = _first(_CALLER, patterns)
    who = f"The task role {role}" if role else "The task role"
    return f"{who} lacks a permission: AWS denies {action or 'what the application asks of it'} (AccessDenied)."


def _dependency(patterns: Sequence[Pattern]) -> str:
    texts = [text for each in patterns for _, text in each.samples]
    found = [match for text in texts for match in _NAME.finditer(text) if not _NO_HOST.fullmatch(match[1])]
    name = f" {found[0][1]}:{found[0][2]}" if found else ""
    return f"A dependency{name} does not answer: connections to it time out or are refused."


KINDS: Final = (
    Kind(
        rule="denied-by-aws",
        words=re.compile(
            # Frameworks and files have exceptions of the same name: what they deny, AWS does not.
            r"(?<!security\.access\.)(?<!nio\.file\.)AccessDenied|is not authorized to perform|UnauthorizedOperation",
            re.IGNORECASE,
        ),
        message="AWS denies the application what it asks for",
        cause=_denied,
        weight=87,
        step="Allow the action in the task role's policy (not the execution role's); an explicit deny elsewhere wins.",
    ),
    Kind(
        rule="disk-full",
        words=re.compile(r"no space left on device|ENOSPC|disk quota exceeded", re.IGNORECASE),
        message="The application's disk is full",
        cause=lambda _: "The task's disk is full: no space is left on the device.",
        weight=86,
        step="Raise ephemeralStorage, or find what fills it.",
    ),
    Kind(
        rule="heap-full",
        words=re.compile(
            r"java heap space|OutOfMemoryError|heap out of memory|\bMemoryError\b|cannot allocate memory", re.IGNORECASE
        ),
        message="The application runs out of memory by its own account",
        cause=lambda _: "The application runs out of memory: its heap is full.",
        weight=85,
        step="Compare the heap's limit with the container's memory, and look at what grows.",
    ),
    Kind(
        rule="dependency-away",
        words=re.compile(
            r"connect(?:ion)?\w* (?:to .{0,80})?(?:timed? ?out|refused|reset)|connect(?:ion)? timeout"
            r"|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|ENOTFOUND|ECONNRESET"
            r"|could not connect|unable to connect|failed to connect|no route to host"
            r"|name or service not known|name resolution|getaddrinfo|(?:read|dial|i/o|connect|socket) ?time[d]? ?-?out",
            re.IGNORECASE,
        ),
        message="The application cannot reach something that it needs",
        cause=_dependency,
        weight=84,
        step="See whether it is up, whether its security group lets the tasks in, and whether its name resolves.",
    ),
    Kind(
        rule="throttled-by-aws",
        words=re.compile(
            r"Throttl(?:ing|ed)|ProvisionedThroughputExceeded|TooManyRequests|Rate ?exceeded|RequestLimitExceeded"
            r"|SlowDown",
            re.IGNORECASE,
        ),
        message="The application asks more of a service than it may",
        cause=lambda _: "The application is throttled: it asks a service more often than its quota allows.",
        weight=83,
        step="Back off with jitter, cache, or ask for more capacity or a higher quota.",
    ),
)


def spoken(facts: Facts) -> Iterator[Finding]:
    """The kinds whose words say what they mean."""
    for kind in KINDS:
        found = [each for each in _trouble(facts) if _speaks(kind, each)]
        count = sum(each.count for each in found)
        if count < LEAST and not (found and _is_last(facts, kind)):
            continue
        usual = all(each.rose is not None and each.rose < USUAL for each in found)
        yield Finding(
            rule=kind.rule,
            severity=_severity(facts),
            message=f"{kind.message}: {count:,} lines, such as: {_sample(found[0])}",
            evidence=tuple(each.id for each in found[:CITED]),
            since=min(each.first for each in found),
            cause=Cause(
                text=kind.cause(found),
                weight=kind.weight,
                confidence="low" if usual else kind.confidence,
                against=("it was logged as often in the time compared with",) if usual else (),
                step=kind.step,
                command=definition_command(facts) if "role" in kind.step else logs_command(facts),
            ),
        )


def _is_last(facts: Facts, kind: Kind) -> bool:
    """Whether a task that failed says so at its end: then one line is enough."""
    dead = {task.id for task in failed(facts)}
    return any(
        kind.words.search(text)
        for each in (facts.logs.last if facts.logs else ())
        if each.task in dead
        for _, text in each.lines
    )


def new_errors(facts: Facts) -> Iterator[Finding]:
    """Errors that were not there before, of no known kind."""
    new = [each for each in _unnamed(facts) if each.is_new and each.count >= LEAST_NEW]
    if new:
        yield _of(facts, "new-errors", new, "Errors that were not there before", weight=58)


def more_errors(facts: Facts) -> Iterator[Finding]:
    """Errors that were there before, and are many more now."""
    more = [
        each
        for each in _unnamed(facts)
        if not each.is_new and each.count >= LEAST_NEW and each.rose is not None and each.rose >= ROSE
    ]
    if more:
        yield _of(facts, "more-errors", more, "Errors that are many more than before", weight=51)


def _of(facts: Facts, rule: str, found: list[Pattern], words: str, weight: int) -> Finding:
    count = sum(each.count for each in found)
    return Finding(
        rule=rule,
        severity="warning",
        message=f"{words}: {count:,} lines of {len(found)} kinds, the most frequent: {_sample(found[0])}",
        evidence=tuple(each.id for each in found[:CITED]),
        since=min(each.first for each in found),
        cause=Cause(
            # In words of ours: what a log says is no cause.
            text=f"The application logs errors of its own: {words[0].lower()}{words[1:]}.",
            weight=weight,
            confidence="low",
            step="Read the lines around the first of them.",
            command=logs_command(facts),
        ),
    )


def _trouble(facts: Facts) -> list[Pattern]:
    patterns = facts.logs.patterns if facts.logs else ()
    return [each for each in patterns if each.severity != "info"]


def _unnamed(facts: Facts) -> list[Pattern]:
    """Errors that no kind explains, the most frequent first."""
    found = [each for each in _trouble(facts) if each.severity in ("critical", "error")]
    found = [each for each in found if not any(_speaks(kind, each) for kind in KINDS)]
    return sorted(found, key=lambda each: -each.count)


def _speaks(kind: Kind, pattern: Pattern) -> bool:
    return bool(kind.words.search(pattern.template)) or any(kind.words.search(text) for _, text in pattern.samples)


def _severity(facts: Facts) -> Severity:
    return "critical" if failed(facts) else "warning"


def _sample(pattern: Pattern) -> str:
    text = pattern.samples[-1][1] if pattern.samples else pattern.template
    return " ".join(text.split())[:200]


def _first(words: re.Pattern[str], patterns: Sequence[Pattern]) -> str:
    found = (match for each in patterns for _, text in each.samples if (match := words.search(text)))
    return next((match[1] for match in found), "")
