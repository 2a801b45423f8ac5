"""`investigate_ecs_service` and `aws_ecs`, from their arguments to their results."""

import json
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tasks.schema import InvalidArguments
from tasks.settings import ToolSettings
from tasks.tool import Cancelled, Link, Text, ToolError
from tasks.tools.ecs.tool import aws_ecs, investigate_ecs_service
from tests.stand_ins.run import FakeRun
from tests.stand_ins.world.failures import FAILURES
from tests.stand_ins.world.lines import Written
from tests.stand_ins.world.names import LOG_GROUP
from tests.stand_ins.world.trouble import said
from tests.stand_ins.world.weather import EVERYTHING
from tests.stand_ins.world.world import World

NOW = datetime(2026, 11, 28, 3, 10, tzinfo=UTC)
ECS = "arn:aws:ecs:us-east-1:123456789012:"


def investigate(run: FakeRun, **more: object) -> dict[str, Any]:
    arguments: dict[str, Any] = {"cluster": "shop", "service": "web", "analyze": False}
    return run.call(investigate_ecs_service, **(arguments | more))


def rules(found: dict[str, Any]) -> set[str]:
    return {each["rule"] for each in found["findings"]}


def statuses(found: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["status"] for each in found["sections"]}


def test_a_healthy_service_is_called_healthy(world: World, run: FakeRun):
    """Ours: no finding, no hypothesis, no claim."""
    found = investigate(run)

    assert found["verdict"]["status"] == "healthy"
    assert found["findings"] == found["hypotheses"] == []
    assert found["analysis"]["source"] == "rules"


def test_a_broken_service_is_understood_and_all_of_it_kept(world: World, run: FakeRun):
    """Ours: verdict, cause, evidence, and a link to all there is; in the schema."""
    FAILURES["crash loop"](world)

    found = investigate(run)

    assert found["verdict"]["status"] == "broken"
    assert {"broke-after-deployment", "crashed", "crash-loop", "too-few-running"} <= rules(found)
    cited = {ref for each in found["findings"] for ref in each["evidence"]}
    assert cited <= {each["id"] for each in found["evidence"]}
    assert cited <= {each["id"] for each in run.documents["evidence"]["evidence"]}
    texts = [each.text for each in run.attached if isinstance(each, Text)]
    assert len(texts) == 1
    assert texts[0].startswith("BROKEN (critical) since ")
    assert [each.uri for each in run.attached if isinstance(each, Link)] == [found["evidenceUri"]]


def test_progress_is_in_words_and_grows(world: World, run: FakeRun):
    """MCP, progress: it must increase; ours: it says what is being done."""
    investigate(run)

    numbers = [done for done, *_ in run.steps]
    assert numbers == sorted(set(numbers))
    assert all(total and done < total for done, total, *_ in run.steps)
    words = [message for _, _, message, _ in run.steps]
    assert words[0] == "describing the cluster shop"
    assert "describing the tasks of web" in words
    assert words[-1] == "0 findings: 2 of 2 tasks run. Nothing wrong was found in this time."


def test_no_secret_reaches_model_or_client(world: World, run: FakeRun):
    """Ours: masked before anything leaves; the words around it stay."""
    FAILURES["crash loop"](world)
    log = world.logs.groups[LOG_GROUP]
    assert isinstance(log, Written)
    dead = next(task for task in world.account.tasks if task["lastStatus"] == "STOPPED")
    line = "ERROR heap is full, password=hunter2 key AKIAABCDEFGHIJKLMNOP"
    said(log, dead, world.account.ago(29), *[line] * 30)

    found = investigate(run, analyze=True)

    sent = (found, run.documents, run.steps, run.kept, run.text, run.attached, world.bedrock.requests)
    for text in (json.dumps(each, default=str) for each in sent):
        assert "hunter2" not in text
        assert "AKIAABCDEFGHIJKLMNOP" not in text
    assert world.bedrock.requests
    assert "heap is full" in json.dumps(found)


def test_what_is_denied_is_said_and_the_rest_is_judged(world: World, run: FakeRun):
    """Ours: a partial answer beats a failure."""
    FAILURES["out of memory"](world)
    world.weather.denied |= {"StartQuery", "DescribeAlarms"}

    found = investigate(run)

    assert statuses(found)["logs"] == statuses(found)["alarms"] == "denied"
    assert any("logs:StartQuery" in gap for gap in found["gaps"])
    assert "out-of-memory" in rules(found)


def test_when_everything_is_denied_nothing_is_claimed(world: World, run: FakeRun):
    """Ours: there is nothing to answer, and the sentence says which permission lacks."""
    world.weather.denied.add(EVERYTHING)

    with pytest.raises(ToolError, match="ecs:DescribeClusters"):
        investigate(run)


