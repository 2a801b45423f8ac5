"""What every scenario asks of an investigation, whatever is broken."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, cast

from tasks.tool import Tool
from tasks.tools import TOOLS
from tests.stand_ins.run import FakeRun
from tests.stand_ins.world.names import PERFORMANCE
from tests.stand_ins.world.performance import performance_log
from tests.stand_ins.world.world import World

Found = dict[str, Any]

NAME: Final = "investigate_ecs_service"
LARGEST: Final = 24_000
"""Bytes of a result."""
LEEWAY: Final = timedelta(minutes=5)
"""How far what is said of the beginning may be from it."""
TOPICS: Final[Mapping[str, str]] = {
    "image": r"(?i)\bimage|\bpull|\becr\b",
    "memory": r"(?i)out of memory|outofmemory|\boom\b|memory",
    "health check": r"(?i)health.?check|unhealthy",
    "exit": r"(?i)\bexit|crash|restart",
    "capacity": r"(?i)capacity|\bplace[d]?\b|placement",
    "network": r"(?i)security group|route|subnet|\bNAT\b",
    "denied": r"(?i)denied|permission|not authori[sz]ed|not allowed",
    "timeout": r"(?i)time[d]?.?out",
    "throttling": r"(?i)throttl|throughput|rate exceeded",
    "deployment": r"(?i)deploy|rollout|rolled|task definition",
    "logs": r"(?i)\blog",
}
"""What a claim may be about."""

# C0 but tab and line feed, C1, soft hyphen, bidi, zero width, variation selectors, tags, byte order mark, surrogates.
UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)


def tool() -> Tool:
    return next(each for each in TOOLS if each.name == NAME)


def investigate(run: FakeRun, world: World, **more: object) -> Found:
    """The result of a call as a client makes it, which keeps all that every result must keep.

    The model is asked only where a test says so.
    """
    world.logs.groups.setdefault(PERFORMANCE, performance_log(world.account))
    found = run.call(tool(), **{"cluster": "shop", "service": "web", "analyze": False} | more)
    _keeps_its_promises(found, run)
    return found


def _keeps_its_promises(found: Found, run: FakeRun) -> None:
    known = {each["id"] for each in found["evidence"]}
    document = json.dumps(run.documents["evidence"])
    assert len(json.dumps(found).encode()) < LARGEST
    assert cited(found) <= known, cited(found) - known
    assert all(f'"{each}"' in document for each in known)
    assert all(each["evidence"] for each in (*found["findings"], *found["hypotheses"]))
    assert found["evidenceUri"] == f"result://{run.id}/evidence"
    moments = [each["at"] for each in found["timeline"]]
    assert moments == sorted(moments)
    numbers = [done for done, _, _, _ in run.steps]
    assert numbers == sorted(set(numbers))
    assert all(words for _, _, words, _ in run.steps)
    assert not unseen(found, run)


def told(found: Found, run: FakeRun) -> list[str]:
    """Every text that reaches a client of the call: result, content, progress, stream, log messages, documents."""
    attached = [getattr(each, "text", "") for each in run.attached]
    return list(strings([found, attached, run.steps, run.text, run.logged, run.documents]))


def unseen(found: Found, run: FakeRun) -> list[str]:
    """What steers a terminal, turns text around or hides in it, as far as a client would get it."""
    return [text for text in told(found, run) if UNSEEN.search(text)]


def strings(value: Any) -> Iterator[str]:
    """Every text in a JSON value, its keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, each in cast("Mapping[str, Any]", value).items():
            yield key
            yield from strings(each)
    elif isinstance(value, list | tuple):
        for each in cast("list[Any]", value):
            yield from strings(each)


def cited(found: Found) -> set[str]:
    """Every id that anything in a result rests on."""
    claims = (each["evidence"] for each in (*found["findings"], *found["hypotheses"]))
    single = {each["evidence"] for each in (*found["changes"], *found["timeline"], *found["chart"]["markers"])}
    return {name for names in claims for name in names} | {name for name in single if name}


def kinds(ids: Iterable[str]) -> set[str]:
    """Of `task:1`, task."""
    return {each.partition(":")[0] for each in ids}


def section(found: Found, status: str) -> dict[str, str]:
    """The sections that ended so, and what they say."""
    return {each["name"]: each["message"] for each in found["sections"] if each["status"] == status}


def top(found: Found, *words: str, proof: set[str]) -> None:
    """The likeliest hypothesis speaks of all of these *words* (patterns), and rests on all these kinds of evidence."""
    first = found["hypotheses"][0]
    for each in words:
        assert re.search(each, first["cause"], re.IGNORECASE), (each, found["hypotheses"])
    assert proof <= kinds(first["evidence"]), (proof, first)
    assert first["nextStep"]
    assert first["source"] == "rules"


def has_finding(found: Found, *words: str, proof: set[str]) -> None:
    """A finding speaks of all of these *words*, and rests on one of these kinds of evidence at least."""
    fitting = [
        each
        for each in found["findings"]
        if all(re.search(word, each["message"], re.IGNORECASE) for word in words) and proof & kinds(each["evidence"])
    ]
    assert fitting, (words, proof, found["findings"])


def since(found: Found, began: datetime, leeway: timedelta = LEEWAY) -> None:
    """What is said of the beginning is near the truth."""
    said = found["verdict"]["since"]
    assert said is not None
    assert abs(datetime.fromisoformat(said) - began) <= leeway, (said, began.isoformat())


def speaks_only_of(found: Found, *topics: str) -> None:
    """No finding and no hypothesis is about anything else that could be broken."""
    claims = [each["message"] for each in found["findings"]] + [each["cause"] for each in found["hypotheses"]]
    others = {name: words for name, words in TOPICS.items() if name not in topics}
    wrong = [(name, claim) for claim in claims for name, words in others.items() if re.search(words, claim)]
    assert not wrong, wrong
