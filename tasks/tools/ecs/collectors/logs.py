"""The application's logs: counted by minute, read as far as it pays, made into patterns, told apart from before."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from tasks.aws.insights import Window, sized
from tasks.mining.clean import clean
from tasks.mining.digest import harmless
from tasks.mining.miner import Miner
from tasks.mining.pattern import Pattern as Mined
from tasks.mining.pattern import Sample
from tasks.mining.severity import ORDER
from tasks.tools.ecs.collectors.lines import Line, Lines, Memory
from tasks.tools.ecs.collectors.places import Place, place
from tasks.tools.ecs.collectors.windows import spans
from tasks.tools.ecs.facts import LastWords, Logs, Pattern, Task
from tasks.tools.ecs.scene import NotThere, Scene, at

READ: Final = {"quick": 1_000, "standard": 20_000, "deep": 1_000_000}
"""Lines that are read, by depth."""
BEFORE: Final = 5_000
"""Lines of the time compared with."""
PATTERNS: Final = 60
DEAD: Final = 3
"""Tasks that ended whose last words are read."""
WORDS: Final = 20
LONGEST: Final = 500
_AROUND: Final = timedelta(minutes=1)
_OFTEN: Final = 10
"""Lines below which a rise says nothing."""


def logs(scene: Scene, memory: Memory) -> Logs:
    where = place(scene)
    lines = Lines(scene.run, where, memory, scene.request.budget, scene.say)
    window = scene.request.window
    deep = scene.request.depth == "deep"
    last = _last_words(scene, where, lines)
    if scene.request.depth == "quick":
        miner = _mined(lines.newest("newest", window, READ["quick"], bad=True))
        total = bad = {}
    else:
        bad = lines.by_minute("bad", window, bad=True)
        total = lines.by_minute("all", window, bad=False)
        wanted = spans(list((total if deep else bad).items()), most=READ[scene.request.depth])
        miner = _mined(lines.read("read", wanted, bad=not deep))
    whole = not deep and sum(bad.values()) <= miner.lines and bool(lines.spent.left)
    before = _before(scene, lines)
    found = Logs(
        groups=where.groups,
        patterns=_patterns(scene, miner, before, whole=whole),
        minutes=tuple((minute, count, bad.get(minute, 0)) for minute, count in sorted(total.items())),
        events=sum(total.values()) or miner.lines,
        errors=sum(bad.values()),
        read=miner.lines,
        scanned=lines.spent.bytes,
        queries=lines.spent.queries,
        compared=before is not None,
        cut=_cut(scene, lines, miner, sum((total if deep else bad).values())),
        unread=where.unread,
        last=last,
    )
    if not (miner.lines or total or last):
        raise NotThere(f"The log groups {', '.join(where.groups)} have no lines of the tasks in this time.", found)
    return found


def _mined(lines: Iterable[Line]) -> Miner:
    miner = Miner()
    for moment, stream, text in lines:
        miner.add(moment, stream, text)
    miner.flush()
    return miner


def compared(scene: Scene) -> Window | None:
    """The time that is compared with: as long, just before or a day before."""
    start, end = scene.request.window
    match scene.request.compare:
        case "previous":
            return start - (end - start), start
        case "day":
            return start - timedelta(days=1), end - timedelta(days=1)
        case "none":
            return None


def _before(scene: Scene, lines: Lines) -> Miner | None:
    window = compared(scene)
    if window is None or scene.request.depth == "quick" or not lines.spent.left:
        return None
    return _mined(lines.newest("before", window, BEFORE, bad=True))


def _cut(scene: Scene, lines: Lines, miner: Miner, known: int) -> str:
    if not lines.spent.left:
        return f"the budget of {sized(scene.request.budget)} was used up"
    if miner.lines < known * 0.98:
        order = "of the fullest minute, then the newest and the first as far as there was room"
        return f"{miner.lines:,} of {known:,} lines were read: {order}"
    return ""


def _patterns(scene: Scene, miner: Miner, before: Miner | None, *, whole: bool) -> tuple[Pattern, ...]:
    """The worst first, then the new ones, then the most frequent."""
    deployed = _deployed(scene)
    found = [_pattern(scene, one, before, deployed if whole else None, whole=whole) for one in miner.patterns]
    found.sort(key=lambda each: (ORDER[each.severity], not each.is_new, -each.count))  # pyright: ignore[reportArgumentType]
    return tuple(found[:PATTERNS])


def _deployed(scene: Scene) -> int | None:
    """When the latest deployment began, if it is in the window."""
    start, _ = scene.request.window
    begun = next((each.created for each in scene.facts.rollouts if each.created), None)
    return begun if begun is not None and begun >= at(start) else None


def _pattern(scene: Scene, one: Mined, before: Miner | None, deployed: int | None, *, whole: bool) -> Pattern:
    same = before.find(one) if before is not None else None
    # What was not read may have been there before.
    unknown = whole and before is not None and before.lines < BEFORE and same is None
    is_new = unknown and (deployed is None or one.first[0] >= deployed)
    minute, peak = one.buckets.peak()
    edges = [one.burst.start] if one.burst else []
    samples: dict[Sample, None] = dict.fromkeys([one.first, *edges, one.last])
    return Pattern(
        id=f"log:{one.number}",
        template=harmless(clean(" ".join(one.tokens)))[:LONGEST],
        count=one.count,
        first=one.first[0],
        last=one.last[0],
        severity=one.severity,
        is_new=is_new,
        rose=_rise(one, same, before) if before is not None and before.lines < BEFORE else None,
        peak=peak,
        peak_at=minute * 60_000,
        samples=tuple((moment, harmless(text)[:LONGEST]) for moment, text in samples),
    )


def _rise(one: Mined, same: Mined | None, before: Miner) -> float | None:
    if one.count < _OFTEN or not before.lines:
        return None
    return round(one.count / max(1, same.count if same else 0), 1)


def _last_words(scene: Scene, where: Place, lines: Lines) -> tuple[LastWords, ...]:
    """Of the tasks that ended last."""
    dead = [task for task in scene.facts.stopped if task.ended][:DEAD]
    streams = {stream: task for task in dead for stream in where.streams(task.name)}
    if not streams:
        return ()
    found = lines.of_streams("last", list(streams), _lives(scene, dead), DEAD * WORDS * 2)
    made: list[LastWords] = []
    for task in dead:
        spoken = [(moment, text) for moment, stream, text in found if streams.get(stream) == task]
        own = [(moment, harmless(clean(text))[:LONGEST]) for moment, text in spoken]
        if own:
            made.append(LastWords(id=f"lines:{len(made) + 1}", task=task.id, lines=tuple(own[-WORDS:])))
    return tuple(made)


def _lives(scene: Scene, dead: list[Task]) -> Window:
    start, end = scene.request.window
    begun = min((task.created or task.ended or at(end) for task in dead), default=at(start))
    ended = max((task.ended or at(end) for task in dead), default=at(end))
    first = datetime.fromtimestamp(begun / 1000, UTC)
    return max(first, start - timedelta(hours=3)), datetime.fromtimestamp(ended / 1000, UTC) + _AROUND
