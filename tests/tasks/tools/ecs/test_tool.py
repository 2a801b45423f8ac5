"""`aws_ecs`, from its arguments to its result."""

import json
import threading
from typing import Any

import pytest

from tasks.schema import InvalidArguments
from tasks.settings import ToolSettings
from tasks.tool import Cancelled, Text, ToolError
from tasks.tools.ecs.tool import aws_ecs
from tests.stand_ins.aws import LOG_GROUP, Aws, BrokenService
from tests.stand_ins.run import FakeRun

SECTIONS = ["cluster", "task", "service", "taskDefinition", "applicationLogs", "containerInsights"]


def statuses(found: dict[str, Any]) -> dict[str, str]:
    return {section["name"]: section["status"] for section in found["sections"]}


def investigate(run: FakeRun, broken: BrokenService, **more: object) -> dict[str, Any]:
    return run.call(aws_ecs, ecsCluster="shop", ecsTaskArn=broken.task_arn, **more)


def test_a_broken_task_is_understood(cloud: Aws, broken: BrokenService, run: FakeRun):
    """Ours: state, logs of this task in this window, percentages, findings, analysis, link; all in the schema."""
    found = investigate(run, broken)

    assert statuses(found) == dict.fromkeys(SECTIONS, "ok")
    assert found["task"]["taskArn"] == broken.task_arn
    assert found["service"]["serviceName"] == "web"
    assert [line["message"].split()[0] for line in found["applicationLogs"][0]["lines"]] == ["listening", "ERROR"]
    assert [sample["cpuPercent"] for sample in found["cloudwatchLogs"]] == [25.0] * 3
    assert found["cloudwatchLogs"][-1]["memoryPercent"] == 96.1
    rules = {finding["rule"] for finding in found["findings"]}
    assert rules == {"out-of-memory", "not-placed", "stopped", "too-few-running", "high-memory", "errors-logged"}
    assert found["analysis"] == "".join(cloud.bedrock.pieces)
    assert found["analyst"]["source"] == "bedrock"
    assert found["consoleLink"].endswith(f"/clusters/shop/tasks/{broken.task_id}?region=us-east-1")
    assert run.attached == [Text(found["analysis"])]


def test_progress_is_in_words_and_grows(broken: BrokenService, run: FakeRun):
    """MCP, progress: it must increase; ours: it says what is being done."""
    run.call(aws_ecs, ecsCluster="shop", ecsService="web", analyze=False)

    numbers = [done for done, _, _, _ in run.steps]
    assert numbers == sorted(set(numbers))
    assert all(total and done < total for done, total, _, _ in run.steps)
    assert [message for _, _, message, _ in run.steps][:4] == [
        "describing the cluster shop",
        "listing the tasks of web",
        "describing 1 tasks",
        "describing the service web",
    ]


def test_no_secret_reaches_model_or_client(cloud: Aws, broken: BrokenService, run: FakeRun):
    """Ours: masked before anything leaves."""
    found = investigate(run, broken)

    for text in (json.dumps(found), json.dumps(cloud.bedrock.requests)):
        assert "hunter2" not in text
        assert "AKIAABCDEFGHIJKLMNOP" not in text
        assert "heap is full" in text


def test_what_is_denied_is_said_and_the_rest_is_judged(cloud: Aws, broken: BrokenService, run: FakeRun):
    """Ours: a partial answer beats a failure."""
    cloud.insights.denied = True

    found = investigate(run, broken)

    assert statuses(found)["applicationLogs"] == statuses(found)["containerInsights"] == "denied"
    assert any("logs:StartQuery" in section["message"] for section in found["sections"])
    assert "out-of-memory" in {finding["rule"] for finding in found["findings"]}
    assert found["analyst"]["source"] == "bedrock"


def test_without_container_insights_the_section_is_empty(cloud: Aws, broken: BrokenService, run: FakeRun):
    """Ours: that a feature is off is no error."""
    del cloud.insights.groups["/aws/ecs/containerinsights/shop/performance"]
    cloud.insights.groups[LOG_GROUP] = []

    found = investigate(run, broken)

    assert statuses(found)["containerInsights"] == statuses(found)["applicationLogs"] == "empty"
    assert found["cloudwatchLogs"] == found["applicationLogs"] == []


def test_a_query_that_fails_is_an_error_of_its_section(cloud: Aws, broken: BrokenService, run: FakeRun):
    """Ours: failed is not empty."""
    cloud.insights.status = "Failed"

    found = investigate(run, broken, analyze=False)

    assert statuses(found)["applicationLogs"] == "error"
    assert found["analyst"] == {"source": "rules", "note": "no model was asked for (analyze is false)"}
    assert cloud.bedrock.requests == []


