"""Every fact has its piece of evidence, under an id of its own."""

from collections.abc import Iterator
from typing import Any, cast

import msgspec

from tasks.tools.ecs.evidence import LOG, clock, moment, pieces
from tasks.tools.ecs.facts import (
    Act,
    Activity,
    Change,
    Check,
    Facts,
    Image,
    LastWords,
    Logs,
    Scaling,
)
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
    target,
)


def all_kinds() -> Facts:
    return facts(
        cluster=cluster(),
        service=service(2, 1, event(1, 3), rollouts=(rollout(1, 7, 9, id="rollout:1"),)),
        tasks=(ended(1, 3, exited("web", 137, "OutOfMemoryError: x"), health="UNHEALTHY"),),
        deployments=(rollout(1, 8, 30, "FAILED", breaker="TRIGGERED", reason="too many failed"),),
        revisions=revisions(
            previous=definition(6, number=2), changes=(Change(id="change:1", what="memory", before="1", after="2"),)
        ),
        images=(Image(id="image:1", name="web:8", found=False, tags=("v7", "v6")),),
        targets=(group(target(), target("unhealthy", "Target.Timeout", "Request timed out")),),
        network=(Check(id="network:1", name="to-internet", text="No way out."),),
        alarms=(alarm(1, "web-5xx"),),
        metrics=(metric("latency", 0.1, 4.25, 0.3, unit="seconds"),),
        scaling=Scaling(
            id="scaling:0",
            least=1,
            most=4,
            activities=(Activity(id="scaling:1", at=ago(3), status="Failed", text="x"),),
        ),
        trail=(Act(id="trail:1", at=ago(31), name="UpdateService", who="alice"),),
        logs=Logs(
            groups=("/ecs/web",),
            events=1_200,
            errors=30,
            patterns=(pattern(1, "ERROR a", is_new=True),),
            last=(LastWords(id="lines:1", task="task:1", lines=((ago(4), "heap is full"),)),),
        ),
    )


def ids(found: Any) -> Iterator[str]:
    """Of all facts in it, however deep."""
    if isinstance(found, dict):
        values = cast("dict[str, Any]", found)
        if isinstance(values.get("id"), str):
            yield values["id"]
        found = list(values.values())
    if isinstance(found, list):
        for value in cast("list[Any]", found):
            yield from ids(value)


def test_every_fact_has_a_piece_and_every_piece_an_id_of_its_own():
    """Ours: whatever a conclusion cites can be looked up."""
    known = all_kinds()

    found = [piece.id for piece in pieces(known)]

    assert len(found) == len(set(found))
    assert set(found) == {*ids(msgspec.json.decode(msgspec.json.encode(known))), LOG}


def test_pieces_are_sentences():
    """Ours: for a model, and for whoever reads them."""
    texts = {piece.id: piece.text for piece in pieces(all_kinds())}

    assert texts["service:1"] == "service web is ACTIVE: 1 of 2 tasks run, 0 pending"
    assert texts["task:1"].endswith(
        "of web:7 is STOPPED, UNHEALTHY, EssentialContainerExited: Essential container in task exited; "
        "container web exit code 137 (OutOfMemoryError: x)"
    )
    assert texts["deployment:1"] == (
        "deployment of web:8 is STOPPED, FAILED: 2 of 2 tasks run, 0 failed, "
        "circuit breaker TRIGGERED (too many failed)"
    )
    assert texts["image:1"] == "image web:8 is not in ECR; the newest tags there: v7, v6"
    assert texts["target:1"] == (
        "target group web, checked at /health: 1 healthy, 1 unhealthy (Target.Timeout: Request timed out)"
    )
    assert texts["metric:1"] == f"latency: highest 4.25 s at {clock(ago(1))}, latest 0.3 s"
    assert texts[LOG] == "log of /ecs/web: 1,200 lines, 30 that may speak of trouble; 0 were read"
    assert texts["lines:1"] == "last lines of task 1: heap is full"


def test_words_of_a_log_are_no_evidence_ids():
    """Ours: a line that writes "task:1" must not be taken for a citation."""
    known = facts(logs=Logs(groups=(), last=(LastWords(id="lines:1", task="task:9", lines=((NOW, "see task:1"),)),)))

    assert "task:1" not in pieces(known)[-1].text


def test_without_facts_there_is_no_evidence():
    """Ours."""
    assert pieces(Facts()) == []


def test_moments_are_of_utc():
    """ISO 8601."""
    assert (moment(1_764_298_500_123), clock(1_764_298_500_123)) == ("2025-11-28T02:55:00Z", "02:55:00")
    assert (moment(None), clock(None)) == (None, "")
