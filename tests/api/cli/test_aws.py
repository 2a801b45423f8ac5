"""`mcp-playground aws`, as an operator uses it."""

import json
from collections.abc import Generator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from api.cli.main import main
from tests.stand_ins.aws import ACCOUNT, Aws, aws
from tests.stand_ins.sts import ROLE, sts


@pytest.fixture(scope="module")
def servers() -> Generator[Aws]:
    with aws() as made:
        yield made


@pytest.fixture(autouse=True)
def environment(servers: Aws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in servers.environment().items():
        monkeypatch.setenv(name, value)


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["aws", *words])


def test_the_policy_is_json_for_all_tools_or_one():
    """Ours: it can be given to `aws iam put-role-policy` as it is printed."""
    whole, narrow = json.loads(run("policy").stdout), json.loads(run("policy", "--tool", "aws_s3").stdout)

    assert {"s3:ListBucket", "ecs:DescribeTasks"} <= {a for each in whole["Statement"] for a in each["Action"]}
    assert {a for each in narrow["Statement"] for a in each["Action"]} == {
        "s3:GetObject",
        "s3:ListAllMyBuckets",
        "s3:ListBucket",
    }


def test_a_tool_that_needs_nothing_is_no_choice():
    """Ours: the choices are named."""
    result = run("policy", "--tool", "echo")

    assert result.exit_code == 2
    assert "'aws_s3', 'investigate_ecs_service', 'search_logs', 'tail_logs', 'aws_ecs'" in result.stderr


def test_the_trust_policy_trusts_whoever_the_worker_is(monkeypatch: pytest.MonkeyPatch):
    """Ours: STS says who, unless the operator does."""
    monkeypatch.setenv("MCP_AWS_ROLES", f"*={ROLE}")
    worker = "arn:aws:iam::123456789012:role/worker"

    asked, told = run("policy", "--trust"), run("policy", "--trust", "--worker-arn", worker)

    assert json.loads(asked.stdout)["Statement"][0]["Principal"]["AWS"].startswith(f"arn:aws:sts::{ACCOUNT}:user/")
    assert json.loads(told.stdout)["Statement"][0]["Principal"] == {"AWS": worker}
    assert json.loads(told.stdout)["Statement"][0]["Action"] == ["sts:AssumeRole", "sts:TagSession"]
    assert ROLE in told.stderr
    assert json.loads(run("policy", "--worker").stdout)["Statement"][0]["Resource"] == [ROLE]


def test_without_credentials_the_trust_policy_has_a_gap_to_fill(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Ours: it is printed all the same, and standard error says what to do."""
    monkeypatch.setenv("MCP_AWS_ROLES", f"*={ROLE}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))

    result = run("policy", "--trust")

    assert json.loads(result.stdout)["Statement"][0]["Principal"] == {"AWS": "arn:aws:iam::ACCOUNT:role/WORKER"}
    assert "put the ARN of the worker's role" in result.stderr


def test_without_roles_there_is_nobody_to_trust():
    """Ours: the sentence names the setting."""
    result = run("policy", "--trust")

    assert result.exit_code == 2
    assert "MCP_AWS_ROLES is not set" in result.stderr


def test_whoami_says_who_where_and_by_what():
    """AWS, GetCallerIdentity."""
    result = run("whoami")

    found = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
    assert (found["account"], found["region"], found["credentials"]) == (ACCOUNT, "us-east-1", "env")
    assert found["arn"].startswith("arn:aws:sts::")


def test_whoami_as_a_role_assumes_it():
    """Ours: as a run would."""
    result = run("whoami", "--as", ROLE)

    assert f"arn:aws:sts::{ACCOUNT}:assumed-role/reader/" in result.stdout
    assert "assume-role" in result.stdout


def test_whoami_as_a_role_that_may_not_be_tagged_says_so(monkeypatch: pytest.MonkeyPatch):
    """Ours: one sentence, status 2, no traceback."""
    with sts() as roles:
        roles.denies = "sts:TagSession"
        for name, value in roles.environment().items():
            monkeypatch.setenv(name, value)
        result = run("whoami", "--as", ROLE)

    assert result.exit_code == 2
    assert "the role's trust policy must allow sts:TagSession" in result.stderr
    assert "Traceback" not in result.output


def test_whoami_takes_the_arn_of_a_role_and_no_other():
    """Ours."""
    result = run("whoami", "--as", f"arn:aws:iam::{ACCOUNT}:user/x")

    assert result.exit_code == 2
    assert "is not the ARN of a role" in result.stderr