def test_a_model_that_is_denied_leaves_the_findings_as_the_analysis(world: World, run: FakeRun):
    """Ours: no model, no failure."""
    FAILURES["out of memory"](world)
    world.bedrock.mode = "denied"

    found = investigate(run, analyze=True)

    assert found["analysis"]["source"] == "rules"
    assert "OutOfMemoryError" in found["analysis"]["text"]


def test_a_cancelled_investigation_stops_its_queries_at_aws(world: World, run: FakeRun):
    """Ours: what is not waited for is not paid for."""
    world.weather.slow["GetQueryResults"] = 60

    def cancel() -> None:
        while not world.weather.of("GetQueryResults") and not run.stop.wait(0.02):
            pass
        run.cancel()

    canceller = threading.Thread(target=cancel)
    canceller.start()

    with pytest.raises(Cancelled):
        investigate(run)

    canceller.join(20)
    started = len([call for call in world.weather.of("StartQuery") if not call.error])
    assert started
    assert len(world.weather.of("StopQuery")) == started
    assert world.bedrock.requests == []


def test_a_second_attempt_asks_nothing_again(world: World, run: FakeRun):
    """Ours: what a worker had read before it died is kept, and judged alike."""
    FAILURES["out of memory"](world)
    first = investigate(run)
    second = FakeRun(settings=run.settings, attempt=2, kept=json.loads(json.dumps(run.kept)))
    world.weather.calls.clear()

    again = investigate(second)

    assert world.weather.calls == []
    assert again["verdict"] == first["verdict"]
    assert again["findings"] == first["findings"]
    assert again["evidence"] == first["evidence"]
    assert second.steps[0][0] > run.steps[-2][0]


def test_names_may_be_arns(world: World, run: FakeRun):
    """AWS: whatever the console lets one copy."""
    found = investigate(run, cluster=f"{ECS}cluster/shop", service=f"{ECS}service/shop/web")

    assert (found["cluster"], found["service"]) == ("shop", "web")


def test_a_task_alone_is_looked_into_with_its_service(world: World, run: FakeRun):
    """Ours: its service is found by it."""
    task = world.account.tasks[0]["taskArn"]

    found = investigate(run, service=None, task=task)

    assert (found["service"], found["task"]) == ("web", task)


WRONG: list[tuple[dict[str, object], str]] = [
    ({"service": None}, "give service, or task"),
    ({"cluster": f"{ECS}service/shop/web"}, "is not the ARN of an ECS cluster"),
    ({"cluster": "arn:aws:sqs:us-east-1:123456789012:cluster/shop"}, "is not the ARN of an ECS cluster"),
    ({"cluster": f"{ECS}cluster/"}, "is not the ARN of an ECS cluster"),
    ({"service": f"{ECS}task/shop/abc"}, "is not the ARN of an ECS service"),
    ({"service": f"{ECS}service/other/web"}, "'web' is in the cluster 'other', and not in 'shop'"),
    ({"task": f"{ECS}service/shop/web"}, "is not the ARN of an ECS task"),
    ({"task": f"{ECS}task/other/abc"}, "'abc' is in the cluster 'other'"),
    ({"start": "yesterday"}, "start 'yesterday' is not a time in ISO 8601, such as 2026-"),
    ({"end": "2026-11-28"}, "end '2026-11-28' has no time zone: add Z"),
    ({"start": "2999-01-01T00:00:00Z"}, "start .* is in the future"),
    ({"start": "2026-01-01T00:00:00Z", "end": "2026-01-03T00:00:00Z"}, "more than 24 hours apart"),
    ({"end": "0001-01-01T00:00:00+14:00"}, "end .* is out of range"),
]


