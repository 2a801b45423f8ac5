"""Why an image was not pulled, by the words of ECS."""

import pytest

from tasks.tools.ecs.facts import Change, Check, Container, Facts, Image
from tasks.tools.ecs.rules.finding import Cause, Finding
from tasks.tools.ecs.rules.images import image_not_pulled
from tests.stand_ins.facts import (
    STEADY,
    ago,
    definition,
    ended,
    event,
    exited,
    facts,
    revisions,
    rollout,
    service,
    spec,
    unstarted,
)

ECR = "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/web"
NOT_FOUND = (
    "CannotPullContainerError: pull image manifest has been retried 7 time(s): "
    f"failed to resolve ref {ECR}:v8: {ECR}:v8: not found"
)


def found(known: Facts) -> Finding:
    all_of_it = list(image_not_pulled(known))
    assert len(all_of_it) == 1
    return all_of_it[0]


def cause(words: str, **known: object) -> Cause:
    made = found(facts(tasks=(unstarted(1, 3, words),), **known)).cause
    assert made is not None
    return made


def test_a_tag_that_nobody_pushed_is_named_with_those_there_are():
    """Ours: ECS's reason, the look into ECR and the change of the image, each cited."""
    known = facts(
        tasks=(
            unstarted(1, 3, NOT_FOUND, containers=(Container(name="web", image=f"{ECR}:v8"),)),
            unstarted(2, 16, NOT_FOUND),
        ),
        images=(Image(id="image:1", name=f"{ECR}:v8", found=False, tags=("v7", "v6")),),
        revisions=revisions(changes=(Change(id="change:1", what="image of web"), Change(id="change:2", what="memory"))),
    )

    made = found(known)

    assert (made.severity, made.since) == ("critical", ago(16))
    assert made.evidence == ("task:1", "task:2", "image:1", "change:1")
    assert made.cause is not None
    assert made.cause.text == (
        f"The image {ECR}:v8 does not exist: its tag or repository was not found. The newest tags there are: v7, v6."
    )
    assert "--repository-name team/web " in made.cause.command


@pytest.mark.parametrize(
    ("words", "meaning", "confidence"),
    [
        (NOT_FOUND, "does not exist: its tag", "high"),
        ("CannotPullContainerError: 403 Forbidden", "execution role may not pull", "high"),
        ("CannotPullContainerError: no basic auth credentials", "execution role may not pull", "high"),
        (
            (
                "CannotPullContainerError: pull access denied for web, repository does not exist or may require "
                "'docker login'"
            ),
            "does not exist, or its registry wants credentials",
            "medium",
        ),
        (
            "CannotPullContainerError: toomanyrequests: You have reached your pull rate limit.",
            "limits how often",
            "high",
        ),
        ("CannotPullContainerError: dial tcp 52.1.1.1:443: i/o timeout", "cannot reach the image's registry", "medium"),
        ("CannotPullContainerError: something of a new kind", "An image cannot be pulled.", "medium"),
    ],
)
def test_what_the_registry_says_is_understood(words: str, meaning: str, confidence: str):
    """AWS: the errors of CannotPullContainerError; what has two meanings is told as both."""
    made = cause(words)

    assert meaning in made.text
    assert made.confidence == confidence


def test_subnets_without_a_way_out_make_it_sure():
    """Ours: two facts together."""
    way = Check(id="network:2", name="to-internet", text="no way", ok=False, command="aws ec2 look")
    made = cause("CannotPullContainerError: i/o timeout", network=(way,))

    assert (made.confidence, made.command) == ("high", "aws ec2 look")


def test_the_image_of_a_later_revision_is_not_blamed():
    """Ours: what is deployed by now may be there; the one that was not pulled is named."""
    known = facts(
        tasks=(unstarted(1, 30, NOT_FOUND, revision=8, containers=(Container(name="web", image=f"{ECR}:v8"),)),),
        images=(Image(id="image:1", name=f"{ECR}:v9", found=True),),
        revisions=revisions(definition(9, spec(image=f"{ECR}:v9"))),
    )

    made = found(known)

    assert made.cause is not None
    assert f"The image {ECR}:v8 does not exist" in made.cause.text
    assert "image:1" not in made.evidence


def test_of_two_containers_the_one_with_the_reason_is_blamed():
    """AWS: each container has a reason of its own."""
    containers = (
        Container(name="proxy", image="envoy:1"),
        Container(name="web", image=f"{ECR}:v8", reason=NOT_FOUND),
    )
    made = found(facts(tasks=(unstarted(1, 3, "Task failed to start", containers=containers),))).cause

    assert made is not None
    assert made.text.startswith(f"The image {ECR}:v8 ")


def test_an_image_that_was_pushed_since_is_said_to_be_there():
    """Ours: what speaks against it."""
    image = Image(id="image:1", name=f"{ECR}:v8", found=True)
    container = Container(name="web", image=f"{ECR}:v8")
    made = found(facts(tasks=(unstarted(1, 3, NOT_FOUND, containers=(container,)),), images=(image,))).cause

    assert made is not None
    assert made.against == ("it is there now",)


def test_an_event_alone_is_enough_and_an_old_one_is_not():
    """Ours: what an event said is settled once ECS called the service steady."""
    told = event(1, 9, f"(service web) was unable to start a task: {NOT_FOUND}")

    made = found(facts(service=service(2, 0, told, event(2, 60)), tasks=()))

    assert (made.since, made.evidence) == (ago(9), ("event:1",))
    assert made.message.startswith("Tasks could not pull an image")
    assert list(image_not_pulled(facts(service=service(2, 2, event(0, 3, STEADY), told), tasks=()))) == []


def test_a_revision_that_was_replaced_is_no_longer_grave():
    """Ours: tasks of web:8 failed, web:9 has been deployed well since."""
    known = facts(
        tasks=(unstarted(1, 12, NOT_FOUND, revision=8),),
        service=service(2, 2, event(1, 3)),
        deployments=(rollout(1, 9, 9), rollout(2, 8, 20, "FAILED")),
    )

    assert found(known).severity == "warning"


def test_no_image_is_blamed_for_other_ends():
    """Ours: the near miss."""
    secrets = "ResourceInitializationError: unable to pull secrets or registry auth: AccessDenied"

    assert list(image_not_pulled(facts(tasks=(ended(1, 3, exited("web", 1)), unstarted(2, 4, secrets))))) == []
