"""Whose credentials a run works with."""

import logging
from collections.abc import Generator
from datetime import timedelta
from traceback import TracebackException

import pytest

from storage.records import Principal
from tasks.aws.clients import AwsClients
from tasks.aws.errors import explain
from tasks.errors import Cancelled, ToolError
from tasks.settings import ToolSettings
from tests.stand_ins.aws import ACCOUNT, Aws
from tests.stand_ins.calls import Calls, recorded
from tests.stand_ins.silence import silence
from tests.stand_ins.sts import ROLE, Sts, sts
from tests.tasks.aws.test_clients import in_thread

ALICE = Principal(client_id="c-1", issuer="https://id.example.com", subject="alice@example.com")
EVERYBODY = ToolSettings(aws_roles=(f"*={ROLE}",))


@pytest.fixture(autouse=True)
def environment(servers: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in servers.environment().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Generator[Calls]:
    with recorded(monkeypatch) as made:
        yield made


@pytest.fixture
def roles(monkeypatch: pytest.MonkeyPatch) -> Generator[Sts]:
    with sts() as made:
        for name, value in made.environment().items():
            monkeypatch.setenv(name, value)
        yield made


def test_without_roles_the_workers_own_credentials_are_used(calls: Calls):
    """Ours: as boto3's chain finds them."""
    AwsClients(ToolSettings(), ALICE).client("ecs").list_clusters()

    assert calls.operations == ["ListClusters"]
    assert calls.keys("ListClusters") == ["testing"]


def test_with_roles_work_is_done_in_the_role_of_the_principal():
    """AWS, GetCallerIdentity: the session is the role's, and is called as the person is."""
    found = AwsClients(EVERYBODY, ALICE).client("sts").get_caller_identity()

    assert found["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/reader/alice@example.com"


def test_cloudtrail_is_told_who_asked(roles: Sts):
    """AWS, session tags: subject, issuer and client."""
    AwsClients(EVERYBODY, ALICE).client("ecs").list_clusters()

    assert roles.asked[0]["RoleArn"] == ROLE
    assert roles.asked[0]["RoleSessionName"] == "alice@example.com"
    assert roles.tags() == {"Subject": ALICE.subject, "Issuer": ALICE.issuer, "Client": ALICE.client_id}


def test_a_run_asks_for_its_role_once(roles: Sts, calls: Calls):
    """Ours: one set of credentials for all clients of a run."""
    clients = AwsClients(EVERYBODY, ALICE)
    clients.client("ecs").list_clusters()
    clients.client("ecs").list_clusters()
    clients.client("s3").list_buckets()

    assert len(roles.asked) == 1
    assert calls.keys("ListClusters") + calls.keys("ListBuckets") == ["ASIAROLE000000000001"] * 3


def test_credentials_are_renewed_before_they_expire(roles: Sts, calls: Calls):
    """botocore: what is good for less than ten minutes is renewed at the next call."""
    roles.life = timedelta(minutes=5)
    client = AwsClients(EVERYBODY, ALICE).client("ecs")

    client.list_clusters()
    client.list_clusters()

    assert calls.keys("ListClusters")[-1] != calls.keys("ListClusters")[0]
    assert len(roles.asked) > 1


@pytest.mark.parametrize(("principal", "words"), [(ALICE, r"id\.example\.com\|alice@example\.com"), (None, "nobody")])
def test_who_has_no_role_is_refused_and_never_gets_the_workers(
    roles: Sts, calls: Calls, principal: Principal | None, words: str
):
    """Ours: the sentence names the setting, and what an operator would write there."""
    settings = ToolSettings(aws_roles=(f"https://id.example.com|bob={ROLE}",))

    with pytest.raises(ToolError, match=f"MCP_AWS_ROLES.*{words}"):
        AwsClients(settings, principal).client("ecs")

    assert calls.operations == roles.asked == []


def test_a_region_that_is_not_allowed_is_refused_before_any_call(roles: Sts, calls: Calls):
    """Ours: nor is a role asked for in it."""
    settings = ToolSettings(aws_roles=EVERYBODY.aws_roles, aws_regions=("eu-west-1",))

    with pytest.raises(ToolError, match="'us-east-1' is not allowed here: MCP_AWS_REGIONS lists eu-west-1"):
        AwsClients(settings, ALICE).client("ecs")

    assert calls.operations == roles.asked == []


def test_credentials_that_expired_already_are_not_used(roles: Sts, calls: Calls):
    """Ours: a sentence, where botocore would fail with its own words."""
    roles.life = timedelta(minutes=-1)

    with pytest.raises(Exception, match="the worker's clock") as failed:
        AwsClients(EVERYBODY, ALICE).client("ecs").list_clusters()

    assert "the worker's clock" in explain(failed.value)
    assert calls.operations == ["ListClusters", "AssumeRole"]
    assert calls.keys("ListClusters") == []


def test_no_credentials_are_logged(roles: Sts, caplog: pytest.LogCaptureFixture):
    """Ours: at the level the worker gives these libraries, whether it goes well or not."""
    caplog.set_level(logging.INFO)
    AwsClients(EVERYBODY, ALICE).client("ecs").list_clusters()
    roles.life = timedelta(minutes=-1)
    with pytest.raises(Exception, match="clock"):
        AwsClients(EVERYBODY, ALICE).client("ecs").list_clusters()

    assert roles.asked
    # As a console prints it, with what was local.
    errors = [each.exc_info[1] for each in caplog.records if each.exc_info]
    traces = [TracebackException.from_exception(error, capture_locals=True) for error in errors if error]
    text = caplog.text + "".join(line for trace in traces for line in trace.format())
    assert traces
    assert not [word for word in ("ASIAROLE", "secret-of-a-role", "session-of-a-role") if word in text]


def test_a_run_that_waits_for_its_role_ends_when_it_is_cancelled(monkeypatch: pytest.MonkeyPatch):
    """Ours: STS is waited for like any other service."""
    with silence(None) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", silent.url)
        clients = AwsClients(EVERYBODY, ALICE)
        answer = in_thread(clients.client("ecs").list_clusters)
        assert silent.asked.wait(10)

        clients.close()

        assert isinstance(answer.exception(5), Cancelled)
