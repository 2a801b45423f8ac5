"""CloudWatch: metrics computed from a rule for each minute, and alarms."""

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from tests.stand_ins.world.account import Account, Series, Shape
from tests.stand_ins.world.wire import Parameters, Refused

_STATISTICS: Final[Mapping[str, Callable[[list[float]], float]]] = {
    "Average": statistics.fmean,
    "Sum": sum,
    "Maximum": max,
    "Minimum": min,
    "SampleCount": len,
}


@dataclass
class CloudWatch:
    account: Account

    def GetMetricData(self, given: Parameters) -> Any:
        queries = given["MetricDataQueries"]
        if len({each["Id"] for each in queries}) != len(queries) or len(queries) > 500:
            raise Refused("ValidationError", "ids must be unique, and at most 500 of them")
        ascending = given.get("ScanBy") == "TimestampAscending"
        start, end = given["StartTime"], given["EndTime"]
        if start >= end:
            raise Refused("ValidationError", "The parameter StartTime must be less than the parameter EndTime.")
        return {"MetricDataResults": [self._result(each, start, end, ascending=ascending) for each in queries]}

    def DescribeAlarms(self, given: Parameters) -> Any:
        names, prefix, state = given.get("AlarmNames"), given.get("AlarmNamePrefix", ""), given.get("StateValue")
        found = [each for each in self.account.alarms if each["AlarmName"].startswith(prefix)]
        found = [each for each in found if not names or each["AlarmName"] in names]
        found = [each for each in found if not state or each["StateValue"] == state]
        at = int(given.get("NextToken") or "0")
        end = at + min(given.get("MaxRecords") or 50, 100)
        more = {"NextToken": str(end)} if end < len(found) else {}
        return {"MetricAlarms": found[at:end], "CompositeAlarms": []} | more

    def _result(self, query: Shape, start: datetime, end: datetime, *, ascending: bool) -> Shape:
        if "MetricStat" not in query:
            raise Refused("ValidationError", "the stand-in computes no expressions")
        stat = query["MetricStat"]
        metric = stat["Metric"]
        dimensions = frozenset((each["Name"], each["Value"]) for each in metric.get("Dimensions", []))
        series = self.account.metrics.get((metric["Namespace"], metric["MetricName"], dimensions))
        points = self._points(series, stat["Period"], stat["Stat"], (start, end)) if series else []
        points = points if ascending else points[::-1]
        return {
            "Id": query["Id"],
            "Label": query.get("Label", metric["MetricName"]),
            "Timestamps": [at for at, _ in points],
            "Values": [value for _, value in points],
            "StatusCode": "Complete",
        }

    def _points(
        self, series: Series, period: int, stat: str, window: tuple[datetime, datetime]
    ) -> list[tuple[datetime, float]]:
        """A point where anything was measured in the period; periods begin at whole multiples of themselves."""
        if period % 60:
            raise Refused("ValidationError", "periods are whole minutes here")
        first = window[0].timestamp() // period * period
        found: list[tuple[datetime, float]] = []
        for second in range(int(first), int(window[1].timestamp()), period):
            at = datetime.fromtimestamp(second, window[0].tzinfo)
            minutes = (at + timedelta(minutes=minute) for minute in range(period // 60))
            ages = ((self.account.now - minute).total_seconds() / 60 for minute in minutes)
            values = [value for age in ages if age >= 0 and (value := series(age)) is not None]
            if values:
                found.append((at, float(_summary(stat)(values))))
        return found


def _summary(stat: str) -> Callable[[list[float]], float]:
    if stat in _STATISTICS:
        return _STATISTICS[stat]
    if stat.startswith("p") and stat[1:].replace(".", "").isdigit():
        share = float(stat[1:]) / 100
        return lambda values: sorted(values)[min(len(values) - 1, int(share * len(values)))]
    raise Refused("ValidationError", f"unknown statistic {stat}")
