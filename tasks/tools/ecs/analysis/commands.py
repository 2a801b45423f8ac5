"""Commands that a model may propose: they only look, at what an investigation is about, with the reader's own AWS.

A list of what is allowed, for what is harmful has no end: an option can send credentials elsewhere (`--endpoint-url`),
read a file (`file://`) or take another identity (`--profile`), and a command that reads can print a secret.
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Final

from tasks.mining.clean import clean

LONGEST: Final = 600
_READS: Final[Mapping[str, re.Pattern[str]]] = {
    service: re.compile(operations)
    for service, operations in {
        "application-autoscaling": r"describe-[a-z-]+",
        "cloudtrail": r"lookup-events",
        "cloudwatch": r"describe-alarms|describe-alarm-history|get-metric-(?:data|statistics)|list-metrics",
        "dynamodb": r"describe-table",
        # Not describe-instance-attribute and launch templates: user data holds secrets.
        "ec2": (
            r"describe-(?:instances|nat-gateways|network-acls|network-interfaces|route-tables|security-groups"
            r"|security-group-rules|subnets|vpc-endpoints|vpcs)"
        ),
        "ecr": r"describe-(?:images|image-scan-findings|repositories)|list-images",
        "ecs": r"(?:describe|list)-[a-z-]+|get-task-protection",
        "elasticache": r"describe-(?:cache-clusters|events|replication-groups|serverless-caches)",
        "elbv2": r"describe-[a-z-]+",
        "iam": r"get-role|get-role-policy|list-attached-role-policies|list-role-policies",
        "logs": r"describe-log-(?:groups|streams)|filter-log-events|get-log-events|tail",
        "rds": r"describe-(?:db-clusters|db-instances|events)",
        "secretsmanager": r"describe-secret|list-secret-version-ids",
        "servicediscovery": r"get-instances-health-status|get-service|list-[a-z-]+",
        "ssm": r"describe-parameters",
    }.items()
}
_OPTIONS: Final = re.compile(
    r"""--(?:
    alarm-name|alarm-name-prefix|alarm-names|attributes|cluster|clusters|container-instances|descending
    |desired-status|dimensions|end-time|extended-statistics|family|family-prefix|filter|filter-pattern|filters
    |format|group-ids|history-item-type|image-ids|include|interleaved|launch-type|limit|load-balancer-arn
    |load-balancer-arns|log-group-name|log-group-name-prefix|log-stream-name|log-stream-name-prefix
    |log-stream-names|lookup-attributes|max-items|max-results|metric-data-queries|metric-name|names|namespace
    |nat-gateway-ids|network-interface-ids|no-cli-pager|no-paginate|order-by|output|parameter-filters|period
    |policy-name|query|region|repository-name|repository-names|resource-id|resource-ids|role-name|route-table-ids
    |scalable-dimension|secret-id|security-group-ids|service|service-deployment-arns|service-name
    |service-namespace|service-revision-arns|services|since|sort|start-time|state-value|statistics|status
    |subnet-ids|table-name|target-group-arn|target-group-arns|targets|task|task-definition|tasks|until
    |vpc-endpoint-ids|vpc-ids
    )""",
    re.VERBOSE,
)
# No "://" is in a word: the CLI reads files and addresses that begin so. What a shell might expand stands in quotes.
_WORD: Final = re.compile(r"(?!.*://)[A-Za-z0-9_ .:/=,@*?+'\"{}\[\]#-]+")
_REGION: Final = re.compile(r"[a-z]{2}(?:-[a-z]{2,9}){1,3}-\d")


def command(text: str) -> str:
    """The command, quoted for a shell; or nothing, when it may do more than look."""
    plain = text.strip()
    if len(plain) > LONGEST or not plain.isprintable() or clean(plain) != plain:
        return ""
    try:
        words = shlex.split(plain)
    except ValueError:
        return ""
    return shlex.join(words) if _only_reads(words) else ""


def _only_reads(words: Sequence[str]) -> bool:
    match words:
        case ["aws", "logs", "tail", group, *rest] if not group.startswith("-"):
            return _is_plain([group, *rest]) and _has_known_options(rest)
        case ["aws", service, operation, *rest] if service in _READS:
            allowed = _READS[service].fullmatch(operation) is not None
            return allowed and _is_plain(rest) and _has_known_options(rest)
        case _:
            return False


def _is_plain(words: Sequence[str]) -> bool:
    return all(_WORD.fullmatch(word) for word in words)


def _has_known_options(words: Sequence[str]) -> bool:
    """Whether every option is known, values stand behind options, and the region is one."""
    option = ""
    for word in words:
        if word.startswith("-"):
            option, _, value = word.partition("=")
            if not _OPTIONS.fullmatch(option):
                return False
            values = [value] if value else []
        else:
            values = [word]
        if not option or (option == "--region" and not all(map(_REGION.fullmatch, values))):
            return False
    return True
