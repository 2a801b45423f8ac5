"""What `doctor` says of AWS."""

import pytest

from storage.checks import Check
from tasks.aws.checks import check_aws
from tasks.settings import ToolSettings
from tests.stand_ins.aws import ACCOUNT, Aws
from tests.stand_ins.sts import ROLE


@pytest.fixture(autouse=True)
def environment(servers: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in servers.environment().items():
        monkeypatch.setenv(name, value)


def checks(settings: ToolSettings) -> dict[str, Check]:
    return {check.name: check for check in check_aws(settings)}


def test_nothing_is_said_of_what_is_not_set():
    """Ours: roles, regions and accounts are there for those who want them."""
    assert list(checks(ToolSettings(bedrock_model="off"))) == ["AWS region", "AWS credentials", "Bedrock"]


def test_roles_regions_and_accounts_are_named():
    """Ours: and models are not asked as somebody who needs no permission for them."""
    settings = ToolSettings(aws_roles=(f"*={ROLE}",), aws_regions=("us-east-1",), aws_accounts=(ACCOUNT,))

    found = checks(settings)

    assert ROLE in found["AWS roles"].found
    assert "aws whoami --as" in found["AWS roles"].remedy
    assert found["AWS regions"].verdict == found["AWS credentials"].verdict == "ok"
    assert ACCOUNT in found["AWS accounts"].found
    assert "not tried here" in found["Bedrock"].found


def test_a_region_outside_its_own_list_fails():
    """Ours: no tool could do anything."""
    found = checks(ToolSettings(bedrock_model="off", aws_regions=("eu-west-1",)))

    assert found["AWS regions"].verdict == "fail"
    assert "us-east-1" in found["AWS regions"].remedy


def test_an_account_outside_its_own_list_is_a_warning():
    """Ours: what tools find there by name they could not be asked for by ARN."""
    found = checks(ToolSettings(bedrock_model="off", aws_accounts=("999999999999",)))

    assert found["AWS credentials"].verdict == "warn"
    assert ACCOUNT in found["AWS credentials"].remedy
