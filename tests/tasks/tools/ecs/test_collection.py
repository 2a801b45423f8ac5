"""The investigation's sections: side by side, each judged as soon as it is there."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from tasks.tool import Cancelled, ToolError
from tasks.tools.ecs.collection import Collection
from tasks.tools.ecs.scene import Scene
from tasks.tools.ecs.sections import Kept, Sections
from tasks.tools.ecs.steps import LOGS, LOGS_AFTER, STEPS
from tests.stand_ins.run import FakeRun
from tests.stand_ins.world.failures import FAILURES
from tests.stand_ins.world.names import LOG_GROUP
from tests.stand_ins.world.shop import event
from tests.stand_ins.world.trouble import out_of_memory, stopped_task
from tests.stand_ins.world.weather import EVERYTHING
from tests.stand_ins.world.world import World

Look = Callable[..., Scene]


def collect(scene: Scene, run: FakeRun) -> Sections:
    kept = Kept(run, scene.request.window)
    sections = Sections(run, kept, 30)
    scene.say = sections.say
    Collection(scene, sections, kept).run()
    return sections


def statuses(sections: Sections) -> dict[str, str]:
    return {name: section["status"] for name, section in sections.all.items()}


def told(run: FakeRun) -> list[str]:
    return [data["finding"]["rule"] for *_, data in run.steps if data]


def test_every_section_is_collected(world: World, look: Look, run: FakeRun):
    """Ours: and all of it is in the facts."""
    scene = look()

    found = statuses(collect(scene, run))

    assert set(found) == {LOGS, *(step.name for step in STEPS)}
    empty = {name for name, status in found.items() if status == "empty"}
    assert empty == {"trail", "samples"}
    assert {name for name in found if getattr(scene.facts, name) is None} == empty


def test_a_quick_look_leaves_out_what_takes_long(world: World, look: Look, run: FakeRun):
    """Ours: and says so."""
    found = statuses(collect(look(depth="quick"), run))

    assert {name for name, status in found.items() if status == "skipped"} == {"scaling", "trail", "samples"}
    assert not {"LookupEvents", "DescribeScalableTargets"} & world.weather.operations


def test_sections_come_after_those_they_need(world: World, look: Look, run: FakeRun):
    """Ours: the table of steps; each is begun once all before it have settled."""
    collect(look(), run)

    begun = {call.operation: call.asked for call in reversed(world.weather.calls)}
    settled = {call.operation: call.answered or 0.0 for call in world.weather.calls}
    assert settled["DescribeClusters"] <= begun["DescribeServices"]
    assert settled["DescribeServices"] <= begun["DescribeTargetGroups"]
    queries = [call.asked for call in world.weather.of("StartQuery") if LOG_GROUP in call.parameters["logGroupNames"]]
    assert settled["DescribeServiceRevisions"] <= begun["DescribeTaskDefinition"] <= min(queries)
    assert settled["DescribeTargetHealth"] <= begun["GetMetricData"]


def test_the_table_of_steps_has_no_circle():
    """Ours: each waits for steps that stand before it."""
    names: list[str] = []
    for step in STEPS:
        assert set(step.after) <= set(names)
        names.append(step.name)
    assert set(LOGS_AFTER) <= set(names)


@pytest.mark.parametrize(
    ("operation", "section"),
    [
        ("ListTasks", "tasks"),
        ("ListServiceDeployments", "deployments"),
        ("DescribeImages", "images"),
        ("DescribeTargetGroups", "targets"),
        ("DescribeSecurityGroups", "network"),
        ("DescribeAlarms", "alarms"),
        ("GetMetricData", "metrics"),
        ("DescribeScalableTargets", "scaling"),
        ("LookupEvents", "trail"),
        ("StartQuery", "logs"),
    ],
)
def test_a_section_that_is_denied_fails_no_other(world: World, look: Look, run: FakeRun, operation: str, section: str):
    """Ours: a partial answer beats a failure."""
    world.weather.denied.add(operation)

    found = collect(look(), run)

    assert found.all[section]["status"] == "denied"
    assert operation in found.all[section]["message"]
    others = {"cluster", "service", "revisions"} - {section}
    assert {statuses(found)[name] for name in others} == {"ok"}


def test_when_everything_is_denied_that_is_said(world: World, look: Look, run: FakeRun):
    """Ours: the sentence names the permission that lacks."""
    world.weather.denied.add(EVERYTHING)

    with pytest.raises(ToolError, match="ecs:DescribeClusters"):
        collect(look(), run)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"service": "wbe"}, r"no service 'wbe' in the cluster shop. The services are: web."),
        ({"service": None, "task": "0" * 32}, r"ECS does not know the task '0+' in the cluster shop"),
    ],
)
def test_what_does_not_exist_is_a_mistake_of_the_callers(
    world: World, look: Look, run: FakeRun, request_: dict[str, Any], words: str
):
    """Ours: answered with what there is."""
    with pytest.raises(ToolError, match=words):
        collect(look(**request_), run)


def test_a_cluster_that_does_not_exist_is_answered_with_those_there_are(world: World, look: Look, run: FakeRun):
    """Ours: a part of a name is not the name."""
    world.account.clusters[0]["clusterName"] = "shop-1"

    with pytest.raises(ToolError, match=r"no ECS cluster 'shop' .*The clusters are: shop"):
        collect(look(), run)


def test_a_task_that_vanished_leaves_its_service_to_be_judged(world: World, look: Look, run: FakeRun):
    """AWS: ECS forgets stopped tasks within the hour."""
    found = collect(look(task="0" * 32), run)

    assert found.all["tasks"]["status"] == "empty"
    assert "vanish after about an hour" in found.all["tasks"]["message"]
    assert statuses(found)["service"] == "ok"


def test_of_a_task_alone_its_service_is_found(world: World, look: Look, run: FakeRun):
    """AWS: its group is service:name."""
    scene = look(service=None, task=world.account.tasks[0]["taskArn"])

    found = collect(scene, run)

    assert scene.service == "web"
    assert statuses(found)["service"] == statuses(found)["metrics"] == "ok"


def test_a_finding_is_told_before_slower_sections_settle(world: World, look: Look, run: FakeRun):
    """Ours: an engineer on call hears of it at once."""
    FAILURES["out of memory"](world)
    world.weather.slow["GetMetricData"] = 30
    heard = threading.Event()
    said: list[str] = []

    def listen() -> None:
        while not run.stop.wait(0.02):
            said[:] = told(run)
            if "out-of-memory" in said and world.weather.of("GetMetricData"):
                assert world.weather.of("GetMetricData")[0].answered is None
                heard.set()
                run.cancel()

    listener = threading.Thread(target=listen)
    listener.start()

    with pytest.raises(Cancelled):
        collect(look(), run)

    run.stop.set()
    listener.join(20)
    assert heard.is_set()


def test_every_finding_is_told_once(world: World, look: Look, run: FakeRun):
    """Ours: two containers that crash are two findings of one rule."""
    for number, code in enumerate((1, 2), 3):
        stopped_task(world.account, number, 7, began=number, ended=number)["containers"][0]["exitCode"] = code
    scene = look()

    collect(scene, run)

    assert told(run).count("crashed") == 2


def test_what_only_informs_is_not_told_on_the_way(world: World, look: Look, run: FakeRun):
    """Ours: a planned stop that took long is no alarm."""
    task = stopped_task(world.account, 3, 7, began=9, ended=3)
    task |= {"stopCode": "UserInitiated", "stoppedReason": "Task stopped by user"}
    task["containers"][0]["exitCode"] = 137

    collect(look(), run)

    assert told(run) == []


def test_cancel_ends_it_though_aws_is_slow(world: World, look: Look, run: FakeRun):
    """Ours: connections are closed, and nobody waits for the answer."""
    world.weather.slow["DescribeAlarms"] = 60

    def cancel() -> None:
        while not world.weather.of("DescribeAlarms") and not run.stop.wait(0.02):
            pass
        run.cancel()

    canceller = threading.Thread(target=cancel)
    canceller.start()

    with pytest.raises(Cancelled):
        collect(look(), run)

    canceller.join(20)
    assert world.weather.of("DescribeAlarms")[0].answered is None


def test_tasks_of_a_service_that_recovered_are_told_as_less_grave(world: World, look: Look, run: FakeRun):
    """Ours: judged with what the service says, whichever section settles first."""
    world.weather.slow["DescribeServices"] = 0.5
    out_of_memory(stopped_task(world.account, 3, 7, began=50, ended=40))
    event(world.account, 38, "(service web) has reached a steady state.")

    collect(look(), run)

    assert {data["finding"]["severity"] for *_, data in run.steps if data} == {"warning"}
