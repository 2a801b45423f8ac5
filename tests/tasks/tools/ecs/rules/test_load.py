"""What the numbers say."""

import pytest

from tasks.tools.ecs.facts import Activity, Facts, Logs, Scaling
from tasks.tools.ecs.rules.finding import Finding
from tasks.tools.ecs.rules.load import (
    alarms_raised,
    at_its_most,
    failing_requests,
    high_cpu,
    high_memory,
    log_flood,
    scaling_failed,
    slow_answers,
)
from tests.stand_ins.facts import ago, alarm, facts, metric, pattern, service


def one(found: list[Finding]) -> Finding:
    assert len(found) == 1
    return found[0]


def of(*values: float, name: str = "cpu", **more: int) -> Facts:
    return facts(metrics=(metric(name, *values, **more),))


def test_cpu_that_stays_high_is_told_since_it_does():
    """Ours: LASTING points in a row; a spike before is none of it."""
    made = one(list(high_cpu(of(20, 95, 20, 20, 91, 92, 99, 40))))

    assert (made.severity, made.since, made.evidence) == ("warning", ago(3), ("metric:1",))
    assert made.message.endswith("99 % at its highest, 40 % now.")


@pytest.mark.parametrize("values", [(20, 95, 99, 20), (89.9,) * 9, ()])
def test_a_spike_of_cpu_is_no_finding(values: tuple[float, ...]):
    """Ours: a service may use what it has."""
    assert list(high_cpu(of(*values))) == []


def test_memory_is_told_from_its_first_high_point():
    """Ours: one is enough to be killed."""
    assert one(list(high_memory(of(40, 91, 40, name="memory")))).since == ago(1)
    assert list(high_memory(of(40, 89, 40, name="memory"))) == []


@pytest.mark.parametrize(
    ("errors", "requests", "severity"),
    [(60, 100, "critical"), (20, 1_000, "warning"), (9, 10, None), (99, 10_000, None), (60, 0, "critical")],
)
def test_errors_are_measured_by_the_requests(errors: float, requests: float, severity: str | None):
    """Ours: LEAST_ERRORS, ERRORS, MANY."""
    known = facts(metrics=(metric("5xx", 0, errors), metric("requests", requests, number=2)))

    assert [each.severity for each in failing_requests(known)] == ([severity] if severity else [])


def test_errors_a_minute_are_a_minutes_whatever_a_point_stands_for():
    """AWS: a point of a day is six minutes."""
    made = one(list(failing_requests(of(0, 600, 0, name="5xx", step=6))))

    assert "100 a minute at the most" in made.message
    assert made.since == ago(6)


def test_answers_that_became_slow_are_told_with_how_it_was():
    """Ours: against the first third, and since they stay slow."""
    made = one(list(slow_answers(of(0.1, 5, 0.1, 0.1, 0.1, 0.1, 2, 3, 4, name="latency"))))

    assert made.since == ago(2)
    assert "p95 5.00 s at the worst, 0.10 s before" in made.message


@pytest.mark.parametrize(
    "values", [(0.1, 0.1, 0.1, 0.9, 0.9, 0.9), (3.0,) * 9, (0.1, 0.1, 0.1, 5, 0.1, 5), (0.1, 5, 5, 5)]
)
def test_answers_that_are_as_ever_are_not_slow(values: tuple[float, ...]):
    """Ours: quick enough; always slow; spikes; too few to say."""
    assert list(slow_answers(of(*values, name="latency"))) == []


def test_alarms_that_were_raised_are_listed():
    """AWS: the state ALARM."""
    made = one(
        list(alarms_raised(facts(alarms=(alarm(1, "web-5xx"), alarm(2, "web-cpu", "OK"), alarm(3, "p95", minutes=30)))))
    )

    assert (made.message, made.evidence, made.since) == ("In ALARM: web-5xx, p95.", ("alarm:1", "alarm:3"), ago(30))
    assert made.cause is None


def test_the_alarms_by_which_auto_scaling_steers_are_no_trouble():
    """AWS: of a service with little to do TargetTracking-...-AlarmLow is in ALARM all night."""
    steering = alarm(1, "TargetTracking-service/shop/web-AlarmLow-0d7f6e5c")

    assert list(alarms_raised(facts(alarms=(steering,)))) == []


def scaled(desired: int, most: int = 4, *activities: Activity) -> Facts:
    scaling = Scaling(id="scaling:0", least=1, most=most, activities=activities)
    return facts(service=service(desired, desired), scaling=scaling, metrics=(metric("cpu", 95, 96, 97),))


def test_a_service_at_its_most_and_busy_is_told():
    """Ours: two facts together."""
    made = one(list(at_its_most(scaled(4))))

    assert (made.evidence, made.since) == (("scaling:0", "metric:1"), ago(2))
    assert made.cause is not None
    assert made.cause.command.endswith("--max-capacity 8")


def test_a_service_with_room_or_time_left_is_not_at_its_most():
    """Ours: the near misses."""
    idle = scaled(4)
    idle.metrics = (metric("cpu", 20, 95, 20),)

    assert [*at_its_most(scaled(3)), *at_its_most(idle), *at_its_most(facts(service=service()))] == []


def test_scaling_that_failed_is_told():
    """AWS: StatusCode Failed."""
    failed = Activity(id="scaling:2", at=ago(9), status="Failed", text="Failed to set desired count: no role")
    made = one(list(scaling_failed(scaled(2, 4, failed))))

    assert (made.evidence, made.since) == (("scaling:2",), ago(9))
    assert list(scaling_failed(scaled(2, 4, Activity(id="scaling:1", at=ago(9), status="Successful", text="")))) == []


def log(*counts: int, errors: int = 0, **more: object) -> Facts:
    minutes = tuple((ago(len(counts) - 1 - n), count, 0) for n, count in enumerate(counts))
    return facts(logs=Logs(groups=("/ecs/web",), minutes=minutes, errors=errors, **more))  # pyright: ignore[reportArgumentType]


def test_a_flood_is_many_times_what_is_usual():
    """Ours: FLOODED, and what most of it says."""
    made = one(list(log_flood(log(20, 20, 20, 20, 40_000, 48_000, patterns=(pattern(3, "ERROR lease lost", 9),)))))

    assert (made.severity, made.since, made.evidence) == ("warning", ago(1), ("log:3",))
    assert "48,000 in the worst minute, 20 usually. Most of what was read is: ERROR lease lost" in made.message


def test_a_flood_of_nothing_that_was_read_cites_the_log():
    """Ours: whatever is cited has its piece of evidence."""
    assert one(list(log_flood(log(20, 20, 20, 20, 48_000)))).evidence == ("section:logs",)


@pytest.mark.parametrize(
    "counts", [(20, 20, 20, 999), (9_000, 9_000, 9_000, 20_000), (30_000,) * 9, (48_000,), (0, 0, 0)]
)
def test_a_service_that_always_says_much_does_not_flood(counts: tuple[int, ...]):
    """Ours: access logs of a busy service are no trouble."""
    assert list(log_flood(log(*counts))) == []


def test_a_whole_window_of_errors_is_a_flood_all_the_same():
    """Ours: there is no time before to measure it by; what it says is enough."""
    assert one(list(log_flood(log(30_000, 30_000, 30_000, errors=45_000)))).severity == "warning"