@pytest.mark.parametrize(("arguments", "words"), WRONG)
def test_a_wrong_argument_is_refused_by_a_sentence_about_it(run: FakeRun, arguments: dict[str, object], words: str):
    """Ours: before AWS is asked anything; the sentence says what would be right."""
    with pytest.raises(ToolError, match=words):
        investigate(run, **arguments)
    assert run.clients is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "cluster is required"),
        ({"cluster": ""}, "cluster"),
        ({"cluster": "shop' | stats"}, "cluster"),
        ({"cluster": "shop", "service": "web\n"}, "service"),
        ({"cluster": "shop", "task": 7}, "task"),
        ({"cluster": "shop", "windowMinutes": 4}, "windowMinutes"),
        ({"cluster": "shop", "windowMinutes": 1441}, "windowMinutes"),
        ({"cluster": "shop", "windowMinutes": "60"}, "windowMinutes"),
        ({"cluster": "shop", "depth": "deepest"}, "depth"),
        ({"cluster": "shop", "compareTo": "week"}, "compareTo"),
        ({"cluster": "shop", "maxScanGb": 0}, "maxScanGb"),
        ({"cluster": "shop", "containers": ["a"] * 11}, "containers"),
        ({"cluster": "shop", "containers": ["a b"]}, "containers"),
        ({"cluster": "shop", "symptoms": "x" * 501}, "symptoms"),
        ({"cluster": "shop", "analyze": "yes"}, "analyze"),
        ({"cluster": "shop", "ecsCluster": "shop"}, "ecsCluster is unknown"),
    ],
)
def test_bad_input_is_refused_by_name(arguments: dict[str, object], words: str):
    """MCP, tools: input is validated."""
    with pytest.raises(InvalidArguments, match=words):
        investigate_ecs_service.arguments.parse(json.dumps(arguments).encode())


@pytest.mark.parametrize(("minutes", "told"), [(0, 0), (5, 0), (11, 1)])
def test_of_a_time_that_is_over_it_is_said_that_states_are_todays(world: World, run: FakeRun, minutes: int, told: int):
    """Ours: ECS and the load balancer tell how things are, not how they were."""
    end = datetime.now(UTC) - timedelta(minutes=minutes)

    found = investigate(run, end=end.isoformat())

    assert sum("as they are now" in gap for gap in found["gaps"]) == told


def test_accounts_that_are_not_allowed_are_not_looked_into(world: World, run: FakeRun):
    """Ours: MCP_AWS_ACCOUNTS, by the ARN and before AWS is asked."""
    run.settings = ToolSettings(aws_accounts=("999999999999",))

    with pytest.raises(Exception, match="MCP_AWS_ACCOUNTS"):
        investigate(run, cluster=f"{ECS}cluster/shop")
    assert world.weather.calls == []


def older(run: FakeRun, **more: object) -> dict[str, Any]:
    arguments: dict[str, Any] = {"ecsCluster": "shop", "ecsService": "web", "analyze": False}
    return run.call(aws_ecs, **(arguments | more))


def test_the_older_name_answers_in_its_older_shape(world: World, run: FakeRun):
    """Ours: what was there for years, and the investigation beside it."""
    FAILURES["out of memory"](world)

    found = older(run)

    assert found["service"]["serviceName"] == "web"
    assert found["task"]["lastStatus"] == "STOPPED"
    assert found["cloudwatchLogs"] == []
    assert found["analysis"] == found["investigation"]["analysis"]["text"]
    assert "out-of-memory" in rules(found["investigation"])


def test_the_older_name_looks_into_one_task(world: World, run: FakeRun):
    """Ours: by its ARN."""
    task = world.account.tasks[1]["taskArn"]

    found = older(run, ecsService=None, ecsTaskArn=task)

    assert found["task"]["taskArn"] == task
    assert found["investigation"]["service"] == "web"


def test_the_older_name_judges_the_service_of_a_task_that_vanished(world: World, run: FakeRun):
    """AWS: ECS forgets stopped tasks within the hour."""
    found = older(run, ecsTaskArn="0" * 32)

    assert found["task"] is None
    assert statuses(found["investigation"])["tasks"] == "empty"
    assert found["service"]["desiredCount"] == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"ecsService": None}, "give ecsTaskArn, or ecsService"),
        ({"ecsTaskArn": f"{ECS}cluster/shop"}, "is not the ARN of an ECS task"),
        ({"ecsCluster": f"{ECS}task/shop/a"}, "is not the ARN of an ECS cluster"),
    ],
)
def test_the_older_name_refuses_alike(run: FakeRun, arguments: dict[str, object], words: str):
    """Ours."""
    with pytest.raises(ToolError, match=words):
        older(run, **arguments)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "ecsCluster is required"),
        ({"ecsCluster": "shop' | stats"}, "ecsCluster"),
        ({"ecsCluster": "shop", "ecsTaskArn": 7}, "ecsTaskArn"),
        ({"ecsCluster": "shop", "windowMinutes": 0}, "windowMinutes"),
        ({"ecsCluster": "shop", "cluster": "shop"}, "cluster is unknown"),
    ],
)
def test_bad_input_of_the_older_name_is_refused_by_name(arguments: dict[str, object], words: str):
    """MCP, tools: input is validated."""
    with pytest.raises(InvalidArguments, match=words):
        aws_ecs.arguments.parse(json.dumps(arguments).encode())
