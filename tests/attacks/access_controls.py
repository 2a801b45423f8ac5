"""Controls at the edge, between principals, and on what is kept."""

from collections.abc import Mapping
from typing import Final

from tests.attacks.control import Control, off

_EDGE: Final = "attacks/test_edge.py"
_ISOLATION: Final = "attacks/test_isolation.py"
_ERRORS: Final = "attacks/test_errors.py"
_SCOPES: Final = "attacks/test_scopes.py"
_REVOCATION: Final = "attacks/test_revocation.py"
_TRAIL: Final = "attacks/test_audit_trail.py"
_PROOF: Final = "attacks/test_client_proof.py"
_S3: Final = "journeys/test_s3.py"

ACCESS: Final[Mapping[str, Control]] = {
    "one Host, and ours": off(
        "api.edge:Edge._refusal",
        "if len(hosts) != 1 or not self._door.host(hosts[0]):",
        "if False:",
        f"{_EDGE}::test_a_name_that_is_not_ours_is_misdirected_on_every_route",
        f"{_EDGE}::test_a_target_that_names_another_host_is_misdirected_on_every_route",
    ),
    "the host of an absolute target": off(
        "api.deadlines:PatientProtocol._take_host_from_target",
        "self.headers[:] = [",
        "return\n    self.headers[:] = [",
        f"{_EDGE}::test_a_target_that_names_another_host_is_misdirected_on_every_route",
    ),
    "origins that are listed": off(
        "api.edge:Edge._refusal",
        'if origins and not (is_form and origins == ["null"]) and not all(map(self._door.origin, origins)):',
        "if False:",
        "attacks/test_consent.py::test_another_sites_form_is_refused_whatever_it_holds",
        f"{_EDGE}::test_a_page_of_another_origin_may_call_no_route",
        f"{_EDGE}::test_a_form_without_an_origin_is_ours_only_if_the_browser_says_so",
    ),
    "a limit for each principal": off(
        "api.mcp.front:Front._known",
        'f"by {bearer.principal.key}" if bearer.grant else self.limit.whence(scope)',
        "self.limit.whence(scope)",
        f"{_EDGE}::test_one_principal_has_one_limit_wherever_it_calls_from",
        f"{_EDGE}::test_two_principals_behind_one_address_have_a_limit_each",
    ),
    "a task of its principal": off(
        "storage.tasks:TaskStore.get",
        " or found[0].principal != principal",
        "",
        f"{_ISOLATION}::test_a_task_of_another_principal_does_not_exist",
    ),
    "a foreign task's scope is not told": off(
        "api.mcp.guard:TokenGuard._of_task",
        " or record.principal != bearer.principal",
        "",
        f"{_ISOLATION}::test_a_task_of_another_principal_does_not_tell_its_scope",
    ),
    "scopes of what is called": off(
        "api.mcp.guard:TokenGuard._check",
        "if not bearer.lacks(needed):",
        "if True:",
        "journeys/test_oauth.py::test_a_tool_that_needs_more_says_what",
    ),
    "scopes of what a request names": off(
        "api.mcp.guard:_tasks_named",
        "return [each for each in named if isinstance(each, str) and len(each) <= 64]",
        "return []",
        f"{_ISOLATION}::test_what_needs_a_scope_needs_it_on_every_way",
    ),
    "an idempotency key of its principal": off(
        "storage.keys:repeat",
        'f"mcp:{{{principal_key}}}:repeat:{key}"',
        'f"mcp:{{all}}:repeat:{key}"',
        f"{_ISOLATION}::test_an_idempotency_key_is_ones_own",
    ),
    "streams end with their grant": off(
        "api.mcp.inflight:InFlight.revoke",
        "if response.opened_by and revoked.concerns(response.opened_by):",
        "if False:",
        f"{_ISOLATION}::test_what_is_open_ends_when_the_grant_does",
        f"{_REVOCATION}::test_one_token_that_is_revoked_ends_what_it_opened_and_no_more",
    ),
    "no header in a trailer": off(
        "api.deadlines:PatientProtocol.on_header",
        "if self._in_head:",
        "if True:",
        f"{_ERRORS}::test_a_trailer_is_no_header",
    ),
    "few complaints": off(
        "tasks.schema:Arguments.parse",
        "list(dict.fromkeys(found))[:MOST_COMPLAINTS]",
        "list(dict.fromkeys(found))",
        f"{_ERRORS}::test_no_argument_keeps_the_server_busy",
    ),
    "a program's scopes": off(
        "auth.token_endpoint:TokenEndpoint._by_credentials",
        "known = replace(known, scopes=known.client.scopes or self.scopes.public)",
        "pass",
        f"{_SCOPES}::test_a_program_is_an_operator_only_if_it_was_added_as_one",
    ),
    "no default for what was agreed to": off(
        "auth.signin:SignIn._grant",
        "if not scopes:",
        "if False:",
        f"{_SCOPES}::test_who_may_have_nothing_of_what_was_asked_gets_no_token_for_something_else",
    ),
    "operators of today": off(
        "auth.token_endpoint:TokenEndpoint._may",
        "return scope != OPERATOR or",
        "return True or",
        f"{_SCOPES}::test_who_is_an_operator_no_more_is_none_at_the_next_refresh",
    ),
    "jobs end with their access": off(
        "auth.revocation:Revocations.follow",
        "await self._cancel(grant) if self.cancels else 0",
        "0",
        f"{_REVOCATION}::test_jobs_end_with_the_access_they_were_begun_with_and_others_go_on",
    ),
    "consent ends with the grant": off(
        "auth.revocation:Revocations.follow",
        "if grant.agreement:",
        "if False:",
        f"{_REVOCATION}::test_revoked_access_is_asked_for_again",
    ),
    "an audit field that ends": off(
        "auth.audit:Audit.note",
        "value[:LONGEST]",
        "value",
        f"{_TRAIL}::test_what_a_stranger_sends_is_cut",
    ),
    "assertions once": off(
        "auth.clients:Clients._is_proven",
        "return good and await self.signins.use_assertion(",
        "return good or await self.signins.use_assertion(",
        f"{_PROOF}::test_a_signed_assertion_is_good_once",
    ),
    "links only where they are allowed": off(
        "tasks.tools.s3.link:check_allowed",
        "if not run.settings.s3_presign:",
        "if False:",
        f"{_S3}::test_links_are_made_only_where_they_are_allowed",
    ),
    "a link is saved": off(
        "tasks.tools.s3.link:link",
        ', "ResponseContentDisposition": AS_FILE',
        "",
        f"{_S3}::test_links_are_made_only_where_they_are_allowed",
    ),
    "objects without their secrets": off(
        "tasks.tools.s3.text:_masked",
        "return redact(text)",
        "return text",
        f"{_S3}::test_from_folders_to_the_text_of_an_object",
    ),
    "assertions for us": off(
        "auth.clients:Clients._is_proven",
        'bool({self.issuer, f"{self.issuer}/oauth/token"} & set(audiences))',
        "True",
        f"{_PROOF}::test_an_assertion_that_is_not_quite_right_proves_nothing",
    ),
}
