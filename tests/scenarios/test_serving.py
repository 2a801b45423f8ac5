"""Services whose tasks run, and do not serve."""

import re

from tests.scenarios.judging import has_finding, investigate, kinds, section, since, speaks_only_of, top
from tests.stand_ins.run import FakeRun
from tests.stand_ins.world.failures import (
    dependency_times_out,
    health_check_fails,
    log_flood,
    memory_runs_out,
    role_denied,
    throttled_by_dynamodb,
    wrong_security_group,
)
from tests.stand_ins.world.names import WEB
from tests.stand_ins.world.world import World


def test_a_health_check_that_gets_503_is_the_applications_matter(world: World, run: FakeRun):
    """Ours: the load balancer reaches the container, so the network is not blamed; code and path are named."""
    began = health_check_fails(world)

    found = investigate(run, world)

    assert found["verdict"]["status"] == "broken"
    top(found, "health", proof={"target"})
    has_finding(found, "unhealthy|health check", proof={"target", "event", "task"})
    assert any("503" in each["text"] for each in found["evidence"])
    since(found, began)
    speaks_only_of(found, "health check", "exit")


def test_a_security_group_that_shuts_the_load_balancer_out_is_the_cause(world: World, run: FakeRun):
    """Ours: the group and the port, by the rules themselves and not by guessing from a timeout."""
    began = wrong_security_group(world)

    found = investigate(run, world)

    assert found["verdict"]["status"] == "broken"
    top(found, "security group", proof={"network"})
    has_finding(found, "security group|unhealthy", proof={"network"})
    texts = " ".join(each["text"] for each in found["evidence"])
    assert WEB in texts
    assert "8080" in texts
    assert "alice revoked a rule" in found["hypotheses"][0]["cause"]
    assert "trail" in kinds(found["hypotheses"][0]["evidence"])
    since(found, began)
    speaks_only_of(found, "network", "health check", "timeout", "exit")


def test_a_timeout_without_a_wrong_rule_blames_no_security_group(world: World, run: FakeRun):
    """Ours: the same symptom where the rules are right is the application's: it does not answer in time."""
    rules = [dict(each) for each in world.account.security_groups]
    wrong_security_group(world)
    world.account.security_groups[:] = rules
    world.account.trail.clear()

    found = investigate(run, world)

    assert found["verdict"]["status"] == "broken"
    top(found, "health|time", proof={"target"})
    speaks_only_of(found, "health check", "timeout", "exit")


def test_a_role_that_lacks_a_permission_is_found_in_the_log(world: World, run: FakeRun):
    """Ours: nothing but the log says so; the action is named, and our own permissions are not meant."""
    began = role_denied(world)

    found = investigate(run, world)

    assert found["verdict"]["status"] in {"degraded", "broken"}
    top(found, "denied|permission|not authorized", proof={"log"})
    assert "dynamodb:GetItem" in str(found["hypotheses"][0]) + str(found["logPatterns"])
    assert section(found, "denied") == {}
    since(found, began)
    speaks_only_of(found, "denied", "logs")


def test_a_dependency_that_does_not_answer_is_found_in_the_log(world: World, run: FakeRun):
    """Ours: lines of connect timeouts, and the latency with them."""
    began = dependency_times_out(world)

    found = investigate(run, world)

    assert found["verdict"]["status"] in {"degraded", "broken"}
    top(found, "time[d]?.?out|dependency|connect", proof={"log"})
    assert any(re.search(r"db(\.internal|:5432)", each["sample"]) for each in found["logPatterns"])
    since(found, began)
    speaks_only_of(found, "timeout", "logs")


def test_an_application_that_is_throttled_is_found_in_the_log(world: World, run: FakeRun):
    """Ours: what AWS refuses the application is told from what it refuses us."""
    began = throttled_by_dynamodb(world)

    found = investigate(run, world)

    assert found["verdict"]["status"] in {"degraded", "broken"}
    top(found, "throttl|throughput", proof={"log"})
    assert section(found, "throttled") == {}
    since(found, began)
    speaks_only_of(found, "throttling", "logs", "capacity")


def test_what_throttles_us_is_a_gap_and_no_finding(world: World, own_run: FakeRun):
    """Ours: a partial answer beats a failure; our own quota says nothing about the service."""
    memory_runs_out(world)
    world.weather.throttled = {"GetMetricData": -1, "DescribeAlarms": -1}

    found = investigate(own_run, world)

    throttled = section(found, "throttled")
    assert {"GetMetricData", "DescribeAlarms"} <= set(re.findall(r"\w+", " ".join(throttled.values())))
    assert len(throttled) == 2
    top(found, "memory", proof={"task"})
    speaks_only_of(found, "memory", "exit")
    assert len([each for each in found["gaps"] if "throttled" in each.lower()]) >= 1


def test_a_flood_of_a_million_lines_is_judged_within_its_budget(world: World, run: FakeRun):
    """Ours: counted whole, read in part, and said so; the pattern that floods is named with its rise."""
    began = log_flood(world)

    found = investigate(run, world)

    assert found["verdict"]["status"] in {"degraded", "broken"}
    top(found, "log|error", proof={"log"})
    assert any("lost its lease" in each["template"] for each in found["logPatterns"])
    assert any("refused by pricing" in each["template"] for each in found["logPatterns"])
    assert found["usage"]["scannedBytes"] > 0
    since(found, began)
    assert not [each for each in found["findings"] if each["evidence"] and each["evidence"][0].startswith("task:")]


def test_a_flood_without_an_error_in_it_is_a_flood(world: World, run: FakeRun):
    """Ours: none of its lines is read where only errors are; that it was counted is the evidence."""
    log_flood(world, count=100_000, rate=400, templates=["DEBUG cache entry %d looked at"])

    found = investigate(run, world)

    has_finding(found, "flood", proof={"section", "log"})
    assert found["verdict"]["status"] == "degraded"
    assert any("100,0" in each["text"] for each in found["evidence"])


def test_a_deep_look_reads_every_line(world: World, run: FakeRun):
    """Ours: nothing is left out, so the counts of patterns are counts of lines, of errors and of all others."""
    log_flood(world, count=40_000, rate=50)

    found = investigate(run, world, depth="deep")

    counts = {each["template"]: each["count"] for each in found["logPatterns"]}
    flooding = [count for template, count in counts.items() if "GET /carts" not in template]
    assert flooding == [10_000] * 4
    assert not [gap for gap in found["gaps"] if "lines were read" in gap]
