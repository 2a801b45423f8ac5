"""Figures of a measurement."""

import statistics
from collections.abc import Sequence


def percentile(values: Sequence[float], rank: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[rank - 1]
