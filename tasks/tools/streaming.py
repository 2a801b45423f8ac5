"""Data points at an interval: each reaches the client when it is made."""

import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Annotated, Any, Final, Literal

from pydantic import Field
from typing_extensions import TypedDict

from tasks.tool import Run, tool

DataType = Literal["metrics", "stock_prices", "sensor_data", "custom"]


class DataPoint(TypedDict):
    timestamp: str
    index: int
    value: dict[str, Any]


class Streamed(TypedDict):
    dataType: DataType
    count: int
    intervalMs: int
    totalDuration: Annotated[int, Field(description="milliseconds from the first to the last point")]
    dataPoints: list[DataPoint]
    completedAt: str


@tool(
    title="Stream data points",
    annotations={"readOnlyHint": True, "openWorldHint": False},
    timeout=timedelta(minutes=6),
)
def streaming(
    run: Run,
    data_type: Annotated[DataType, Field(alias="dataType", description="what kind of points to make")] = "metrics",
    count: Annotated[int, Field(ge=1, le=50, description="how many points")] = 5,
    interval_ms: Annotated[
        int, Field(alias="intervalMs", ge=100, le=5000, description="milliseconds between two points")
    ] = 1000,
) -> Streamed:
    """Make simulated data points, one per interval, and stream each to the client when it is made."""
    started = monotonic()
    points: list[DataPoint] = []
    for index in range(count):
        # Each point has its own moment counted from the start, so that delays do not add up.
        run.sleep(timedelta(seconds=max(0.0, started + index * interval_ms / 1000 - monotonic())))
        point = DataPoint(timestamp=_now(), index=index, value=dict(MAKERS[data_type](index)))
        points.append(point)
        run.progress(index + 1, count, f"{data_type} point {index + 1} of {count}", data=point)
    return {
        "dataType": data_type,
        "count": count,
        "intervalMs": interval_ms,
        "totalDuration": round((monotonic() - started) * 1000),
        "dataPoints": points,
        "completedAt": _now(),
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _between(low: float, high: float) -> float:
    return round(random.uniform(low, high), 2)  # noqa: S311  # simulated data, not a secret


def _metrics(_: int) -> Mapping[str, Any]:
    return {
        "cpu": _between(0, 100),
        "memory": _between(50, 90),
        "disk": _between(20, 50),
        "network": _between(0, 1000),
    }


def _stock_prices(_: int) -> Mapping[str, Any]:
    return {
        "symbol": "DEMO",
        "price": _between(100, 150),
        "volume": random.randint(0, 9999),  # noqa: S311
        "change": _between(-5, 5),
    }


def _sensor_data(_: int) -> Mapping[str, Any]:
    return {
        "temperature": _between(20, 35),
        "humidity": _between(40, 80),
        "pressure": _between(1000, 1050),
        "light": random.randint(0, 999),  # noqa: S311
    }


def _custom(index: int) -> Mapping[str, Any]:
    return {
        "id": f"data_{index}",
        "value": _between(0, 1000),
        "category": random.choice("ABC"),  # noqa: S311
        "active": random.random() < 0.5,  # noqa: S311, PLR2004  # a coin
    }


MAKERS: Final[Mapping[DataType, Callable[[int], Mapping[str, Any]]]] = {
    "metrics": _metrics,
    "stock_prices": _stock_prices,
    "sensor_data": _sensor_data,
    "custom": _custom,
}
