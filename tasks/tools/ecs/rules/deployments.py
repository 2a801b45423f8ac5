"""What was deployed, how that went, and whether things broke with it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from tasks.tools.ecs.facts import Change, Facts, Rollout, Task
from tasks.tools.ecs.rules.finding import Cause, Finding, cited, earliest, ecs_command, failed, names, plural

SLOW: Final = timedelta(minutes=30)
AFTER: Final = timedelta(minutes=30)
"""How long after a deployment began failures are laid at its door."""


def deployment_failed(facts: Facts) -> Iterator[Finding]:
    found = next((each for each in facts.rollouts if each.status != "INACTIVE"), None)
    if found is None or not (found.state == "FAILED" or found.rolled_back or found.breaker == "TRIGGERED"):
        return
    word = "was rolled back" if found.rolled_back else "failed"
    why = f": {found.reason}" if found.reason else ""
    alarms = f" Alarms: {', '.join(found.alarms)}." if found.alarms else ""
    yield Finding(
        rule="deployment-failed",
        severity="warning" if found.rolled_back else "critical",
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
    latest = next((each for each in facts.rollouts if each.created and each.definition), None)
    bad = failed(facts)
    if latest is None or latest.created is None or not bad:
        return
    ours = [task for task in bad if task.definition == latest.definition]
    others = [task for task in bad if task.definition != latest.definition]
    since = earliest(ours)
    if not ours or since is None or others or not _soon(latest, since):
        return
    changes = facts.revisions.changes if facts.revisions else ()
    if not changes and not _has_before(facts):
        return
    yield Finding(
        rule="broke-after-deployment",
        severity="critical",
        message=f"{plural(len(ours), 'task')} of {_name(latest.definition)} failed, the first "
        f"{_after(latest, since)} after its deployment began; no task of another revision did.",
        evidence=(latest.id, *(each.id for each in changes[:4]), *cited(ours)[:3]),
        since=since,
        cause=_cause(facts, latest, changes, ours),
    )


def _cause(facts: Facts, latest: Rollout, changes: tuple[Change, ...], ours: list[Task]) -> Cause:
    what = "; ".join(f"{each.what}: {each.before} became {each.after}" for each in changes[:3])
    more = f" and {len(changes) - 3} more" if len(changes) > 3 else ""  # noqa: PLR2004  # as many as are named
    before = facts.revisions.previous if facts.revisions else None
    guessed = bool(facts.revisions and facts.revisions.guessed)
    return Cause(
        text=f"The deployment of {_name(latest.definition)} broke it: its tasks fail since then"
        f"{f' (changed: {what}{more})' if what else ''}.",
        weight=88,
        confidence="high" if changes and not guessed else "medium",
        step="Roll back to the revision before, then look at what changed.",
        command=_rollback(facts, before.name) if before else ecs_command(facts, "describe-services"),
        against=("that the revision before ever ran is not known",) if guessed else (),
    )


def too_few_running(facts: Facts) -> Iterator[Finding]:
    service = facts.service
    if service is None or service.running >= service.desired:
        return
    yield Finding(
        rule="too-few-running",
        severity="critical" if service.running == 0 else "warning",
        message=f"{service.running} of {plural(service.desired, 'task')} run"
        f"{f', {service.pending} are pending' if service.pending else ''}.",
        evidence=(service.id,),
    )


def scaled_to_zero(facts: Facts) -> Iterator[Finding]:
    service = facts.service
    if service is None or service.desired or service.status not in ("ACTIVE", ""):
        return
    acts = [act for act in facts.trail or () if act.name == "UpdateService"]
    who = f" {acts[0].who} changed the service last." if acts else ""
    yield Finding(
        rule="scaled-to-zero",
        severity="warning",
        message=f"The service is asked to run no tasks: its desired count is 0.{who}",
        evidence=(service.id, *(act.id for act in acts[:2])),
        since=acts[0].at if acts else None,
        cause=Cause(
            text="The service was scaled to zero: its desired count is 0.",
            weight=89,
            confidence="high",
            step="If that was not meant, give it tasks again; look at scheduled scaling, which may have done it.",
            command=ecs_command(facts, "update-service", " --desired-count 1"),
        ),
    )


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
