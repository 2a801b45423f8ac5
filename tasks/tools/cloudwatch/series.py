"""The queries of one search, one after the other, within one budget, kept so that nobody pays for one twice."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from tasks.aws.insights import Answer, Query, Scan, Window, query, sized
from tasks.tool import Run
from tasks.tools.cloudwatch.groups import Groups

LONGEST: Final = timedelta(minutes=3)
"""Of one query."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is searched. It is kept too: a later attempt looks into the same groups and the same time."""

    groups: Groups
    window: Window


class Series:
    def __init__(self, run: Run, plan: Plan, *, budget: int, kept: dict[str, Any] | None = None) -> None:
        self.plan = plan
        self.texts: list[str] = []
        self.bytes = 0
        self.events = 0
        self.matched = 0
        """Of the first query."""
        self.asked = 0
        self.was_cut = False
        """Whether the budget ended a query."""
        self._run = run
        self._budget = budget
        self._ids: list[str] = list(kept["queries"]) if kept else []
        self._said: int = kept["said"] if kept else 0

    @property
    def is_spent(self) -> bool:
        """Whether the budget leaves nothing for another query."""
        return self.was_cut or self.bytes >= self._budget

    def ask(self, text: str, *, limit: int, words: str, window: Window | None = None) -> Answer:
        """The rows of one query; fewer when the budget ends it. *words* say what is being done."""
        number, self.asked = self.asked, self.asked + 1
        known = self._ids[number] if number < len(self._ids) else None
        self.say(words)
        answer = query(
            self._run,
            Query(
                groups=self.plan.groups.names,
                text=text,
                window=window or self.plan.window,
                limit=limit,
                region=self.plan.groups.region,
                budget=self._budget - self.bytes,
                longest=LONGEST,
            ),
            query_id=known,
            started=lambda query_id: self._keep(number, query_id),
            heard=lambda scan: self._hear(words, scan),
        )
        if text not in self.texts:
            self.texts.append(text)
        self.bytes += answer.scan.bytes
        self.events += answer.scan.events
        self.matched = self.matched if number else answer.scan.matched
        self.was_cut = self.was_cut or not answer.whole
        return answer

    def say(self, words: str) -> None:
        self._said += 1
        self._run.progress(self._said, None, words)

    def _hear(self, words: str, scan: Scan) -> None:
        self.say(f"{words}: scanned {sized(self.bytes + scan.bytes)}, {scan.matched:,} matching events")

    def _keep(self, number: int, query_id: str) -> None:
        self._ids[number:] = [query_id]
        self._run.checkpoint(
            {
                "groups": self.plan.groups.names,
                "region": self.plan.groups.region,
                "window": [at.isoformat() for at in self.plan.window],
                "queries": self._ids,
                "said": self._said,
            }
        )


def restored(kept: dict[str, Any]) -> Plan:
    """What an earlier attempt looked into."""
    start, end = (datetime.fromisoformat(at) for at in kept["window"])
    return Plan(groups=Groups(names=tuple(kept["groups"]), region=kept["region"]), window=(start, end))
