"""Why tasks do not start."""

import pytest

from tasks.tools.ecs.facts import Check, Facts
from tasks.tools.ecs.rules.finding import Finding
from tasks.tools.ecs.rules.starting import not_placed, not_set_up, not_started
from tests.stand_ins.facts import STEADY, ago, ended, event, facts, service, unstarted
from tests.stand_ins.world.failures import NOT_PLACED

RIE = "ResourceInitializationError: "
AUTH = f"{RIE}unable to pull secrets or registry auth: "


def one(found: list[Finding]) -> Finding:
    assert len(found) == 1
    return found[0]


def of(reason: str, **known: object) -> Facts:
    return facts(tasks=(unstarted(1, 3, reason), unstarted(2, 12, reason)), **known)


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        (
            (
                f"{AUTH}unable to retrieve secret from asm: AccessDeniedException: User "
                "is not authorized to perform: secretsmanager:GetSecretValue on resource: x"
            ),
            "The execution role may not fetch a secret (secretsmanager:GetSecretValue).",
        ),
        (
            (
                f"{AUTH}unable to retrieve secret from asm: ResourceNotFoundException: "
                "Secrets Manager can't find the specified secret."
            ),
            "The task definition names a secret that does not exist.",
        ),
        (
            f"{AUTH}unable to retrieve secrets from ssm: context deadline exceeded",
            "The tasks cannot reach a secret over the network.",
        ),
        (
            (
                f"{AUTH}unable to retrieve ecr registry auth: There is a connection "
                "issue between the task and Amazon ECR. Check your task network configuration."
            ),
            "The tasks cannot reach the registry's credentials over the network.",
        ),
        (
            (
                f"{RIE}failed to validate logger args: failed to create Cloudwatch "
                "log stream: ResourceNotFoundException: The specified log group does not exist."
            ),
            "The task definition names its log group that does not exist.",
        ),
        (
            f"{RIE}failed to invoke EFS utils commands to set up EFS volumes: mount.nfs4: access denied by server",
            "The execution role may not fetch its file system.",
        ),
        (f"{RIE}something of a new kind", "The task cannot fetch what it needs before it starts."),
    ],
)
def test_what_a_task_lacks_before_it_starts_is_told(words: str, meaning: str):
    """AWS: the causes of ResourceInitializationError; "secrets or registry auth" stands in all of them."""
    made = one(list(not_set_up(of(words))))

    assert (made.severity, made.since, made.evidence) == ("critical", ago(12), ("task:1", "task:2"))
    assert made.cause is not None
    assert made.cause.text == meaning


def test_a_network_without_a_way_out_is_cited():
    """Ours: two facts together make it sure."""
    way = Check(id="network:1", name="to-internet", text="no way", ok=False)
    made = one(list(not_set_up(of(f"{AUTH}i/o timeout", network=(way,)))))

    assert "network:1" in made.evidence
    assert made.cause is not None
    assert made.cause.confidence == "high"


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        ("CannotStartContainerError: exec format error", "another CPU architecture"),
        (
            "CannotPullContainerError: image Manifest does not contain descriptor matching platform 'linux/arm64'",
            "another CPU architecture",
        ),
        (
            'CannotStartContainerError: exec: "server": executable file not found in $PATH',
            "cannot be started as its definition says",
        ),
        ("CannotCreateContainerError: bind source path does not exist", "cannot be started as its definition says"),
    ],
)
def test_a_container_that_cannot_be_started_is_told(words: str, meaning: str):
    """AWS: CannotStartContainerError and its kin."""
    made = one(list(not_started(of(words))))

    assert (made.severity, made.evidence) == ("critical", ("task:1", "task:2"))
    assert made.cause is not None
    assert meaning in made.cause.text


def test_a_crash_is_no_trouble_with_starting():
    """Ours: the near miss."""
    known = facts(tasks=(ended(1, 3),), service=service())

    assert [*not_set_up(known), *not_started(known), *not_placed(known)] == []


@pytest.mark.parametrize(
    ("words", "lacking"),
    [
        (NOT_PLACED["ec2"], " (not enough memory)"),
        (NOT_PLACED["fargate"], ""),
        (
            (
                "was unable to place a task because no container instance met all of its requirements. "
                "Reason: No Container Instances were found in your cluster."
            ),
            " (no container instances)",
        ),
        (
            "was unable to place a task. The closest (x) has insufficient CPU units available.",
            " (not enough CPU)",
        ),
    ],
)
def test_no_place_is_told_with_what_lacks(words: str, lacking: str):
    """AWS: service event messages."""
    events = event(1, 2, f"(service web) {words}"), event(2, 8, f"(service web) {words}"), event(3, 50)

    made = one(list(not_placed(facts(service=service(6, 2, *events), tasks=()))))

    assert (made.since, made.evidence) == (ago(8), ("event:1", "event:2"))
    assert made.cause is not None
    assert made.cause.text == f"There is no capacity for the tasks{lacking}: ECS cannot place them."


@pytest.mark.parametrize("alive", [2, 0])
def test_a_place_that_was_found_since_is_no_trouble(alive: int):
    """Ours: what lacked weeks ago is not why tasks lack today."""
    events = event(1, 9, STEADY), event(2, 5_000, f"(service web) {NOT_PLACED['ec2']}")

    assert list(not_placed(facts(service=service(2, alive, *events), tasks=()))) == []
