"""The answer: small enough for a model, and nothing cited in it is missing."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from tasks.mining.digest import size
from tasks.tools.ecs.analysis.analysis import Analysed
from tasks.tools.ecs.answer import Section, Status
from tasks.tools.ecs.chart import chart
from tasks.tools.ecs.evidence import pieces
from tasks.tools.ecs.facts import Activity, Change, Facts, Image, Link, Logs, Scaling
from tasks.tools.ecs.report import Conclusions, gaps, report, whole
from tasks.tools.ecs.rules.table import judge
from tasks.tools.ecs.scene import Scene
from tasks.tools.ecs.shortening import CHARACTERS, TOKENS
from tasks.tools.ecs.verdict import hypotheses, verdict
from tests.stand_ins.facts import (
    NOW,
    ago,
    alarm,
    cluster,
    definition,
    ended,
    event,
    exited,
    facts,
    group,
    metric,
    pattern,
    revisions,
    rollout,
    service,
    spec,
    target,
    unstarted,
)
from tests.stand_ins.world.names import GROUP_ARN

Look = Callable[..., Scene]
LONG = "<so much to say/> " * 60
URI = "result://0/evidence"


def monstrous() -> Facts:
    """A service of which there is too much to say in every respect."""
    reason = f"CannotPullContainerError: {LONG}: not found"
    containers = tuple(spec(f"c{n}", image=f"registry/{'x' * 200}/c{n}:1") for n in range(10))
    return facts(
        cluster=cluster(),
        service=service(
            9,
            0,
            *(event(n, n, f"{reason}") for n in range(1, 100)),
            links=(Link(group=GROUP_ARN, container="web", port=9),),
        ),
        tasks=(
            *(unstarted(n, n, reason[:600], revision=8) for n in range(1, 100)),
            *(
                ended(n, n, *(exited(f"c{m}", m, LONG) for m in range(1, 9)), revision=8, reason=LONG)
                for n in range(100, 300)
            ),
        ),
        deployments=tuple(rollout(n, 9 - n, n * 5, "FAILED", reason=LONG) for n in range(1, 9)),
        revisions=revisions(
            definition(8, *containers),
            previous=definition(7, number=2),
            changes=tuple(
                Change(id=f"change:{n}", what=f"image of c{n} {LONG}", before=LONG, after=LONG) for n in range(1, 60)
            ),
        ),
        images=tuple(
            Image(id=f"image:{n}", name=f"registry/{'x' * 200}/c{n}:1", found=False, tags=(LONG[:128],) * 10)
            for n in range(1, 11)
        ),
        targets=tuple(
            group(*[target("unhealthy", f"Target.{m}", LONG) for m in range(99)], number=n, name=f"{n}{LONG}")
            for n in range(1, 6)
        ),
        alarms=tuple(alarm(n, f"{n}{LONG}", minutes=n) for n in range(1, 51)),
        metrics=tuple(
            metric(name, *[95.123456] * 240, number=n)
            for n, name in enumerate(("cpu", "memory", "5xx", "latency", "running", "unhealthy") * 4, 1)
        ),
        scaling=Scaling(
            id="scaling:0",
            least=1,
            most=4,
            activities=tuple(Activity(id=f"scaling:{n}", at=ago(n), status="Failed", text=LONG) for n in range(1, 51)),
        ),
        logs=Logs(
            groups=(f"/ecs/{'g' * 500}",),
            patterns=tuple(pattern(n, f"ERROR connect ECONNREFUSED {LONG}"[:500], is_new=True) for n in range(1, 61)),
            minutes=tuple((ago(n), 99, 9) for n in range(1_440, 0, -1)),
            unread=tuple(f"{LONG[:200]}{n}" for n in range(10)),
            cut=LONG[:300],
        ),
    )


def concluded(known: Facts, text: str = "", status: Status = "ok") -> Conclusions:
    findings = judge(known)
    sections: list[Section] = [{"name": f"part-{n}", "status": status, "message": LONG[:300]} for n in range(15)]
    return Conclusions(
        verdict=verdict(known, findings, {}),
        findings=findings,
        hypotheses=hypotheses(known, findings, {}),
        pieces=pieces(known),
        sections=sections,
        analysed=Analysed({"text": text, "source": "rules"}),
        chart=chart(known, ago(60), NOW),
    )


def cited(answer: Any) -> set[str]:
    found = {each["evidence"] for name in ("timeline", "changes") for each in answer[name]}
    found |= {each["evidence"] for each in answer["chart"]["markers"]}
    return found | {ref for name in ("findings", "hypotheses") for each in answer[name] for ref in each["evidence"]}


def scene_of(look: Look, known: Facts, **request: object) -> Scene:
    made = look(**request)
    made.facts = known
    return made


@pytest.mark.parametrize("status", ["ok", "denied"])
def test_an_answer_is_small_whatever_there_is_to_say(look: Look, status: Status):
    """Ours: 8,000 tokens of a model's context, and all the rest at evidenceUri."""
    known = monstrous()

    answer = report(scene_of(look, known), concluded(known, LONG * 2, status), uri=URI)

    assert size(answer) <= TOKENS * CHARACTERS
    assert answer["evidenceUri"] == URI


