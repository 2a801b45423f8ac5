"""Whom a provider vouches for, and who of them may come in: look-alikes of a domain, a group or an organisation."""

from collections.abc import Generator
from typing import Any

import pytest

from tests.attacks.company import Company, code_of, company
from tests.attacks.doors import names_of, page_status
from tests.oauth import App, new_app
from tests.servers import ValkeyServer
from tests.stand_ins.bendable import Reply, as_json

ALL: dict[str, Any] = {"groups": ["sre"]}
"""What lets Ada in, beside her address."""


@pytest.fixture(scope="module")
def picky(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Company]:
    """Lets in who has an address of corp.com, and is of a group, or of an organisation at GitHub."""
    lists = {
        "MCP_AUTH_ALLOWED_DOMAINS": "corp.com,kube.example",
        "MCP_AUTH_ALLOWED_CLAIMS": "groups=sre,org=acme,organizations=Acme,organizations=acme",
        "MCP_GITHUB_ORGANIZATIONS": "Acme",
    }
    folder = tmp_path_factory.mktemp("picky")
    with company(valkey, 38, folder, replicas=1, worker=False, **lists) as running:
        yield running


@pytest.fixture
def app(picky: Company) -> App:
    return new_app(picky.stack)


def is_kept_out(picky: Company, app: App, provider: str = "oidc") -> bool:
    """Whether the person reads that they may not come in, and nothing was granted."""
    before = names_of(picky.stack, "mcp:*:grant")
    arrived = picky.arrive(provider, app=app)
    return page_status(arrived) == 403 and names_of(picky.stack, "mcp:*:grant") == before


@pytest.mark.parametrize("email", ["ada@corp.com", "ADA@CORP.COM", "ada+mcp@Corp.Com", "ada@kube.example"])
def test_whoever_has_a_verified_address_of_a_listed_domain_comes_in(picky: Company, app: App, email: str):
    """Ours: host names know no upper case (RFC 4343)."""
    with picky.openid.bent(claims=ALL | {"email": email}):
        assert code_of(picky.arrive(app=app))


@pytest.mark.parametrize(
    "email",
    [
        "ada@evilcorp.com",
        "ada@sub.corp.com",
        "ada@corp.com.evil.example",
        "ada@corp.com@evil.example",
        "ada@evil.example@corp.com",
        '"ada@corp.com"@evil.example',
        "ada@corp.co",
        "ada@corp.com.",
        "ada@corp.com ",
        "ada@corp.com\n",
        "ada@corp.com\x00",
        "ada@corp.com,eve@evil.example",
        "ada@c\u043erp.com",
        "corp.com",
        "@corp.com",
        "@",
        "",
        ["ada@corp.com"],
        {"ada@corp.com": True},
        None,
    ],
    ids=ascii,
)
def test_an_address_that_only_looks_like_one_of_the_domain_is_kept_out(picky: Company, app: App, email: object):
    """A31: the whole part behind the one `@`, and nothing that ends or begins with it (as CVE-2022-30034)."""
    with picky.openid.bent(claims=ALL | {"email": email}):
        assert is_kept_out(picky, app)


@pytest.mark.parametrize("verified", [False, "false", None, "", 0, "no", "yes", [True], {}], ids=repr)
def test_an_address_that_is_not_verified_is_none(picky: Company, app: App, verified: object):
    """A31: OpenID Connect Core 5.1, 5.7."""
    with picky.openid.bent(claims=ALL | {"email_verified": verified}):
        assert is_kept_out(picky, app)


def test_some_providers_write_true_as_a_word(picky: Company, app: App):
    """Ours: Cognito does."""
    with picky.openid.bent(claims=ALL | {"email_verified": "true"}):
        assert code_of(picky.arrive(app=app))


@pytest.mark.parametrize(
    ("claims", "userinfo"),
    [
        # Somebody else's, of whom nothing counts (OpenID Connect Core 5.3.2).
        ({"email": None, "email_verified": None}, {"sub": "eve", "email": "eve@corp.com", "email_verified": True}),
        ({"email": None, "email_verified": None}, {"sub": None, "email": "eve@corp.com", "email_verified": True}),
        ({"email_verified": None}, {"sub": "eve", "email": "ada@corp.com", "email_verified": True}),
        ({"groups": None}, {"sub": "eve", "groups": ["sre"]}),
        # Verified is another address than the one that is named.
        ({"email_verified": None}, {"email": "ada@evil.example", "email_verified": True}),
        ({"email": None}, {"email": "eve@corp.com", "email_verified": False}),
        ({"email": None}, {"email": "eve@corp.com"}),
        ({"email": None, "email_verified": None}, {"email": "eve@corp.com"}),
        # The signed token has the last word.
        ({"email_verified": False}, {"email_verified": True}),
        ({"email": "ada@evil.example"}, {"email": "ada@corp.com", "email_verified": True}),
        ({"groups": ["dev"]}, {"groups": ["sre"]}),
    ],
    ids=str,
)
def test_userinfo_adds_nothing_that_is_anothers_or_that_the_token_denies(
    picky: Company, app: App, claims: dict[str, Any], userinfo: dict[str, Any]
):
    """A31: an address is verified only by what names it."""
    with picky.openid.bent(claims=ALL | claims, userinfo=userinfo):
        assert is_kept_out(picky, app)


