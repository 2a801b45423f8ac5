"""The same work for several things at once, its answers in their order."""

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

T = TypeVar("T")
Found = TypeVar("Found")

AT_ONCE: Final = 8
"""Fewer than the connections that a client of boto3 keeps open."""


def in_order(work: Callable[[T], Found], things: Sequence[T]) -> Generator[Found]:
    """What *work* makes of each. What was not begun when the reader stops, or when one fails, is not done."""
    with ThreadPoolExecutor(min(AT_ONCE, len(things) or 1), thread_name_prefix="s3") as pool:
        begun = [pool.submit(work, each) for each in things]
        try:
            for each in begun:
                yield each.result()
        finally:
            for each in begun:
                each.cancel()
