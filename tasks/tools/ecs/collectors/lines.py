"""The queries an investigation asks of the logs: counted by minute, read by time, the last words of the dead.

Every query has a name, under which its id is kept: a later attempt fetches the answer that is there, and pays nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Final

from tasks.aws.insights import MOST_ROWS, Answer, Query, Row, Scan, Window, moment, query, quoted, sized
from tasks.tool import Run
from tasks.tools.ecs.collectors.places import Place
from tasks.tools.ecs.collectors.windows import Span
from tasks.tools.ecs.scene import at

AT_ONCE: Final = 4
"""Queries: an account may run 30, for everybody."""
LONGEST: Final = timedelta(minutes=3)
BAD: Final = (
    r"(?i)error|exception|fatal|panic|traceback|critical|severe|fail|time[d ]?-?out|refused|denied|not authorized"
    r"|unauthorized|forbidden|unable|cannot|could not|unreachable|reset by peer|throttl|rate exceeded"
    r"|too many requests|out of ?memory|killed|segfault|segmentation|no space left|abort|warn"
)
"""Lines that may speak of trouble. The alternatives are many, the scan is one."""

Line = tuple[int, str, str]
"""When (milliseconds), of which stream, what."""


class Memory:
    """Ids of queries by name, kept for a later attempt."""

    def __init__(self, known: dict[str, str], keep: Callable[[], None]) -> None:
        self.known = known
        self._keep = keep

    def find(self, name: str) -> str | None:
        return self.known.get(name)

    def add(self, name: str, query_id: str) -> None:
        self.known[name] = query_id
        self._keep()


@dataclass
class Spent:
    """What the queries of one investigation scanned by now; *budget* is for all of them."""

    budget: int
    queries: int = 0
    ended: int = 0
    """Bytes of queries that have ended."""
    matched: int = 0
    running: dict[str, Scan] = field(default_factory=dict[str, Scan])

    @property
    def bytes(self) -> int:
        return self.ended + sum(scan.bytes for scan in self.running.values())

    @property
    def left(self) -> int:
        return max(0, self.budget - self.bytes)


class Lines:
    """The log of one place, asked of within a budget. *say* is told in words how far it is."""

    def __init__(self, run: Run, place: Place, memory: Memory, budget: int, say: Callable[[str], None]) -> None:
        self.spent = Spent(budget)
        self._run = run
        self._place = place
        self._memory = memory
        self._say = say
        self._lock = Lock()
        self._said = ""

    def by_minute(self, name: str, window: Window, *, bad: bool) -> dict[int, int]:
        """How many lines each minute has: all, or those that may speak of trouble."""
        conditions = [self._place.only, f"@message like /{BAD}/" if bad else ""]
        text = f"{_filter(conditions)}stats count(*) as lines by bin(1m) as minute"
        answer = self._ask(name, Query(groups=self._place.groups, text=text, window=window, limit=MOST_ROWS))
        return {at(moment(_minute(row))): int(float(row["lines"])) for row in answer.rows if row.get("lines")}

    def read(self, name: str, spans: Sequence[Span], *, bad: bool) -> Iterator[Line]:
        """The lines of *spans*, in their order, a few queries at a time; ends when the budget does."""
        conditions = [self._place.only, f"@message like /{BAD}/" if bad else ""]
        text = f"fields @timestamp, @message, @logStream | {_filter(conditions)}sort @timestamp asc | limit {MOST_ROWS}"

        def ask(span: Span) -> list[Line]:
            window = _time(span.start), _time(span.end)
            asked = Query(groups=self._place.groups, text=text, window=window, limit=MOST_ROWS)
            found = map(_line, self._ask(f"{name}:{span.start}", asked).rows)
            # The API's times have both ends in them.
            return [line for line in found if span.start <= line[0] < span.end]

        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="insights") as pool:
            for start in range(0, len(spans), AT_ONCE):
                if not self.spent.left:
                    return
                for lines in pool.map(ask, spans[start : start + AT_ONCE]):
                    yield from lines

    def newest(self, name: str, window: Window, limit: int, *, bad: bool) -> list[Line]:
        """The last lines of a window, in their order."""
        conditions = [self._place.only, f"@message like /{BAD}/" if bad else ""]
        return self._newest(name, conditions, window, limit)

    def of_streams(self, name: str, streams: Sequence[str], window: Window, limit: int) -> list[Line]:
        names = ", ".join(map(quoted, streams))
        return self._newest(name, [f"@logStream in [{names}]"], window, limit)

    def _newest(self, name: str, conditions: Sequence[str], window: Window, limit: int) -> list[Line]:
        text = f"fields @timestamp, @message, @logStream | {_filter(conditions)}sort @timestamp desc | limit {limit}"
        rows = self._ask(name, Query(groups=self._place.groups, text=text, window=window, limit=limit)).rows
        return [_line(row) for row in reversed(rows)]

    def _ask(self, name: str, asked: Query) -> Answer:
        asked = replace(asked, region=self._place.region, budget=self.spent.left, longest=LONGEST)
        known = self._memory.find(name)
        with self._lock:
            self.spent.queries += known is None
        try:
            answer = query(
                self._run,
                asked,
                query_id=known,
                started=lambda query_id: self._memory.add(name, query_id),
                heard=lambda scan: self._hear(name, scan),
            )
        finally:
            with self._lock:
                self.spent.running.pop(name, None)
        with self._lock:
            self.spent.ended += answer.scan.bytes
            self.spent.matched += answer.scan.matched
        return answer

    def _hear(self, name: str, scan: Scan) -> None:
        with self._lock:
            self.spent.running[name] = scan
            read = self.spent.bytes
            matched = self.spent.matched + sum(each.matched for each in self.spent.running.values())
            words = f"scanned {sized(read)}, {matched:,} matching events"
            said, self._said = self._said, words
        if words != said:
            self._say(words)


def _filter(conditions: Sequence[str]) -> str:
    wanted = " and ".join(each for each in conditions if each)
    return f"filter {wanted} | " if wanted else ""


def _minute(row: Row) -> str:
    return next(value for name, value in row.items() if name == "minute" or name.startswith("bin("))


def _line(row: Row) -> Line:
    return at(moment(row["@timestamp"])), row.get("@logStream", ""), row.get("@message", "")


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
