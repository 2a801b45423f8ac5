"""Who works in which role, and what the session says of them."""

import re

import pytest

from storage.errors import SettingsError
from storage.records import Principal
from storage.settings import read
from tasks.aws.roles import LONGEST_TAG, Role, entries, role_of, session_name, session_tags
from tasks.settings import ToolSettings

READER = "arn:aws:iam::123456789012:role/reader"
OTHER = "arn:aws-us-gov:iam::210987654321:role/path/of/other"
ISSUER = "https://id.example.com/"


def principal(subject: str = "auth0|1", issuer: str = ISSUER, client: str = "client-1") -> Principal:
    return Principal(client_id=client, issuer=issuer, subject=subject)


@pytest.mark.parametrize(
    ("who", "fits"),
    [
        ("*", True),
        (f"{ISSUER}|auth0|1", True),
        (f"{ISSUER}|auth0|2", False),
        (f"{ISSUER}|auth0", False),
        ("https://id.example.com|auth0|1", False),
        ("https://other.example.com/|auth0|1", False),
        ("client:client-1", True),
        ("client:client-10", False),
        ("client:client-", False),
    ],
)
def test_an_entry_is_for_whom_it_names_and_nobody_else(who: str, *, fits: bool):
    """OpenID Connect Core 2: a subject is somebody only together with the issuer."""
    assert Role.parse(f"{who}={READER}").is_for(principal()) is fits


def test_a_subject_cannot_pose_as_a_client_or_another_issuer():
    """Ours: what an identity provider gives people for names is compared whole."""
    as_client = Role.parse(f"client:client-1={READER}")
    as_person = Role.parse(f"{ISSUER}|eve={READER}")

    assert not as_client.is_for(principal(subject="client:client-1", client="x"))
    assert not as_person.is_for(principal(subject="x|eve", issuer=f"{ISSUER}|"))
    assert not as_person.is_for(principal(subject="", issuer=f"{ISSUER}|eve"))


def test_the_first_entry_that_fits_counts():
    """Ours: exceptions stand before the rule."""
    given = (f"{ISSUER}|auth0|1={OTHER}", f"*={READER}")

    assert role_of(given, principal()) == Role(f"{ISSUER}|auth0|1", OTHER)
    assert role_of(given, principal("somebody else")) == Role("*", READER)
    assert role_of(given[:1], principal("somebody else")) is None
    assert role_of(given, None) is None


def test_entries_are_parted_by_commas_and_lines():
    """Ours: a client's id may be an address with an equals sign in it."""
    text = f"\n{ISSUER}|a b={READER} , client:https://c.example/?v=1 = {OTHER}\n*={READER}\n"

    found = [Role.parse(entry) for entry in entries(text)]  # pyright: ignore[reportGeneralTypeIssues, reportUnknownVariableType, reportUnknownArgumentType]

    assert found == [
        Role(f"{ISSUER}|a b", READER),
        Role("client:https://c.example/?v=1", OTHER),
        Role("*", READER),
    ]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (READER, "is not of the form"),
        ("*", "is not of the form"),
        ("*=reader", "is not of the form"),
        ("*=arn:aws:iam::12345:role/reader", "is not the ARN of a role"),
        ("*=arn:aws:iam::123456789012:user/reader", "is not the ARN of a role"),
        (f"*={READER} x", "is not the ARN of a role"),
        (f"alice={READER}", "'alice' is none of"),
        (f"@example.com={READER}", "none of"),
        (f"client:={READER}", "none of"),
        (f"|alice={READER}", "none of"),
        (f"{ISSUER}|={READER}", "none of"),
    ],
)
def test_an_entry_that_means_nothing_is_refused(entry: str, words: str):
    """Ours: a mapping that was mistyped gives nobody somebody's role."""
    with pytest.raises(ValueError, match=words):
        Role.parse(entry)


SUBJECTS = ["alice@example.com", "auth0|1", "x", "", "日本", "a" * 200, "a b\n<c>", "'; drop", "\ud800"]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_names_and_tags_are_what_sts_takes(subject: str):
    """AWS, AssumeRole: a name is 2 to 64 of [A-Za-z0-9_+=,.@-]; a tag has letters, digits, space and _.:/=+-@."""
    tags = {tag["Key"]: tag["Value"] for tag in session_tags(principal(subject))}

    assert re.fullmatch(r"[\w+=,.@-]{2,64}", session_name(principal(subject)), re.ASCII)
    assert list(tags) == ["Subject", "Issuer", "Client"]
    assert all(len(value) <= LONGEST_TAG and re.fullmatch(r"[\w .:/=+@-]*", value) for value in tags.values())


def test_what_needs_no_change_is_not_changed():
    """Ours: CloudTrail is read by people."""
    assert session_name(principal("alice@example.com")) == "alice@example.com"
    assert session_tags(principal("alice@example.com")) == [
        {"Key": "Subject", "Value": "alice@example.com"},
        {"Key": "Issuer", "Value": ISSUER},
        {"Key": "Client", "Value": "client-1"},
    ]


def test_two_people_stay_two_when_their_names_are_changed():
    """Ours: a policy may go by the tag, so nobody gets another's by a name that looks alike when it is cleaned."""
    subjects = ["a|b", "a_b", "a<b", "a" * 200, "a" * 201]

    assert len({session_name(principal(each)) for each in subjects}) == len(subjects)
    assert len({session_tags(principal(each))[0]["Value"] for each in subjects}) == len(subjects)


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"MCP_AWS_ROLES": f"alice={READER}"}, "MCP_AWS_ROLES is .*: 'alice' is none of"),
        ({"MCP_AWS_ROLES": "*=arn:aws:iam::1:role/x"}, "MCP_AWS_ROLES is .*is not the ARN of a role"),
        ({"MCP_AWS_REGIONS": "us-east-1,mars"}, "MCP_AWS_REGIONS is .*'mars' is not the name of a region"),
        ({"MCP_AWS_ACCOUNTS": "12345"}, "MCP_AWS_ACCOUNTS is .*twelve digits"),
        (
            {"MCP_AWS_ROLES": f"*={READER}", "MCP_AWS_ACCOUNTS": "999999999999"},
            "the account of .*reader in MCP_AWS_ROLES is not in MCP_AWS_ACCOUNTS",
        ),
    ],
)
def test_a_wrong_setting_ends_the_start_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], sentence: str
):
    """Ours: for every process that reads it."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError, match=sentence):
        read(ToolSettings)


def test_settings_are_lists(monkeypatch: pytest.MonkeyPatch):
    """Ours: as they stand in a file."""
    monkeypatch.setenv("MCP_AWS_ROLES", f"{ISSUER}|a={READER},\n*={OTHER}")
    monkeypatch.setenv("MCP_AWS_REGIONS", "us-east-1, us-gov-west-1")
    monkeypatch.setenv("MCP_AWS_ACCOUNTS", "123456789012 210987654321")

    settings = read(ToolSettings)

    assert settings.aws_roles == (f"{ISSUER}|a={READER}", f"*={OTHER}")
    assert settings.aws_regions == ("us-east-1", "us-gov-west-1")
    assert settings.aws_accounts == ("123456789012", "210987654321")
