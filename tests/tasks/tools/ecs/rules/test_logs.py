"""What the application itself says: understood, and never believed too much."""

import pytest

from tasks.tools.ecs.facts import Facts, LastWords, Logs, Pattern, Task
from tasks.tools.ecs.rules.finding import Finding
from tasks.tools.ecs.rules.logs import more_errors, new_errors, spoken
from tests.stand_ins.facts import ago, ended, facts, pattern

REFUSED = "ERROR connect ECONNREFUSED db.internal:5432"


def one(found: list[Finding]) -> Finding:
    assert len(found) == 1
    return found[0]


def of(*patterns: Pattern, tasks: tuple[Task, ...] = (), last: tuple[LastWords, ...] = ()) -> Facts:
    return facts(tasks=tasks, logs=Logs(groups=("/ecs/web",), patterns=patterns, last=last))


@pytest.mark.parametrize(
    ("text", "rule", "cause"),
    [
        (
            "User: arn:aws:sts::123456789012:assumed-role/web-task/1f is not authorized to perform: dynamodb:GetItem",
            "denied-by-aws",
            "The task role web-task lacks a permission: AWS denies dynamodb:GetItem (AccessDenied).",
        ),
        (
            "ERROR An error occurred (AccessDenied) when calling the PutObject operation: Access Denied",
            "denied-by-aws",
            "AWS denies what the application asks of it (AccessDenied).",
        ),
        ("OSError: [Errno 28] No space left on device", "disk-full", "disk is full"),
        ("java.lang.OutOfMemoryError: Java heap space", "heap-full", "heap is full"),
        (REFUSED, "dependency-away", "A dependency db.internal:5432 does not answer"),
        ("ERROR dial tcp 10.0.9.12:6379: i/o timeout", "dependency-away", "A dependency 10.0.9.12:6379 does not"),
        (
            'File "db.py:120", line:42 could not connect to server: Connection timed out',
            "dependency-away",
            "A dependency does not answer",
        ),
        ("at Pool.get(Pool.java:118) failed to connect to redis:6379", "dependency-away", "A dependency redis:6379 "),
        ("ERROR getaddrinfo ENOTFOUND payments.internal", "dependency-away", "A dependency does not answer"),
        ("ERROR (ProvisionedThroughputExceededException) when calling PutItem", "throttled-by-aws", "is throttled"),
    ],
)
def test_words_that_say_what_they_mean_are_understood(text: str, rule: str, cause: str):
    """Ours: KINDS; files and their lines are no hosts and their ports."""
    made = one(list(spoken(of(pattern(4, text)))))

    assert (made.rule, made.severity, made.evidence, made.since) == (rule, "warning", ("log:4",), ago(20))
    assert made.cause is not None
    assert cause in made.cause.text


@pytest.mark.parametrize(
    "text",
    [
        "WARN org.springframework.security.access.AccessDeniedException: Access is denied",
        "ERROR java.nio.file.AccessDeniedException: /var/lib/app",
        "WARN user 17 is not authorized to access /admin",
    ],
)
def test_what_the_application_denies_its_own_callers_is_not_denied_by_aws(text: str):
    """Ours: whoever asks for /admin often enough must not write our findings."""
    assert [each.rule for each in spoken(of(pattern(1, text)))] == []


@pytest.mark.parametrize(("count", "severity"), [(4, "error"), (30, "info")])
def test_what_is_said_seldom_or_lightly_is_nothing(count: int, severity: str):
    """Ours: LEAST; a line that speaks of no trouble is none."""
    assert list(spoken(of(pattern(1, REFUSED, count, severity)))) == []


def test_once_is_enough_in_the_last_words_of_a_task_that_failed():
    """Ours: then it is what it died of."""
    words = LastWords(id="lines:1", task="task:1", lines=((ago(4), REFUSED),))

    made = one(list(spoken(of(pattern(1, REFUSED, 1), tasks=(ended(1, 4),), last=(words,)))))

    assert made.severity == "critical"


@pytest.mark.parametrize("stop", ["EssentialContainerExited", "UserInitiated"])
def test_noise_beside_a_crash_is_not_what_it_died_of(stop: str):
    """Ours: a client that hung up once explains nothing; a task that was stopped died of nothing."""
    reset = pattern(1, "WARN connection reset by peer", 2, "warning")
    words = LastWords(id="lines:1", task="task:1", lines=((ago(4), "bye" if stop[0] == "E" else REFUSED),))

    assert list(spoken(of(reset, tasks=(ended(1, 4, code=stop),), last=(words,)))) == []


def test_what_was_said_as_often_before_is_less_sure():
    """Ours: it may be the noise of every day, and it may go on for longer than the time that is looked at."""
    made = one(list(spoken(of(pattern(1, REFUSED, rose=1.1))))).cause

    assert made is not None
    assert (made.confidence, made.against) == ("low", ("it was logged as often in the time compared with",))


def test_errors_of_no_known_kind_are_told_when_they_are_new_and_many():
    """Ours: LEAST_NEW; the most frequent first; and not sure of anything."""
    found = of(
        pattern(1, "ERROR a", 30, is_new=True), pattern(2, "ERROR b", 90, is_new=True), pattern(3, "ERROR c", 19)
    )

    made = one(list(new_errors(found)))

    assert (made.severity, made.evidence) == ("warning", ("log:2", "log:1"))
    assert made.cause is not None
    assert made.cause.confidence == "low"


@pytest.mark.parametrize(
    "known",
    [
        pattern(1, "ERROR a", 19, is_new=True),
        pattern(1, "ERROR a", 30),
        pattern(1, "WARN a", 30, "warning", is_new=True),
        pattern(1, REFUSED, 30, is_new=True),
    ],
    ids=["few", "old", "a warning", "of a known kind"],
)
def test_other_errors_are_not_new(known: Pattern):
    """Ours: the near misses."""
    assert list(new_errors(of(known))) == []


@pytest.mark.parametrize(
    ("rose", "is_new", "told"), [(3.0, False, True), (2.9, False, False), (None, False, False), (9, True, False)]
)
def test_errors_that_are_many_more_are_told(rose: float | None, is_new: bool, told: bool):  # noqa: FBT001  # of the table
    """Ours: ROSE."""
    found = list(more_errors(of(pattern(1, "ERROR a", 60, rose=rose, is_new=is_new))))

    assert [each.rule for each in found] == (["more-errors"] if told else [])


def test_a_log_alone_is_never_critical():
    """Ours: whoever talks to the application can write to its log."""
    hostile = [
        pattern(n, text, 9_999, "critical", is_new=True) for n, text in enumerate((REFUSED, "FATAL all is lost"))
    ]

    known = of(*hostile)

    assert {each.severity for judge in (spoken, new_errors, more_errors) for each in judge(known)} == {"warning"}
