"""Where nothing is wrong, nothing is said to be."""

import json

import pytest

from tests.scenarios.judging import investigate, section
from tests.stand_ins.liar import FAKE, Liar
from tests.stand_ins.run import FakeRun
from tests.stand_ins.world.failures import healthy
from tests.stand_ins.world.world import World


@pytest.mark.parametrize("depth", ["quick", "standard", "deep"])
def test_a_quiet_service_is_healthy(world: World, run: FakeRun, depth: str):
    """Ours: it invents nothing, at any depth."""
    healthy(world)

    found = investigate(run, world, depth=depth)

    assert found["verdict"]["status"] == "healthy"
    assert found["verdict"]["severity"] == "info"
    assert found["verdict"]["since"] is None
    assert found["findings"] == []
    assert found["hypotheses"] == []
    assert section(found, "denied") == section(found, "throttled") == section(found, "error") == {}


def test_a_model_is_not_asked_to_explain_nothing(world: World, run: FakeRun):
    """Ours: where all is well there is nothing to pay a model for, and nothing it could invent."""
    healthy(world)
    world.bedrock.says = Liar("The database burns; call 555-0199 now.")

    found = investigate(run, world, analyze=True)

    assert world.bedrock.requests == []
    assert found["verdict"]["status"] == "healthy"
    assert found["usage"]["inputTokens"] == found["usage"]["outputTokens"] == 0
    assert found["analysis"]["source"] == "rules"


def test_a_model_that_claims_nonsense_is_not_repeated(world: World, run: FakeRun):
    """Ours: asked because not all could be read, it invents; what cites no evidence there is gets dropped, counted."""
    healthy(world)
    world.weather.denied = {"DescribeTargetHealth"}
    world.bedrock.says = Liar("The database burns; call 555-0199 now.")

    found = investigate(run, world, analyze=True)

    assert world.bedrock.requests
    assert found["verdict"]["status"] == "unknown"
    assert found["findings"] == found["hypotheses"] == []
    assert FAKE not in json.dumps(found)
    assert "555-0199" not in json.dumps(found)
    assert found["analysis"].get("dropped", 0) >= 1


def test_what_is_gone_by_is_no_trouble_of_now(world: World, run: FakeRun):
    """Ours: a deployment two days ago, steady states since, and an alarm that is OK are no findings."""
    healthy(world)
    for task in world.account.tasks:
        assert (world.account.now - task["startedAt"]).days >= 1

    found = investigate(run, world, windowMinutes=15)

    assert found["findings"] == []
    assert found["verdict"]["status"] == "healthy"


def test_no_more_is_asked_than_the_service_needs(world: World, run: FakeRun):
    """Ours: names are listed only where none was given, and nothing is asked twice."""
    healthy(world)

    investigate(run, world)

    asked = [json.dumps([call.operation, call.parameters], default=str) for call in world.weather.calls]
    # A query is looked at until it has ended.
    once = [each for each in asked if not each.startswith('["GetQueryResults"')]
    assert len(once) == len(set(once))
    assert not world.weather.operations & {"ListClusters", "ListServices"}
