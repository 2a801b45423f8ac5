"""Refusals are counted by reasons that can be listed."""

import pytest
from mcp.types import ErrorData

from api import errors, refusals
from tests.scraped import counted


def refused(reason: str) -> float:
    return counted("mcp_refusals_total", reason=reason)


OURS = [value for name, value in vars(errors).items() if name.isupper() and isinstance(value, int)]


@pytest.mark.parametrize("code", OURS)
def test_every_code_of_ours_has_a_reason(code: int):
    """Ours: but for what a client brought about itself: a request it cancelled, a question it did not answer."""
    known = {*refusals.REASONS, errors.REQUEST_CANCELLED, errors.NO_ANSWER}

    assert code in known


def test_an_error_counts_under_its_reason():
    """Ours: a tool's own code is none of ours."""
    before = {reason: refused(reason) for reason in ("busy", "other")}

    refusals.count(ErrorData(code=errors.TOO_BUSY, message="Not now"))
    refusals.count(ErrorData(code=4711, message="A tool's own"))

    assert {reason: refused(reason) - count for reason, count in before.items()} == {"busy": 1, "other": 1}


def test_what_a_client_cancelled_was_not_refused():
    """Ours."""
    before = counted("mcp_refusals_total", reason="other")

    refusals.count(ErrorData(code=errors.REQUEST_CANCELLED, message="Request cancelled"))

    assert counted("mcp_refusals_total", reason="other") == before


@pytest.mark.parametrize(("error", "reason"), [("invalid_grant", "oauth_invalid_grant"), ("made_up", "oauth_other")])
def test_the_authorization_server_counts_by_the_codes_of_the_rfcs(error: str, reason: str):
    """RFC 6749 5.2, 6750 3.1, 7591 3.2.2, 8707 2; whatever else a library says is one more."""
    before = refused(reason)

    refusals.count_oauth(error)

    assert refused(reason) == before + 1
