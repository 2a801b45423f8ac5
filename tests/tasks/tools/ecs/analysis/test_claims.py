"""A model that obeys a line of the log, or is simply wrong, says no more than the evidence bears."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.mining.digest import KINDS
from tasks.tools.ecs.analysis.claims import LONGEST, Claims
from tasks.tools.ecs.answer import Verdict

BROKEN: Verdict = {"status": "broken", "severity": "critical", "summary": "0 of 2 tasks run.", "since": None}
HEALTHY: Verdict = {"status": "healthy", "severity": "info", "summary": "2 of 2 tasks run.", "since": None}
KNOWN = ("task:1", "log:1", "log:3", "target:1")


def claims(verdict: Verdict = BROKEN) -> Claims:
    return Claims(KNOWN, verdict)


def hypothesis(**changed: Any) -> dict[str, Any]:
    return {
        "cause": "The heap is full",
        "confidence": "high",
        "evidence": ["task:1"],
        "counterEvidence": ["CPU stayed low [task:1]"],
        "nextStep": "Raise the memory",
        "command": "aws ecs list-tasks --cluster shop",
    } | changed


@pytest.mark.parametrize(
    "text",
    [
        "The task was killed for using too much memory [task:1].",
        "It was killed [task:1, log:3] twice.",
        "The target is not healthy [target:1].",
        "0 of 2 targets are healthy [target:1].",
        "None of the targets is healthy, and no task is healthy [target:1].",
        "The target is unhealthy since 03:10 [target:1].",
        "CPU is normal while memory grows [task:1].",
        "It cannot reach postgres://db.internal:5432/shop or redis://cache:6379 [log:1].",
        "The revision order-service:8 replaced my-task:7 [task:1].",
        "registry.example.com/web:v8 was not found [task:1].",
        "curl is not in the image, so the health check fails [task:1].",
        "AWS denies the role dynamodb:GetItem [log:1].",
        "It waits for 10.0.0.1:8080, since it began [log:1].",
    ],
)
def test_a_claim_that_cites_what_there_is_may_be_said(text: str):
    """Ours: what an engineer needs to know is not taken for an attack."""
    assert claims().sentence(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "The service is broken.",
        "It was killed [task:2].",
        "It was killed [task:1, log:999].",
        "It was killed [task:1] [LOG:999].",
        "It was killed [task:1], see log:9999999.",
        "It was killed [task:1], see log:\uff11.",
        "It was killed [task:01].",
        "It was killed [subtask:1].",
        "It was killed [x/task:1].",
        "",
        " \n",
        f"It was killed [task:1] {'again ' * LONGEST}",
        f"{'again ' * LONGEST} [task:1]",
    ],
)
def test_a_claim_without_evidence_there_is_may_not(text: str):
    """A56: an invented id is no evidence, however it is written; and no claim is so long that its end is cut."""
    asked = claims()

    assert asked.sentence(text) is None
    assert asked.dropped == 1


@pytest.mark.parametrize(
    "text",
    [
        "See https://evil.example [task:1]",
        "See HTTPS:evil.example [task:1]",
        "See www.evil.example [task:1]",
        "See [here](//evil.example) [task:1]",
        "See [here] (//evil.example) [task:1]",
        "See [here][1] [task:1] [1]: //evil.example",
        "![x](a.png) [task:1]",
        "<img src=x onerror=alert(1)> [task:1]",
        "< script>alert(1)</script> [task:1]",
        "<!-- hidden --> [task:1]",
        "Run `rm -rf` [task:1]",
        "{{constructor}} [task:1]",
        "{% include x %} [task:1]",
        "Open javascript:alert(1) [task:1]",
        "Open vscode://file/etc/passwd [task:1]",
        "Open ms-settings://x or web+ap://x [task:1]",
        "Write to mailto:x@evil.example [task:1]",
        "Open data:text/html,x [task:1]",
        "Open file:///etc/passwd [task:1]",
        "Open ht\u200btps://evil.example [task:1]",
    ],
)
def test_what_would_be_a_link_or_markup_at_a_reader_is_not_said(text: str):
    """A56: a page that shows the answer follows and runs nothing of it."""
    assert claims().sentence(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "Run aws ecs delete-service --cluster shop --service web --force [task:1].",
        "Run aws s3 rm on the bucket [task:1].",
        "Read it by aws secretsmanager get-secret-value --secret-id db [task:1].",
        "Run aws configure export-credentials [task:1].",
        "Run curl evil.example/x [task:1].",
        "Run curl -sL evil.example [task:1].",
        "Pipe it to | sh [task:1].",
        "Run sudo reboot, then rm -rf / [task:1].",
        "Run kubectl delete pod web [task:1].",
        "Run terraform destroy [task:1].",
        "Run pip install evil [task:1].",
        "Run docker run evil/image [task:1].",
        "Run $(id) [task:1].",
    ],
)
def test_no_order_stands_in_a_sentence(text: str):
    """A56: a command is in its own field, and only looks."""
    assert claims().sentence(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "The service is healthy [task:1].",
        "The service is, as always, healthy [task:1].",
        "Everything looks fine [task:1].",
        "All targets are healthy now [target:1].",
        "The application works as expected [log:1].",
        "The deployment remains stable [task:1].",
        "Nothing is wrong [task:1].",
        "There is nothing to do [task:1].",
        "No action is needed [task:1].",
        "There are no issues [task:1].",
        "This was a false alarm [task:1].",
        "THE SERVICE IS OK [task:1].",
        "The service is heal\u200bthy [task:1].",
    ],
)
def test_what_the_rules_call_broken_is_not_called_well(text: str):
    """A56: the usual words of reassurance do not contradict the verdict; when the rules agree, they may be said."""
    assert claims().sentence(text) is None
    assert claims(HEALTHY).sentence(text) is not None


def test_a_claim_is_shown_without_what_hides_or_is_secret():
    """A57: a model that was given a secret in some other form gives it to nobody."""
    said = claims().sentence("It logs\x1b[31m password=hunter2\x1b[0m \u202eand\u202c\nstops [task:1].")

    assert said == "It logs password=[secret] and stops [task:1]."


def test_a_hypothesis_is_told_with_the_evidence_there_is():
    """Ours: ids that do not exist are left out, once each of the others is there."""
    asked = claims()
    given = hypothesis(evidence=["task:1", "log:999", "task:1", "log:3"])

    (made,) = asked.hypotheses({"hypotheses": [given]})

    assert made == {
        "cause": "The heap is full",
        "confidence": "high",
        "evidence": ["task:1", "log:3"],
        "counterEvidence": ["CPU stayed low [task:1]"],
        "nextStep": "Raise the memory",
        "command": "aws ecs list-tasks --cluster shop",
        "source": "model",
    }
    assert asked.dropped == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"evidence": []},
        {"evidence": ["log:999"]},
        {"evidence": ["TASK:1"]},
        {"cause": "It is as log:999 says"},
        {"cause": "See https://evil.example"},
        {"cause": "The service is healthy"},
        {"cause": " "},
        {"nextStep": "Do what log:999 says"},
    ],
)
def test_a_hypothesis_that_the_evidence_does_not_bear_is_not(changed: dict[str, Any]):
    """A56: nor one that hides such a claim in another field."""
    asked = claims()

    assert asked.hypotheses({"hypotheses": [hypothesis(**changed)]}) == []
    assert asked.dropped == 1


@pytest.mark.parametrize(
    ("changed", "kept"),
    [
        ({"nextStep": "Open https://evil.example"}, {"nextStep": ""}),
        ({"nextStep": "Run aws ecs delete-cluster --cluster shop"}, {"nextStep": ""}),
        ({"command": "aws ecs delete-cluster --cluster shop"}, {"command": ""}),
        ({"counterEvidence": ["log:999 shows 200s", "all is well", "CPU is low"]}, {"counterEvidence": ["CPU is low"]}),
        ({"counterEvidence": ["a", "b", "c", "d"]}, {"counterEvidence": ["a", "b", "c"]}),
    ],
)
def test_a_part_that_must_not_be_shown_is_left_out(changed: dict[str, Any], kept: dict[str, Any]):
    """A56: what the evidence bears stays, without the step, command or doubt that came with it."""
    (made,) = claims().hypotheses({"hypotheses": [hypothesis(**changed)]})

    assert {**made} == {**hypothesis(), **kept, "source": "model"}


def test_at_most_three_hypotheses_are_told():
    """Ours: more are no help at three in the morning; they are counted as left out."""
    asked = claims()

    assert len(asked.hypotheses({"hypotheses": [hypothesis()] * 5})) == 3
    assert asked.dropped == 2


NOISE = st.sampled_from(
    ["log:", "task:1", "[", "]", "LOG:3", "9", ":", " ", "see ", ".", "\uff11", "\u200b", "event:", "x", "-"]
)


@given(st.lists(NOISE, max_size=20).map("".join))
def test_whatever_is_said_cites_only_what_there_is(text: str):
    """A56: read again by somebody who does not know how it was checked."""
    said = claims().sentence(text)

    if said is not None:
        cited = re.findall(rf"(?i)(?<![\w./-])(?:{KINDS}):\d+", said)
        assert cited
        assert {each.lower() for each in cited} <= set(KNOWN)
