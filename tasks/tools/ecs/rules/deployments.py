"""What was deployed, how that went, and whether things broke with it."""

import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import takewhile
from typing import Final

from tasks.tools.ecs.facts import Activity, Change, Facts, Rollout, Task
from tasks.tools.ecs.rules.finding import Cause, Finding, cited, earliest, ecs_command, failed, gravity, names, plural

SLOW: Final = timedelta(minutes=30)
YOUNG: Final = timedelta(minutes=5)
"""In which a task may take its time to start."""
_ZERO: Final = re.compile(r"desired count to 0\b", re.IGNORECASE)
AFTER: Final = timedelta(minutes=30)
"""How long after a deployment began failures are laid at its door."""


def deployment_failed(facts: Facts) -> Iterator[Finding]:
    found = next((each for each in facts.rollouts if each.status != "INACTIVE"), None)
    if found is None or not (found.state == "FAILED" or found.rolled_back or found.breaker == "TRIGGERED"):
        return
    if (found.updated or found.created or facts.start) < facts.start:
        # It ended before the time that is looked at; what it left behind shows in the tasks.
        return
    by_hand = found.status == "STOPPED" and found.breaker != "TRIGGERED" and not found.alarms
    word = "was rolled back" if found.rolled_back else "was stopped" if by_hand else "failed"
    why = f": {found.reason}" if found.reason else ""
    alarms = f" Alarms: {', '.join(found.alarms)}." if found.alarms else ""
    yield Finding(
        rule="deployment-failed",
        severity="warning" if found.rolled_back or by_hand else "critical",
        message=f"The deployment of {_name(found.definition)} {word}{why}.{alarms}".replace("..", "."),
        evidence=(found.id,),
        since=found.created,
    )


def deployment_stuck(facts: Facts) -> Iterator[Finding]:
    found = next((each for each in facts.rollouts if each.status in ("PRIMARY", "IN_PROGRESS")), None)
    if found is None or found.state != "IN_PROGRESS" or found.created is None or found.running >= found.desired:
        return
    until = max((each.at for each in (facts.service.events if facts.service else ())), default=found.updated)
    if until is not None and until - found.created > SLOW.total_seconds() * 1000:
        yield Finding(
            rule="deployment-stuck",
            severity="warning",
            message=f"The deployment of {_name(found.definition)} has been going on for more than "
            f"{SLOW.total_seconds() / 60:g} minutes: {found.running} of {found.desired} tasks run.",
            evidence=(found.id,),
            since=found.created,
        )


def broke_after_deployment(facts: Facts) -> Iterator[Finding]:
    """Tasks of the new revision fail, those of the one before did not."""
    bad = failed(facts)
    since = earliest(bad)
    latest = _blamed(facts, since) if since else None
    if latest is None or since is None or not _soon(latest, since):
        return
    ours = [task for task in bad if task.definition == latest.definition]
    if len(ours) < len(bad):
        return
    changes = _changes(facts, latest)
    if not changes and not _has_before(facts):
        return
    yield Finding(
        rule="broke-after-deployment",
        severity=gravity(facts, ours),
        message=f"{plural(len(ours), 'task')} of {_name(latest.definition)} failed, the first "
        f"{_after(latest, since)} after its deployment began; no task of another revision did.",
        evidence=(latest.id, *(each.id for each in changes[:4]), *cited(ours)[:3]),
        since=since,
        cause=_cause(facts, latest, changes, ours),
    )


def _cause(facts: Facts, latest: Rollout, changes: tuple[Change, ...], ours: list[Task]) -> Cause:
    what = "; ".join(f"{each.what}: {each.before} became {each.after}" for each in changes[:3])
    more = f" and {len(changes) - 3} more" if len(changes) > 3 else ""  # noqa: PLR2004  # as many as are named
    if _is_again(facts, latest):
        return _again(latest)
    before = facts.revisions.previous if facts.revisions and changes else None
    guessed = bool(facts.revisions and facts.revisions.guessed)
    if latest.rolled_back:
        step, command = "It was rolled back: look at what changed before it is deployed again.", _described(latest)
    else:
        step = "Roll back to the revision before, then look at what changed."
        command = _rollback(facts, before.name) if before else ecs_command(facts, "describe-services")
    return Cause(
        text=f"The deployment of {_name(latest.definition)} broke it: its tasks fail since then"
        f"{f' (changed: {what}{more})' if what else ''}.",
        weight=88,
        confidence="high" if changes and not guessed else "medium",
        step=step,
        command=command,
        against=("that the revision before ever ran is not known",) if guessed else (),
    )


def _changes(facts: Facts, latest: Rollout) -> tuple[Change, ...]:
    """Those that the deployment made: none when the same revision was deployed again, or another is compared."""
    revisions = facts.revisions
    if revisions is None or _is_again(facts, latest):
        return ()
    newer = revisions.previous if revisions.given_up else revisions.current
    return revisions.changes if newer and newer.arn == latest.definition else ()


