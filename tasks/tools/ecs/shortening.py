"""An answer that a model's context bears: what is left out is in the document with all the evidence."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any, Final, cast

from tasks.mining.digest import CHARACTERS, size
from tasks.tools.ecs.answer import Evidence, Investigation
from tasks.tools.ecs.timeline import trimmed

TOKENS: Final = 8_000
LEAST: Final = 60
"""Characters of a text that are left of it at least."""
_LONELY: Final = 2
"""Entries of a list below which nothing more is left out of it."""
_TEXTS: Final[Mapping[str, tuple[str, ...]]] = {
    "hypotheses": ("cause", "nextStep"),
    "findings": ("message",),
    "evidence": ("text",),
    "sections": ("message",),
    "timeline": ("what",),
    "changes": ("what", "before", "after"),
    "logPatterns": ("template", "sample"),
}


def within(answer: Investigation, pieces: Sequence[Evidence]) -> Investigation:
    """The answer, its longest lists shortened until it is small enough; what is cited keeps its evidence."""
    answer, limit = deepcopy(answer), TOKENS * CHARACTERS
    cited = _cited(answer)
    answer["evidence"] = [each for each in pieces if each["id"] in cited]
    lists = (_fewer("timeline"), _fewer("logPatterns"), _fewer("changes"), _thinner, _fewer_marks, _fewer("findings"))
    for shorten in (*lists, _fewer("hypotheses"), _shorter):
        while size(answer) > limit and shorten(answer):
            kept = _cited(answer)
            answer["evidence"] = [each for each in answer["evidence"] if each["id"] in kept]
    return answer


def _fewer(name: str) -> Callable[[Investigation], bool]:
    """Leaves the last third of a list out; False when there is no more to leave out."""

    def shorten(answer: Investigation) -> bool:
        found = cast("list[Any]", cast("dict[str, Any]", answer)[name])
        if len(found) <= _LONELY:
            return False
        del found[max(_LONELY, len(found) * 2 // 3) :]
        return True

    return shorten


def _thinner(answer: Investigation) -> bool:
    """Half of the chart's points go, the worst of each stretch of time stays."""
    longest = max((len(each["points"]) for each in answer["chart"]["series"]), default=0)
    if longest <= 8:  # noqa: PLR2004  # fewer make no curve
        return False
    answer["chart"] = trimmed(answer["chart"], most_points=longest // 2)
    return True


def _fewer_marks(answer: Investigation) -> bool:
    """The oldest third of the chart's markers goes: each brings its piece of evidence with it."""
    marks = answer["chart"]["markers"]
    if len(marks) <= _LONELY:
        return False
    del marks[: max(1, len(marks) // 3)]
    return True


def _shorter(answer: Investigation) -> bool:
    """The longest texts are cut to half their length. Never a command: half of one does something else."""
    plain = cast("dict[str, Any]", answer)
    texts = [(entry, key) for name, keys in _TEXTS.items() for entry in plain[name] for key in keys]
    longest = max((len(entry[key]) for entry, key in texts), default=0)
    longest = max(longest, *(len(gap) for gap in answer["gaps"]), len(answer["verdict"]["summary"]), 0)
    if longest <= LEAST:
        return False
    limit = max(LEAST, longest // 2)
    for entry, key in texts:
        entry[key] = _cut(entry[key], limit)
    answer["gaps"] = [_cut(gap, limit) for gap in answer["gaps"]]
    answer["verdict"]["summary"] = _cut(answer["verdict"]["summary"], limit)
    for each in answer["hypotheses"]:
        each["counterEvidence"] = [_cut(text, limit) for text in each["counterEvidence"]]
    return True


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _cited(answer: Investigation) -> set[str]:
    found = {ref for each in answer["hypotheses"] for ref in each["evidence"]}
    found |= {ref for each in answer["findings"] for ref in each["evidence"]}
    found |= {each["evidence"] for each in (*answer["timeline"], *answer["changes"])}
    found |= {each["evidence"] for each in answer["chart"]["markers"]}
    text = answer["analysis"]["text"]
    return found | {each["id"] for each in answer["evidence"] if each["id"] in text} | _ids_in(text)


def _ids_in(text: str) -> set[str]:
    words = text.replace("[", " ").replace("]", " ").replace(",", " ").split()
    return {word.rstrip(".") for word in words if ":" in word}
