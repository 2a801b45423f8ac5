"""What there is in the account: plain data in AWS's own shapes, by the names of its APIs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

Shape = dict[str, Any]
Dimensions = frozenset[tuple[str, str]]
Series = Callable[[float], float | None]
"""A value for so many minutes before now; None where nothing was measured."""

NUMBER: Final = "123456789012"
REGION: Final = "us-east-1"


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{NUMBER}:{resource}"


@dataclass
class Account:
    """*now* is when the world was made: everything in it happened before."""

    now: datetime
    clusters: list[Shape] = field(default_factory=list[Shape])
    services: list[Shape] = field(default_factory=list[Shape])
    tasks: list[Shape] = field(default_factory=list[Shape])
    definitions: dict[str, Shape] = field(default_factory=dict[str, Shape])
    """By family:revision."""
    deployments: list[Shape] = field(default_factory=list[Shape])
    """As DescribeServiceDeployments tells them."""
    revisions: list[Shape] = field(default_factory=list[Shape])
    images: dict[str, list[Shape]] = field(default_factory=dict[str, list[Shape]])
    """By repository."""
    target_groups: list[Shape] = field(default_factory=list[Shape])
    targets: dict[str, list[Shape]] = field(default_factory=dict[str, list[Shape]])
    """Their health, by the ARN of the group."""
    balancers: list[Shape] = field(default_factory=list[Shape])
    security_groups: list[Shape] = field(default_factory=list[Shape])
    subnets: list[Shape] = field(default_factory=list[Shape])
    route_tables: list[Shape] = field(default_factory=list[Shape])
    endpoints: list[Shape] = field(default_factory=list[Shape])
    metrics: dict[tuple[str, str, Dimensions], Series] = field(
        default_factory=dict[tuple[str, str, Dimensions], Series]
    )
    alarms: list[Shape] = field(default_factory=list[Shape])
    scalable: list[Shape] = field(default_factory=list[Shape])
    activities: list[Shape] = field(default_factory=list[Shape])
    trail: list[Shape] = field(default_factory=list[Shape])

    def ago(self, minutes: float) -> datetime:
        """So many minutes before now, in whole milliseconds."""
        at = self.now - timedelta(minutes=minutes)
        return at.replace(microsecond=at.microsecond // 1000 * 1000)

    @property
    def service(self) -> Shape:
        """The first there is."""
        return self.services[0]

    def measure(self, namespace: str, name: str, series: Series, **dimensions: str) -> None:
        self.metrics[namespace, name, frozenset(dimensions.items())] = series
