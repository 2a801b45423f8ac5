"""Words that others chose stay data in the queries of an investigation."""

import pytest

from tasks.schema import InvalidArguments
from tests.scenarios.judging import investigate, section, tool
from tests.stand_ins.run import FakeRun
from tests.stand_ins.world.failures import healthy
from tests.stand_ins.world.lines import Event, Written
from tests.stand_ins.world.names import LOG_GROUP, task_id
from tests.stand_ins.world.world import World

PREFIXES = ("plain", "it's", "a/b", "a|b", "x/ | limit 1 | filter @message like /", "(.*)", "back\\slash", "' or '")
NAMES = ("web' | limit 1", "web | fields @message", "web\nfilter", "web/ and", "*")


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_stream_prefix_is_no_query(world: World, run: FakeRun, prefix: str):
    """Ours: whoever registers a task definition chooses it; the task's lines are found, and nobody else's."""
    healthy(world)
    for definition in world.account.definitions.values():
        definition["containerDefinitions"][0]["logConfiguration"]["options"]["awslogs-stream-prefix"] = prefix
    log, at = Written(), round(world.account.ago(5).timestamp() * 1000)
    for number in range(30):
        log.add(Event(at + number, f"{prefix}/web/{task_id(1)}", "ERROR the shelf is empty"))
        log.add(Event(at + number, f"other/web/{task_id(1)}", "ERROR somebody else's"))
    world.logs.groups[LOG_GROUP] = log

    found = investigate(run, world)

    assert section(found, "error") == {}
    assert [each["template"] for each in found["logPatterns"]] == ["ERROR the shelf is empty"]
    assert found["logPatterns"][0]["count"] == 30


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("argument", ["cluster", "service", "task", "containers"])
def test_a_name_that_is_more_than_a_name_is_refused(world: World, run: FakeRun, argument: str, name: str):
    """Ours: by the schema, before AWS is asked anything."""
    given = {"cluster": "shop", "service": "web", argument: [name] if argument == "containers" else name}

    with pytest.raises(InvalidArguments, match=argument):
        run.call(tool(), **given)
    assert world.weather.calls == []
