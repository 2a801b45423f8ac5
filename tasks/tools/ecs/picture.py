"""The chart as a picture, for clients that show images and no pages."""

import threading
from typing import Final

from tasks.tools.ecs.timeline import Timeline

__all__ = ["picture"]

_ONE_AT_A_TIME: Final = threading.Lock()
"""Matplotlib shares fonts and caches between figures and promises nothing to threads: see ADR 0017."""


def picture(timeline: Timeline, *, title: str) -> bytes:
    """A PNG of 1200 x 640 pixels with its own light background, legible at the width of a phone.

    The drawing library is loaded by the first call: about a second, and 40 MB that the process keeps.
    """
    with _ONE_AT_A_TIME:
        from tasks.tools.ecs.drawing import draw  # noqa: PLC0415  # a worker that draws nothing does not pay for it

        return draw(timeline, title=title)