def _is_again(facts: Facts, latest: Rollout) -> bool:
    """Whether the deployment before was of the same task definition."""
    older = [each for each in facts.rollouts if each.definition and (each.created or 0) < (latest.created or 0)]
    return bool(older) and older[0].definition == latest.definition


def _again(latest: Rollout) -> Cause:
    return Cause(
        text=f"Tasks fail since {_name(latest.definition)} was deployed again, with the same definition: what changed "
        "is the image behind its tag, a secret or setting it reads, or what it talks to.",
        weight=49,
        confidence="medium",
        step="Compare the image's digest with the one before, and what the tasks read when they start.",
        command=_described(latest),
    )


def _described(rollout: Rollout) -> str:
    return f"aws ecs describe-task-definition --task-definition {_name(rollout.definition)}"


def too_few_running(facts: Facts) -> Iterator[Finding]:
    service = facts.service
    if service is None or service.running >= service.desired:
        return
    young = _starting(facts)
    yield Finding(
        rule="too-few-running",
        severity=("warning" if young else "critical") if service.running == 0 else "info" if young else "warning",
        message=f"{service.running} of {plural(service.desired, 'task')} run"
        f"{f', {service.pending} are pending' if service.pending else ''}"
        f"{', and those that lack began to start within the last minutes' if young else ''}.",
        evidence=(service.id, *cited(young)),
    )


def _starting(facts: Facts) -> list[Task]:
    """The tasks that are still to come, when they are as many as lack, are young, and none failed before them."""
    service, end = facts.service, facts.end
    if service is None or end is None or failed(facts):
        return []
    states = ("PROVISIONING", "PENDING", "ACTIVATING")
    found = [task for task in facts.tasks or () if task.status in states and not task.ended]
    young = [task for task in found if task.created and end - task.created < YOUNG.total_seconds() * 1000]
    return young if len(young) >= service.desired - service.running else []


def scaled_to_zero(facts: Facts) -> Iterator[Finding]:
    service = facts.service
    if service is None or service.desired or service.status not in ("ACTIVE", ""):
        return
    if service.daemon:
        return
    acts = [act for act in facts.trail or () if act.name == "UpdateService"]
    scaled = next((each for each in _activities(facts) if _ZERO.search(each.text)), None)
    who = f" {acts[0].who} changed the service last." if acts else ""
    yield Finding(
        rule="scaled-to-zero",
        severity="warning",
        message=f"The service is asked to run no tasks: its desired count is 0.{who}",
        evidence=(service.id, *((scaled.id,) if scaled else ()), *(act.id for act in acts[:2])),
        since=scaled.at if scaled else acts[0].at if acts else None,
        cause=Cause(
            text=f"The service was scaled to zero{' by auto scaling' if scaled else ''}: its desired count is 0.",
            weight=89,
            confidence="high",
            step="If that was not meant, give it tasks again; look at scheduled scaling, which may have done it.",
            command=ecs_command(facts, "update-service", " --desired-count 1"),
        ),
    )


def _activities(facts: Facts) -> tuple[Activity, ...]:
    return facts.scaling.activities if facts.scaling else ()


def service_gone(facts: Facts) -> Iterator[Finding]:
    service = facts.service
    if service and service.status in ("DRAINING", "INACTIVE"):
        acts = [act for act in facts.trail or () if act.name == "DeleteService"]
        yield Finding(
            rule="service-gone",
            severity="critical",
            message=f"The service is {service.status}: it was deleted.",
            evidence=(service.id, *(act.id for act in acts[:1])),
            since=acts[0].at if acts else None,
            cause=Cause(
                text=f"The service was deleted (it is {service.status}).",
                weight=99,
                confidence="high",
                step="Create it again from your infrastructure's code; CloudTrail says who deleted it.",
                command="aws cloudtrail lookup-events "
                "--lookup-attributes AttributeKey=EventName,AttributeValue=DeleteService",
            ),
        )


def _blamed(facts: Facts, since: int) -> Rollout | None:
    """The deployment of what is deployed that began last before *since*: it may have been deployed again later."""
    known = [each for each in facts.rollouts if each.created and each.definition]
    row = takewhile(lambda each: each.definition == known[0].definition, known)
    return next((each for each in row if (each.created or 0) <= since), None)


def _soon(latest: Rollout, since: int) -> bool:
    begun = latest.created or 0
    return 0 <= since - begun <= AFTER.total_seconds() * 1000


def _has_before(facts: Facts) -> bool:
    return len({each.definition for each in facts.rollouts if each.definition}) > 1


def _after(latest: Rollout, since: int) -> str:
    seconds = (since - (latest.created or since)) / 1000
    return f"{seconds:,.0f} s" if seconds < 120 else f"{seconds / 60:,.0f} minutes"  # noqa: PLR2004  # two minutes


def _name(definition: str) -> str:
    return definition.rpartition("/")[2] or "the latest revision"


def _rollback(facts: Facts, definition: str) -> str:
    cluster, service = names(facts)
    return f"aws ecs update-service --cluster {cluster} --service {service} --task-definition {definition}"
