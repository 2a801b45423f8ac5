"""What mining costs: a million lines of 200 patterns (variables, floods, traces), of which no two are alike, all alike.

Prints lines per second, one core, and how far the process's peak of memory rose above its start.
"""

import random
import resource
import time
from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from tasks.mining.digest import digest, size
from tasks.mining.miner import Miner

LINES = 1_000_000
PATTERNS = 200
START = 1_764_000_000_000
ROOM_MB = 150
WORDS = [
    a + b for a in ("re", "un", "in", "con", "de", "ex") for b in ("quest", "lock", "sert", "nect", "code", "port")
]

Line = tuple[int, str, str]


def templates(chance: random.Random) -> list[str]:
    """Lines with holes: a number, an id, an address, a duration."""
    found: list[str] = []
    for _ in range(PATTERNS):
        parts = chance.choices([*WORDS, "{n}", "{id}", "{ip}", "took={n}ms"], k=chance.randint(4, 12))
        level = chance.choice(["INFO", "INFO", "INFO", "WARN", "ERROR"])
        found.append(f"2026-11-28T06:00:{{s}}Z {level} [{''.join(chance.choices(WORDS, k=2))}] {' '.join(parts)}")
    return found


def usual(count: int) -> Iterator[Line]:
    """Some patterns more often than others, and every 100,000 lines a flood of one; four streams interleave."""
    chance = random.Random(7)  # noqa: S311 -- the same lines in every run
    known = templates(chance)
    for n in range(count):
        pick = 3 if n % 100_000 < 5_000 else min(int(chance.expovariate(1 / 40)), PATTERNS - 1)
        bits = chance.getrandbits(32)
        address = f"10.{bits & 255}.{bits >> 8 & 255}.{bits >> 16 & 255}"
        token = f"{bits:08x}-0a1b-4c2d-8e3f-{bits * 3 & 0xFFFFFFFFFFFF:012x}"
        text = known[pick].replace("{n}", str(bits % 9973)).replace("{id}", token).replace("{ip}", address)
        yield START + n * 4, f"app/{n & 3}", text.replace("{s}", f"{n // 250 % 60:02d}")
        if n % 1_000 == 0:
            yield START + n * 4, f"app/{n & 3}", "java.lang.IllegalStateException: closed"
            yield START + n * 4, f"app/{n & 3}", f"\tat com.shop.Pool.take(Pool.java:{bits % 500})"


def unlike(count: int) -> Iterator[Line]:
    """Lines of which no two are alike: more patterns than are kept."""
    chance = random.Random(8)  # noqa: S311
    for n in range(count):
        letters = "".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=40))
        yield START + n * 4, "app", " ".join(letters[at : at + 8] for at in range(0, 40, 8))


def measure(table: Table, name: str, lines: Iterator[Line]) -> None:
    miner, before, spent, count = Miner(), peak(), 0.0, 0
    for chunk in chunks(lines):
        started = time.process_time()
        for line in chunk:
            miner.add(*line)
        spent += time.process_time() - started
        count += len(chunk)
    started = time.process_time()
    found = digest(miner, 4_000)
    made = time.process_time() - started
    rose = peak() - before
    events = sum(one.count for one in miner.patterns) + miner.forgotten[1]
    assert events == miner.events, "an event was lost"
    assert rose < ROOM_MB, f"memory rose by {rose:.0f} MB"
    row = (f"{count:,}", f"{count / spent:,.0f}", f"{rose:.0f}", str(len(miner.patterns)), f"{miner.forgotten[0]:,}")
    table.add_row(name, *row, f"{made * 1000:.0f}", str(size(found) // 3))


def chunks(lines: Iterator[Line]) -> Iterator[list[Line]]:
    """So that making the lines is not measured."""
    chunk: list[Line] = []
    for line in lines:
        chunk.append(line)
        if len(chunk) == 5_000:
            yield chunk
            chunk = []
    yield chunk


def peak() -> float:
    """MB; Linux counts in KB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    heads = ("kind", "lines", "lines/s", "MB more", "patterns", "forgotten", "digest ms", "tokens")
    table = Table(*heads, title="log lines to patterns, one core")
    measure(table, "200 patterns", usual(LINES))
    measure(table, "no two alike", unlike(LINES))
    measure(table, "one line", ((START + n, "app", "ERROR payment refused") for n in range(LINES)))
    Console().print(table)


if __name__ == "__main__":
    main()
