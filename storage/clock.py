"""Time as the store counts it: milliseconds, by Redis's own clock, on which every process agrees."""

from datetime import timedelta
from typing import Final

NOW: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""
"""The beginning of a script that needs the time, which is `now` from here on."""


def milliseconds(duration: timedelta) -> int:
    return int(duration.total_seconds() * 1000)
