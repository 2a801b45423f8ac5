"""An investigation from its request to its answer: collected, judged, explained, reported."""

from dataclasses import replace
from typing import Final

from tasks.tool import Image, Link, Run, Text
from tasks.tools.ecs.analysis.analysis import Case, analyse
from tasks.tools.ecs.answer import Investigation, Status
from tasks.tools.ecs.chart import chart
from tasks.tools.ecs.collection import Collection
from tasks.tools.ecs.evidence import pieces
from tasks.tools.ecs.facts import Facts
from tasks.tools.ecs.picture import picture
from tasks.tools.ecs.report import Conclusions, report, whole
from tasks.tools.ecs.rules.table import judge
from tasks.tools.ecs.scene import Request, Scene, at
from tasks.tools.ecs.sections import Kept, Sections
from tasks.tools.ecs.steps import STEPS
from tasks.tools.ecs.verdict import hypotheses, verdict

STEPS_IN_ALL: Final = 2 * len(STEPS) + 4


def investigate(run: Run, request: Request) -> tuple[Investigation, Facts]:
    """The answer, and all the facts it comes from. A later attempt goes on where the one before was."""
    kept = Kept(run, request.window)
    sections = Sections(run, kept, STEPS_IN_ALL)
    start, end = map(at, kept.window)
    scene = Scene(run, replace(request, window=kept.window), Facts(start=start, end=end), sections.say)
    Collection(scene, sections, kept).run()
    found = _concluded(scene, sections, kept)
    uri = run.keep("evidence", whole(scene, found))
    answer = report(scene, found, uri=uri)
    run.attach(Text(_words(answer)))
    if not run.shows_ui and found.chart["series"]:
        run.attach(Image.of(picture(found.chart, title=_title(answer)), "image/png"))
    run.attach(Link(uri, "evidence", title="All the evidence", mime_type="application/json"))
    return answer, scene.facts


def _concluded(scene: Scene, sections: Sections, kept: Kept) -> Conclusions:
    facts, request = scene.facts, scene.request
    statuses: dict[str, Status] = {name: section["status"] for name, section in sections.all.items()}
    findings = judge(facts)
    decided = verdict(facts, findings, statuses)
    known = pieces(facts)
    sections.say(f"{len(findings)} findings: {decided['summary']}")
    analysed = analyse(
        scene.run,
        kept,
        Case(verdict=decided, findings=findings, pieces=known, symptoms=request.symptoms),
        wanted=request.analyze,
    )
    return Conclusions(
        verdict=decided,
        findings=findings,
        hypotheses=[*hypotheses(facts, findings, statuses), *analysed.hypotheses],
        pieces=known,
        sections=list(sections.all.values()),
        analysed=analysed,
        chart=chart(facts, *(at(moment) for moment in request.window)),
    )


def _title(answer: Investigation) -> str:
    """Of the picture."""
    return f"{answer['cluster']} / {answer['service'] or answer['task']}: {answer['verdict']['status']}"


def _words(answer: Investigation) -> str:
    """For whoever reads text alone."""
    verdict = answer["verdict"]
    since = f" since {verdict['since']}" if verdict["since"] else ""
    lines = [f"{verdict['status'].upper()} ({verdict['severity']}){since}: {verdict['summary']}", ""]
    lines += [answer["analysis"]["text"], ""] if answer["analysis"]["source"] == "bedrock" else []
    for number, each in enumerate(answer["hypotheses"], 1):
        lines.append(f"{number}. {each['cause']} ({each['confidence']} confidence) [{', '.join(each['evidence'])}]")
        lines.append(f"   Next: {each['nextStep']}")
        if each["command"]:
            lines.append(f"   $ {each['command']}")
    lines += ["", *(f"Not seen: {gap}" for gap in answer["gaps"])] if answer["gaps"] else []
    lines += ["", f"All the evidence: {answer['evidenceUri']}"]
    return "\n".join(lines)
