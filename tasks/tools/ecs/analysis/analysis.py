"""The analysis: by a model whose sentences stream as they are proven, or by the rules when there is none."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from tasks.tool import Run
from tasks.tools.ecs.analysis.claims import Claims
from tasks.tools.ecs.analysis.model import BROKEN, Answer, Usage, ask, reason
from tasks.tools.ecs.analysis.narrative import Narrative, Sentences, sentences
from tasks.tools.ecs.analysis.prompt import question
from tasks.tools.ecs.answer import Analysis, Hypothesis, Verdict
from tasks.tools.ecs.evidence import Piece
from tasks.tools.ecs.rules.finding import Finding
from tasks.tools.ecs.sections import Kept

OFF: Final = "off"


@dataclass
class Analysed:
    analysis: Analysis
    hypotheses: list[Hypothesis] = field(default_factory=list[Hypothesis])
    """Of the model, beside those of the rules."""
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is known and was concluded; *symptoms* are the caller's words."""

    verdict: Verdict
    findings: Sequence[Finding]
    pieces: Sequence[Piece]
    symptoms: str = ""


def analyse(run: Run, kept: Kept, case: Case, *, wanted: bool) -> Analysed:
    """Never fails: without a model the rules speak, and say why."""
    settings = run.settings
    if why := _why_not(wanted=wanted, model=settings.bedrock_model, verdict=case.verdict):
        return _by_rules(run, case, why)
    models = [model for model in (settings.bedrock_model, settings.bedrock_fallback_model) if model not in ("", OFF)]
    said = kept.answer["said"] if kept.answer else ()
    speaker = _Speaker(run, Claims([piece.id for piece in case.pieces], case.verdict), said)
    usage = Usage()
    try:
        answer = _answer(run, kept, case, models, speaker, usage)
    except BROKEN as error:
        run.check()
        speaker.begin()
        analysed = _by_rules(run, case, f"the model gave no answer: {reason(error)}")
        analysed.usage = usage
        return analysed
    return _by_model(speaker, answer, usage, case.verdict)


def _why_not(*, wanted: bool, model: str, verdict: Verdict) -> str:
    if not wanted:
        return "no model was asked for (analyze is false)"
    if model == OFF:
        return "no model is configured (MCP_BEDROCK_MODEL is off)"
    if verdict["status"] == "healthy":
        return "there is nothing for a model to explain"
    return ""


def _answer(run: Run, kept: Kept, case: Case, models: Sequence[str], speaker: "_Speaker", usage: Usage) -> Answer:
    """What the model answered, to this attempt or an earlier one."""
    if kept.answer:
        plain = cast("dict[str, Any]", kept.answer)
        vars(usage).update(plain["usage"])
        return Answer(plain["value"], plain["model"], plain["note"])
    text = question(case.findings, case.pieces, symptoms=case.symptoms)
    answer = ask(run, text, models=models, listen=speaker.listen, usage=usage)
    speaker.say(sentences(answer.value["narrative"]))
    kept.answer = {
        "value": answer.value,
        "model": answer.model,
        "note": answer.note,
        "usage": dict(vars(usage)),
        "said": list(speaker.heard),
    }
    kept.save()
    return answer


def _by_model(speaker: "_Speaker", answer: Answer, usage: Usage, verdict: Verdict) -> Analysed:
    hypotheses = speaker.claims.hypotheses(answer.value)
    text, note = speaker.text(answer.value["narrative"]), answer.note
    if not text:
        text = verdict["summary"]
        note = "; ".join(filter(None, [note, "nothing that the model said was borne by the evidence"]))
    analysis: Analysis = {"text": text, "source": "bedrock", "model": answer.model}
    if note:
        analysis["note"] = note
    if speaker.claims.dropped:
        analysis["dropped"] = speaker.claims.dropped
    return Analysed(analysis, hypotheses, usage)


class _Speaker:
    """Says a narrative to the client, sentence by sentence, as far as it is proven.

    Sentences that were *said* by an earlier attempt are not said again.
    """

    def __init__(self, run: Run, claims: Claims, said: Iterable[str]) -> None:
        self.claims = claims
        self.heard: dict[str, str | None] = {each: claims.sentence(each) for each in said}
        """Every sentence of every answer, and what may be shown of it."""
        self._run = run
        self._before = ""

    def listen(self) -> Callable[[str], None]:
        """What hears one answer: each begins anew."""
        narrative, whole = Narrative(), Sentences()
        self.begin()

        def hear(piece: str) -> None:
            self.say(whole.feed(narrative.feed(piece)))
            if narrative.is_whole:
                self.say(whole.end())

        return hear

    def begin(self) -> None:
        """What is said now does not go on from what was said before."""
        if self._before:
            self._run.emit("\n")
            self._before = ""

    def text(self, narrative: str) -> str:
        """One narrative as far as it is proven."""
        found = dict.fromkeys(sentences(narrative))
        return " ".join(plain for each in found if (plain := self.heard.get(each)) is not None)

    def say(self, found: Iterable[str]) -> None:
        for each in found:
            if each in self.heard:
                continue
            self.heard[each] = plain = self.claims.sentence(each)
            if plain is not None:
                self._run.emit(f"{self._before}{plain}")
                self._before = " "


def _by_rules(run: Run, case: Case, why: str) -> Analysed:
    lines = [case.verdict["summary"]]
    lines += [f"{each.severity.upper()}: {each.message} [{', '.join(each.evidence[:3])}]" for each in case.findings]
    lines.append(f"Judged by rules: {why}.")
    text = "\n".join(lines)
    for line in text.splitlines(keepends=True):
        run.emit(line)
    return Analysed({"text": text, "source": "rules", "note": why})