@pytest.mark.parametrize(
    ("claims", "userinfo"),
    [
        ({"email": None, "email_verified": None}, {"email": "ada@corp.com", "email_verified": True}),
        ({"email_verified": None}, {"email": "ada@corp.com", "email_verified": True}),
        ({"groups": None}, {"groups": ["sre"]}),
    ],
    ids=str,
)
def test_userinfo_of_the_same_person_adds_what_the_token_leaves_out(
    picky: Company, app: App, claims: dict[str, Any], userinfo: dict[str, Any]
):
    """OpenID Connect Core 5.4: providers may keep e-mail and groups there."""
    with picky.openid.bent(claims=ALL | claims, userinfo=userinfo):
        assert code_of(picky.arrive(app=app))


@pytest.mark.parametrize(
    "reply", [Reply(503), Reply(200, b"<h1>x</h1>", "text/html"), as_json([]), Reply(200, b"[" * 400_000)]
)
def test_without_userinfo_the_token_alone_counts(picky: Company, app: App, reply: Reply):
    """Ours: it adds, and nobody is kept out or let in because it cannot be read."""
    with picky.openid.bent(claims=ALL, replies={"/userinfo": reply}):
        assert code_of(picky.arrive(app=app))
    with picky.openid.bent(claims=ALL | {"email": None}, replies={"/userinfo": reply}):
        assert is_kept_out(picky, app)


@pytest.mark.parametrize(
    "claims", [{"groups": "sre"}, {"groups": ["dev", "sre"]}, {"org": "acme"}, {"groups": [], "org": ["acme"]}], ids=str
)
def test_whoever_has_one_of_the_listed_claims_comes_in(picky: Company, app: App, claims: dict[str, Any]):
    """Ours: as a word or in a list."""
    with picky.openid.bent(claims=claims):
        assert code_of(picky.arrive(app=app))


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"groups": None},
        {"groups": []},
        {"groups": ["sre2", "xsre", " sre", "SRE"]},
        {"groups": "sre,dev"},
        {"groups": "sre dev"},
        {"groups": ["sre,dev"]},
        {"groups": [["sre"]]},
        {"groups": {"sre": True}},
        {"groups": {"groups": "sre"}},
        {"groups": [{"name": "sre"}]},
        {"groups": True},
        {"group": "sre", "Groups": "sre", "groups ": "sre"},
        {"org": "sre", "groups": "acme"},
        {"https://evil.example/groups": ["sre"]},
    ],
    ids=str,
)
def test_a_claim_that_only_looks_like_a_listed_one_is_none(picky: Company, app: App, claims: dict[str, Any]):
    """Ours: the name and the value, whole, and not deeper than in one list."""
    with picky.openid.bent(claims=claims):
        assert is_kept_out(picky, app)


@pytest.mark.parametrize("names", [["acme"], ["other", "Acme"], [*(f"o{number}" for number in range(60)), "acme"]])
def test_members_of_a_listed_organisation_come_in_by_github(picky: Company, app: App, names: list[str]):
    """Ours: GitHub's names know no upper case; somebody of many organisations is looked for on the whole first page."""
    with picky.github.bent(organizations=names):
        assert code_of(picky.arrive("github", app=app))


@pytest.mark.parametrize("names", [[], ["acme-evil"], ["evil-acme", "acm", "acme "], ["ac\u0301me"]], ids=ascii)
def test_others_are_kept_out_at_github(picky: Company, app: App, names: list[str]):
    """Ours: by a page that says so, with 403."""
    with picky.github.bent(organizations=names):
        assert is_kept_out(picky, app, "github")


@pytest.mark.parametrize(
    "emails",
    [
        [],
        [{"email": "ada@corp.com", "primary": True, "verified": False}],
        [{"email": "ada@corp.com", "primary": False, "verified": True}],
        [
            {"email": "eve@evil.example", "primary": True, "verified": True},
            {"email": "ada@corp.com", "primary": False, "verified": True},
        ],
        [
            {"email": "ada@corp.com", "primary": True, "verified": False},
            {"email": "eve@evil.example", "primary": False, "verified": True},
        ],
    ],
)
def test_only_githubs_verified_primary_address_counts(picky: Company, app: App, emails: list[dict[str, Any]]):
    """A31: anybody may add an address to their account."""
    with picky.github.bent(emails=emails):
        assert is_kept_out(picky, app, "github")
