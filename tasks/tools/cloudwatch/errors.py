"""Error lines, all of them: a query answers 10,000 rows at most, so what is before those is asked for on its own."""

from datetime import datetime, timedelta
from typing import Final

from tasks.aws.insights import MOST_ROWS, Row, moment
from tasks.mining.miner import Miner
from tasks.tool import ToolError
from tasks.tools.cloudwatch import presets
from tasks.tools.cloudwatch.series import Series

MOST_QUERIES: Final = 4
"""As many as end within the tool's own time limit."""
WORDS: Final = "looking for error lines"
_SECOND: Final = timedelta(seconds=1)


def mined(series: Series, contains: str | None) -> tuple[Miner, list[str]]:
    """The lines' patterns, and notes on what was left out: the newest lines are read first."""
    miner, notes, text = Miner(), list[str](), presets.errors(contains)
    start, end = series.plan.window
    before: datetime | None = None
    for number in range(MOST_QUERIES):
        try:
            answer = series.ask(text, limit=MOST_ROWS, words=WORDS, window=(start, end))
        except ToolError as error:
            if before is None:
                raise
            notes.append(f"Lines before {before.isoformat()} were not read: {error}")
            break
        found = [row for row in answer.rows if before is None or moment(row["@timestamp"]) < before]
        more = answer.whole and len(answer.rows) >= MOST_ROWS
        if more:
            found, before = _complete(found, notes)
        miner.merge(_mined(found))
        if not more or before is None or before <= start:
            break
        end = before
        if series.is_spent or number == MOST_QUERIES - 1:
            notes.append(f"Only the newest {miner.lines:,} error lines were read, back to {before.isoformat()}.")
            break
    return miner, notes


def _complete(found: list[Row], notes: list[str]) -> tuple[list[Row], datetime]:
    """The rows of whole seconds, which are times of queries, and the second that they go back to."""
    oldest = moment(found[-1]["@timestamp"]).replace(microsecond=0)
    kept = [row for row in found if moment(row["@timestamp"]) >= oldest + _SECOND]
    if kept:
        return kept, oldest + _SECOND
    notes.append(f"The second {oldest.isoformat()} has more error lines than a query answers: not all were read.")
    return found, oldest


def _mined(found: list[Row]) -> Miner:
    """Oldest first, so that a stack trace over several lines is joined to one event."""
    miner = Miner()
    for row in reversed(found):
        miner.add(
            moment(row["@timestamp"]), f"{row.get('@log', '')}/{row.get('@logStream', '')}", row.get("@message", "")
        )
    miner.flush()
    return miner