def test_whatever_is_cited_is_in_the_evidence(look: Look):
    """Ours: shortening loses no evidence of what is left."""
    known = monstrous()

    answer = report(scene_of(look, known), concluded(known), uri=URI)

    assert cited(answer)
    assert cited(answer) <= {each["id"] for each in answer["evidence"]}


def test_no_command_is_cut(look: Look):
    """Ours: half of a command does something else."""
    known = monstrous()
    conclusions = concluded(known)

    answer = report(scene_of(look, known), conclusions, uri=URI)

    commands = [each["command"] for each in answer["hypotheses"]]
    assert commands == [each["command"] for each in conclusions.hypotheses][: len(commands)]
    assert commands


def test_what_the_words_of_the_analysis_cite_is_in_the_evidence(look: Look):
    """Ours: [id] in the text of a model."""
    known = facts(service=service(2, 1, event(1, 3)))

    answer = report(scene_of(look, known), concluded(known, "It lacks one [service:1, event:1]. So it is."), uri=URI)

    assert {each["id"] for each in answer["evidence"]} == {"service:1", "event:1"}


def test_a_small_answer_is_left_as_it_is(look: Look):
    """Ours: nothing is left out that has room."""
    known = facts(service=service(2, 1), tasks=tuple(ended(n, n) for n in range(1, 9)))

    answer = report(scene_of(look, known), concluded(known), uri=URI)

    assert len(answer["timeline"]) == 8
    assert [each["rule"] for each in answer["findings"]] == [each.rule for each in judge(known)]
    assert [each["at"] for each in answer["timeline"]] == sorted(each["at"] for each in answer["timeline"])


def test_all_the_evidence_is_in_the_document(look: Look):
    """Ours: the link beside the answer."""
    known = monstrous()
    conclusions = concluded(known)

    document = whole(scene_of(look, known), conclusions)

    assert [each["id"] for each in document["evidence"]] == [piece.id for piece in pieces(known)]
    assert len(document["logPatterns"]) == 60


def test_gaps_say_what_was_not_seen(look: Look):
    """Ours: denied, throttled, failed, cut, logged elsewhere, not compared, switched off."""
    logs = Logs(groups=(), cut="the budget was used up", unread=("router (awsfirelens)",))
    known = facts(cluster=replace(cluster(), insights=False), logs=logs)
    sections: list[Section] = [
        {"name": "alarms", "status": "denied", "message": "AWS refused DescribeAlarms"},
        {"name": "targets", "status": "empty", "message": "behind no load balancer"},
        {"name": "trail", "status": "skipped", "message": "not part of a quick look (depth)"},
    ]

    assert gaps(scene_of(look, known), sections) == [
        "alarms: AWS refused DescribeAlarms",
        "trail: not part of a quick look (depth)",
        "logs: the budget was used up",
        "logs: not in CloudWatch: router (awsfirelens)",
        "logs: there is no earlier time to compare with, so what is new is not known",
        "Container Insights is off: the numbers of single tasks are not known",
    ]


def test_links_lead_to_the_console(look: Look):
    """AWS: of the region the cluster is in."""
    known = facts(cluster=cluster(), service=service(), tasks=(ended(1, 3),), logs=Logs(groups=("/ecs/web",)))

    console = report(scene_of(look, known), concluded(known), uri=URI)["console"]

    base = "https://us-east-1.console.aws.amazon.com"
    assert console == {
        "service": f"{base}/ecs/v2/clusters/shop/services/web?region=us-east-1",
        "task": f"{base}/ecs/v2/clusters/shop/tasks/{1:032x}?region=us-east-1",
        "logs": f"{base}/cloudwatch/home?region=us-east-1#logsV2:log-groups/log-group/$252Fecs$252Fweb",
    }
