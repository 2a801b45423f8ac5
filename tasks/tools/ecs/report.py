"""The answer: what was concluded, the evidence it cites, and no more than a model's context bears."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tasks.tools.ecs.analysis.analysis import Analysed
from tasks.tools.ecs.answer import (
    BLIND,
    Change,
    Evidence,
    Hypothesis,
    Investigation,
    LogPattern,
    Section,
    TimelineEntry,
    Usage,
    Verdict,
)
from tasks.tools.ecs.answer import Finding as FindingShape
from tasks.tools.ecs.evidence import Piece, moment
from tasks.tools.ecs.facts import Facts, Pattern
from tasks.tools.ecs.happenings import happenings
from tasks.tools.ecs.rules.finding import Finding
from tasks.tools.ecs.scene import Scene, at
from tasks.tools.ecs.shortening import within
from tasks.tools.ecs.timeline import Timeline, trimmed

PATTERNS: Final = 12
ENTRIES: Final = 25
CHANGES: Final = 15
LONGEST: Final = 400
SAMPLE: Final = 300


@dataclass(frozen=True, kw_only=True)
class Conclusions:
    verdict: Verdict
    findings: Sequence[Finding]
    hypotheses: list[Hypothesis]
    pieces: Sequence[Piece]
    sections: Sequence[Section]
    analysed: Analysed
    chart: Timeline


def report(scene: Scene, found: Conclusions, *, uri: str) -> Investigation:
    facts, request = scene.facts, scene.request
    start, end = request.window
    answer: Investigation = {
        "cluster": scene.cluster_name,
        "service": scene.service,
        "task": facts.tasks[0].arn if request.task and facts.tasks else request.task,
        "window": {"start": _iso(at(start)), "end": _iso(at(end))},
        "verdict": found.verdict,
        "hypotheses": found.hypotheses,
        "findings": [_finding(each) for each in found.findings],
        "changes": _changes(facts),
        "timeline": _timeline(facts, at(start), at(end)),
        "logPatterns": [_pattern(each) for each in (facts.logs.patterns if facts.logs else ())[:PATTERNS]],
        "evidence": [],
        "gaps": gaps(scene, found.sections),
        "sections": list(found.sections),
        "analysis": found.analysed.analysis,
        "usage": _usage(facts, found.analysed),
        "chart": trimmed(found.chart),
        "console": _console(scene),
        "evidenceUri": uri,
    }
    return within(answer, [_piece(each) for each in found.pieces])


def gaps(scene: Scene, sections: Iterable[Section]) -> list[str]:
    """What could not be looked at, and what would help."""
    found = [f"{each['name']}: {each['message']}" for each in sections if each["status"] in BLIND]
    found += [f"{each['name']}: {each['message']}" for each in sections if each["status"] == "skipped"][:1]
    logs = scene.facts.logs
    if scene.request.past:
        found.append("service, tasks, targets and alarms are as they are now, not as they were in the window")
    if logs and logs.cut:
        found.append(f"logs: {logs.cut}")
    if logs and logs.unread:
        found.append(f"logs: not in CloudWatch: {', '.join(logs.unread)}")
    if logs and not logs.compared and scene.request.compare != "none":
        found.append("logs: there is no earlier time to compare with, so what is new is not known")
    if scene.facts.cluster and not scene.facts.cluster.insights:
        found.append("Container Insights is off: the numbers of single tasks are not known")
    return found


def whole(scene: Scene, found: Conclusions) -> dict[str, Any]:
    """The document with all the evidence."""
    return {
        "verdict": found.verdict,
        "findings": [_finding(each) for each in found.findings],
        "hypotheses": found.hypotheses,
        "evidence": [_piece(each) for each in found.pieces],
        "sections": list(found.sections),
        "logPatterns": [_pattern(each) for each in (scene.facts.logs.patterns if scene.facts.logs else ())],
        "lastLines": [
            {"task": each.task, "lines": [{"at": _iso(moment_), "text": text} for moment_, text in each.lines]}
            for each in (scene.facts.logs.last if scene.facts.logs else ())
        ],
    }


def _finding(found: Finding) -> FindingShape:
    return {
        "rule": found.rule,
        "severity": found.severity,
        "message": found.message[:LONGEST],
        "evidence": list(dict.fromkeys(found.evidence)),
        "since": moment(found.since),
    }


def _piece(found: Piece) -> Evidence:
    return {"id": found.id, "at": moment(found.at), "text": found.text[:LONGEST]}


def _pattern(found: Pattern) -> LogPattern:
    made: LogPattern = {
        "id": found.id,
        "template": found.template[:SAMPLE],
        "count": found.count,
        "first": _iso(found.first),
        "last": _iso(found.last),
        "severity": found.severity,
        "new": found.is_new,
        "sample": found.samples[-1][1][:SAMPLE] if found.samples else "",
    }
    if found.rose is not None:
        made["rose"] = found.rose
    return made


def _changes(facts: Facts) -> list[Change]:
    changes = facts.revisions.changes if facts.revisions else ()
    return [
        {
            "what": each.what,
            "before": each.before[:SAMPLE],
            "after": each.after[:SAMPLE],
            "at": moment(each.at),
            "evidence": each.id,
        }
        for each in changes[:CHANGES]
    ]


def _timeline(facts: Facts, start: int, end: int) -> list[TimelineEntry]:
    """What happened, the oldest first; what was before the window is left out before the rest."""
    found = [each for each in happenings(facts) if each.at <= end]
    recent = sorted(found, key=lambda each: (each.at >= start, each.at))[-ENTRIES:]
    return [
        {"at": _iso(each.at), "what": each.words[:SAMPLE], "evidence": each.evidence}
        for each in sorted(recent, key=lambda each: each.at)
    ]


def _usage(facts: Facts, analysed: Analysed) -> Usage:
    used, logs, samples = analysed.usage, facts.logs, facts.samples
    return {
        "logQueries": (logs.queries if logs else 0) + (samples is not None),
        "scannedBytes": (logs.scanned if logs else 0) + (samples.scanned if samples else 0),
        "inputTokens": used.input,
        "outputTokens": used.output,
        "cacheReadTokens": used.cache_read,
        "cacheWriteTokens": used.cache_write,
    }


def _console(scene: Scene) -> dict[str, str]:
    arn = scene.facts.cluster.arn if scene.facts.cluster else ""
    region = arn.split(":")[3] if arn.count(":") >= 5 else ""  # noqa: PLR2004  # parts of an ARN
    if not region:
        return {}
    host = f"https://{region}.console.aws.amazon.com"
    base = f"{host}/ecs/v2/clusters/{scene.cluster_name}"
    found: dict[str, str] = {}
    if scene.service:
        found["service"] = f"{base}/services/{scene.service}?region={region}"
    if scene.facts.tasks and (scene.request.task or scene.facts.stopped):
        task = (scene.facts.stopped or scene.facts.tasks)[0]
        found["task"] = f"{base}/tasks/{task.name}?region={region}"
    for group in (scene.facts.logs.groups if scene.facts.logs else ())[:1]:
        name = json.dumps(group)[1:-1].replace("/", "$252F")
        found["logs"] = f"{host}/cloudwatch/home?region={region}#logsV2:log-groups/log-group/{name}"
    return found


def _iso(milliseconds: int) -> str:
    return moment(milliseconds) or ""
