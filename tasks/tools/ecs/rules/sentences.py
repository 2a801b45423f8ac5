"""What the sentences of ECS mean, whichever step they are about."""

import re
from typing import Final

from tasks.tools.ecs.facts import Event, Facts
from tasks.tools.ecs.rules.finding import Cause, well_since

PULL: Final = re.compile(r"CannotPull\w*|pull image|pulling image", re.IGNORECASE)
MISSING: Final = re.compile(
    r"not found|manifest unknown|does not exist|no such image|repository .*does not", re.IGNORECASE
)
DENIED: Final = re.compile(
    r"denied|unauthorized|not authorized|forbidden|\b40[13]\b|no basic auth|AccessDenied", re.IGNORECASE
)
AWAY: Final = re.compile(
    r"i/o timeout|dial tcp|timed? ?out|deadline exceeded|connection refused|no such host|unable to connect|"
    r"connection issue|request canceled|context canceled",
    re.IGNORECASE,
)


def told(facts: Facts, words: re.Pattern[str]) -> list[Event]:
    """Events that say so, of the time since the service was well; the newest first."""
    events, since = (facts.service.events if facts.service else ()), well_since(facts)
    return [each for each in events if each.at >= since and words.search(each.text)]


def no_way(facts: Facts, what: str) -> Cause:
    known = way_out(facts)
    return Cause(
        text=f"The tasks cannot reach {what} over the network.",
        weight=93,
        confidence="high" if known else "medium",
        step="Give the subnets a NAT gateway, the tasks public addresses, or the network endpoints for ECR, S3, "
        "CloudWatch Logs and Secrets Manager; check security groups' egress and the endpoints' own groups.",
        command=next(
            (each.command for each in facts.network or () if each.id in known), "aws ec2 describe-route-tables"
        ),
    )


def way_out(facts: Facts) -> tuple[str, ...]:
    return tuple(each.id for each in facts.network or () if each.name == "to-internet" and each.ok is False)