def test_a_model_that_is_denied_leaves_the_findings_as_the_analysis(cloud: Aws, broken: BrokenService, run: FakeRun):
    """Ours: no model, no failure."""
    cloud.bedrock.mode = "denied"

    found = investigate(run, broken)

    assert found["analyst"]["source"] == "rules"
    assert found["analysis"].startswith("CRITICAL: A container was killed for using more memory than it may.")
    assert "".join(run.text) == found["analysis"]


def test_the_model_is_the_one_that_is_configured(cloud: Aws, broken: BrokenService, run: FakeRun):
    """Ours: MCP_BEDROCK_MODEL."""
    run.settings = ToolSettings(bedrock_model="eu.some.model-v1:0")

    found = investigate(run, broken)

    assert cloud.bedrock.models == ["eu.some.model-v1:0"]
    assert found["analyst"]["model"] == "eu.some.model-v1:0"


def test_a_task_that_vanished_leaves_the_service_to_be_judged(broken: BrokenService, run: FakeRun):
    """AWS: ECS forgets stopped tasks within the hour."""
    found = run.call(aws_ecs, ecsCluster="shop", ecsTaskArn="0" * 32, ecsService="web", analyze=False)

    assert statuses(found)["task"] == "empty"
    assert found["task"] is None
    assert found["service"]["desiredCount"] == 2
    assert "too-few-running" in {finding["rule"] for finding in found["findings"]}
    assert "/clusters/shop/services" in found["consoleLink"]


def test_an_unknown_cluster_is_refused_with_the_names_there_are(broken: BrokenService, run: FakeRun):
    """The predecessor took the first cluster whose name contained the word."""
    with pytest.raises(ToolError, match=r"no ECS cluster 'sho'.*The clusters are: shop"):
        run.call(aws_ecs, ecsCluster="sho", ecsService="web")


def test_a_cancelled_investigation_stops_its_query(cloud: Aws, broken: BrokenService, run: FakeRun):
    """Ours: at AWS too."""
    cloud.insights.polls = -1
    canceller = threading.Thread(target=lambda: cloud.insights.polled.wait(20) and run.cancel())
    canceller.start()

    with pytest.raises(Cancelled):
        investigate(run, broken)

    canceller.join()
    assert cloud.insights.stopped == list(cloud.insights.queries)
    assert cloud.bedrock.requests == []


def test_neither_task_nor_service_is_a_question(run: FakeRun):
    """Ours: the sentence names both arguments."""
    with pytest.raises(ToolError, match="ecsTaskArn, or ecsService"):
        run.call(aws_ecs, ecsCluster="shop")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "ecsCluster is required"),
        ({"ecsCluster": ""}, "ecsCluster"),
        ({"ecsCluster": "shop' | stats"}, "ecsCluster"),
        ({"ecsCluster": "shop", "ecsTaskArn": 7}, "ecsTaskArn"),
        ({"ecsCluster": "shop", "windowMinutes": 0}, "windowMinutes"),
        ({"ecsCluster": "shop", "windowMinutes": 1441}, "windowMinutes"),
        ({"ecsCluster": "shop", "windowMinutes": "30"}, "windowMinutes"),
        ({"ecsCluster": "shop", "analyze": "yes"}, "analyze"),
        ({"ecsCluster": "shop", "cluster": "shop"}, "cluster is unknown"),
    ],
)
def test_bad_input_is_refused_by_name(arguments: dict[str, object], words: str):
    """MCP, tools: input is validated."""
    with pytest.raises(InvalidArguments, match=words):
        aws_ecs.arguments.parse(json.dumps(arguments).encode())


def test_a_second_attempt_collects_nothing_again(broken: BrokenService, run: FakeRun, monkeypatch: pytest.MonkeyPatch):
    """Ours: what a worker had read before it died is kept; the next goes on with the analysis."""
    first = investigate(run, broken, analyze=False)
    second = FakeRun(settings=run.settings, attempt=2, kept=json.loads(json.dumps(run.kept)))

    def asked(service: str) -> None:
        pytest.fail(f"{service} was asked again")

    monkeypatch.setattr(second, "aws", asked, raising=False)

    again = investigate(second, broken, analyze=False)

    assert again == first
    assert [message for _, _, message, _ in second.steps] == [
        f"{len(first['findings'])} findings; writing the analysis"
    ]
