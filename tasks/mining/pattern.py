"""What is known of one pattern: how often, when, and a few of its events, in memory that does not grow."""

from dataclasses import dataclass, field
from typing import Any, Final

from tasks.mining.severity import ORDER, Severity

MINUTE: Final = 60_000
"""Milliseconds."""
MOST_BUCKETS: Final = 128
LONGEST_SAMPLE: Final = 4_000
_SAMPLE_END: Final = 1_000
BURST: Final = 10
"""Events in a minute that are a burst, if they are also FACTOR times what was usual before."""
FACTOR: Final = 4.0

Sample = tuple[int, str]
"""When, and what."""


@dataclass(slots=True)
class Buckets:
    """Counts by time. When there are too many, two become one: the whole time stays, its grain grows."""

    minutes: int = 1
    """The width of each."""
    counts: dict[int, int] = field(default_factory=dict[int, int])

    def add(self, minute: int, count: int = 1) -> None:
        key = minute // self.minutes
        self.counts[key] = self.counts.get(key, 0) + count
        while len(self.counts) > MOST_BUCKETS:
            self._coarsen()

    def _coarsen(self) -> None:
        self.minutes *= 2
        counts: dict[int, int] = {}
        for key, count in self.counts.items():
            counts[key // 2] = counts.get(key // 2, 0) + count
        self.counts = counts

    def merge(self, other: "Buckets") -> None:
        while self.minutes < other.minutes:
            self._coarsen()
        for key, count in other.counts.items():
            self.add(key * other.minutes, count)

    def peak(self) -> tuple[int, float]:
        """The minute at which the fullest one begins, and its events per minute."""
        key, count = max(self.counts.items(), key=lambda each: (each[1], -each[0]))
        return key * self.minutes, count / self.minutes

    def between(self, start: int, end: int) -> float:
        """Events from *start* to *end* (milliseconds); a bucket partly inside counts in part."""
        width, total = self.minutes * MINUTE, 0.0
        for key, count in self.counts.items():
            inside = min(end, (key + 1) * width) - max(start, key * width)
            total += count * max(0, inside) / width
        return total


@dataclass(slots=True)
class Burst:
    """The greatest rise of a pattern: its first event and its last."""

    start: Sample
    end: Sample
    peak: int
    """Events in its fullest minute."""


@dataclass(slots=True)
class Pattern:
    number: int
    """Its evidence id is "log:" and this; never given to another."""
    tokens: tuple[str, ...]
    severity: Severity
    first: Sample
    last: Sample
    count: int = 0
    lines: int = 0
    buckets: Buckets = field(default_factory=Buckets)
    burst: Burst | None = None
    _minute: int = 0
    _now: int = 0
    """Events in the current minute."""
    _usual: float = 0.0
    """Events a minute before it, the recent ones weighing more."""
    _rising: Burst | None = None

    def add(self, at: int, text: str, lines: int = 1) -> None:
        self.count += 1
        self.lines += lines
        minute = at // MINUTE
        self.buckets.add(minute)
        sample = (at, _sampled(text))
        if at < self.first[0]:
            self.first = sample
        if minute >= self._minute:
            self._watch(minute, sample)
        if at >= self.last[0]:
            self.last = sample

    def _watch(self, minute: int, sample: Sample) -> None:
        if minute > self._minute:
            self._turn(minute)
        self._now += 1
        if self._rising is None and self._now >= max(BURST, FACTOR * self._usual):
            self._rising = Burst(sample, sample, self._now)
        if self._rising is not None:
            self._rising.end = sample
            self._rising.peak = max(self._rising.peak, self._now)
            if self.burst is None or self._rising.peak > self.burst.peak:
                self.burst = self._rising

    def _turn(self, minute: int) -> None:
        """The minute is over: what was in it becomes usual, and a burst ends that did not go on."""
        quiet = minute - self._minute - 1
        if self._rising is not None and (quiet or self._now < max(BURST, self._rising.peak / FACTOR)):
            self._rising = None
        if self._rising is None:
            self._usual = (self._usual * 0.8 + self._now * 0.2) * 0.8 ** min(quiet, 50)
        self._minute, self._now = minute, 0

    def merge(self, other: "Pattern") -> None:
        """Take in what *other* counted. Of two bursts the greater stays."""
        self.count += other.count
        self.lines += other.lines
        self.buckets.merge(other.buckets)
        self.first = min(self.first, other.first)
        self.last = max(self.last, other.last)
        self.severity = min(self.severity, other.severity, key=ORDER.__getitem__)
        bursts = [each for each in (self.burst, other.burst) if each is not None]
        self.burst = max(bursts, key=lambda each: (each.peak, each.start), default=None)
        self._rising = None

    def plain(self) -> dict[str, Any]:
        """As JSON. A burst that goes on is taken up as a new one."""
        burst = self.burst and [self.burst.start, self.burst.end, self.burst.peak]
        return {
            "number": self.number,
            "tokens": self.tokens,
            "severity": self.severity,
            "first": self.first,
            "last": self.last,
            "count": self.count,
            "lines": self.lines,
            "minutes": self.buckets.minutes,
            "buckets": list(self.buckets.counts.items()),
            "burst": burst,
            "now": [self._minute, self._now, self._usual],
        }


def restored(kept: dict[str, Any]) -> Pattern:
    minute, now, usual = kept["now"]
    burst = kept["burst"]
    return Pattern(
        number=kept["number"],
        tokens=tuple(kept["tokens"]),
        severity=kept["severity"],
        first=_sample(kept["first"]),
        last=_sample(kept["last"]),
        count=kept["count"],
        lines=kept["lines"],
        buckets=Buckets(kept["minutes"], dict(kept["buckets"])),
        burst=burst and Burst(_sample(burst[0]), _sample(burst[1]), burst[2]),
        _minute=minute,
        _now=now,
        _usual=usual,
    )


def opened(number: int, tokens: tuple[str, ...], severity: Severity, at: int, text: str) -> Pattern:
    """A pattern whose first event this is; the event is not counted yet."""
    sample = (at, _sampled(text))
    return Pattern(number, tokens, severity, sample, sample, _minute=at // MINUTE)


def _sample(kept: list[Any]) -> Sample:
    return kept[0], kept[1]


def _sampled(text: str) -> str:
    if len(text) <= LONGEST_SAMPLE:
        return text
    # The end of a stack trace says as much as its beginning.
    start = text[: LONGEST_SAMPLE - _SAMPLE_END - 40]
    return f"{start}\n... {len(text) - len(start) - _SAMPLE_END} characters left out ...\n{text[-_SAMPLE_END:]}"
