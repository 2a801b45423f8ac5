"""What stops the attacks, control by control: how each is switched off, and the tests that must be red without it.

`python -m tests.attacks.prove` (`make mutations`) does that, one after the other. A control that no test misses is
either not tested or not needed.
"""

from collections.abc import Mapping
from typing import Final

from tests.attacks.access_controls import ACCESS
from tests.attacks.control import Control, off
from tests.attacks.document_controls import DOCUMENTS
from tests.attacks.flower_controls import FLOWER
from tests.attacks.investigation_controls import INVESTIGATION
from tests.attacks.provider_controls import PROVIDERS

_CONSENT: Final = "attacks/test_consent.py"
_AUTHORIZE: Final = "attacks/test_authorize.py"
_TOKEN: Final = "attacks/test_token.py"
_REGISTRATION: Final = "attacks/test_registration.py"

CONTROLS: Final[Mapping[str, Control]] = {
    # The way to consent and back.
    "consent every time": off(
        "auth.signin:SignIn.remembered",
        'if not self.settings.auth_consent_ttl or browser is None or site != "none":\n        return None',
        "return next(iter(self.providers.values()))",
        f"{_CONSENT}::test_a_client_that_is_new_is_asked_about_in_a_browser_that_signed_in_before",
        f"{_CONSENT}::test_consent_is_asked_for_every_time_unless_the_operator_says_otherwise",
    ),
    "remembered only without a page between": off(
        "auth.signin:SignIn.remembered",
        ' or site != "none"',
        "",
        f"{_CONSENT}::test_remembered_consent_does_not_count_when_a_page_sends_the_browser",
    ),
    "remembered for the same request": off(
        "auth.signin:_agreement",
        "browser,\n        request.client_id,\n        request.redirect_uri,\n        sorted(request.scopes),\n",
        "browser,\n",
        f"{_CONSENT}::test_remembered_consent_is_for_the_very_same_request",
    ),
    "remembered for one browser": off(
        "auth.signin:_agreement",
        "browser,\n",
        "",
        f"{_CONSENT}::test_remembered_consent_is_for_the_browser_that_gave_it",
    ),
    "only allow is a yes": off(
        "auth.signin:SignIn.decide",
        'if form.get("decision") != "allow":',
        'if form.get("decision") == "deny":',
        f"{_CONSENT}::test_only_a_yes_is_a_yes",
    ),
    "the callback's browser": off(
        "auth.signin:SignIn.arrive",
        "if secret is None or not hmac.compare_digest(visit.browser, digest(secret)):",
        "if False:",
        f"{_CONSENT}::test_a_state_counts_only_with_the_cookie_of_its_own_sign_in",
        "journeys/test_oauth.py::test_a_sign_in_is_finished_in_the_browser_that_agreed",
    ),
    "the consent page's browser": off(
        "auth.signin:SignIn.decide",
        "if asked is None or browser is None or not hmac.compare_digest(asked.browser, digest(browser)):",
        "if asked is None:",
        f"{_CONSENT}::test_a_ticket_is_not_enough_without_the_browser",
    ),
    "a ticket once": off(
        "storage.signins:SignInStore._take",
        "self._redis.getdel(name)",
        "self._redis.get(name)",
        f"{_CONSENT}::test_a_ticket_is_good_once",
        f"{_CONSENT}::test_a_callback_is_good_once",
    ),
    "states that end": off(
        "storage.signins:SignInStore._put",
        "ex=LIFE",
        "ex=LIFE * 6",
        f"{_CONSENT}::test_a_state_lasts_ten_minutes_at_most",
    ),
    "the callback of its provider": off(
        "auth.signin:SignIn.arrive",
        "if provider is None or visit.provider != provider_name:",
        "if provider is None:",
        "attacks/test_provider.py::test_the_answer_of_one_provider_does_not_count_at_the_callback_of_another",
    ),
    "names without direction": off(
        "auth.registration:shown_name",
        "char.isprintable() and char not in _DIRECTIONS",
        "True",
        f"{_CONSENT}::test_a_name_cannot_turn_or_hide_what_stands_beside_it",
    ),
    "names that end": off(
        "auth.registration:shown_name",
        "plain[:LONGEST_NAME]",
        "plain",
        f"{_CONSENT}::test_a_name_is_cut_where_a_person_still_reads_on",
    ),
    "pages nobody frames": off(
        "api.oauth.pages:_page",
        "headers=_HEADERS",
        'headers={"content-security-policy": "default-src *"}',
        f"{_CONSENT}::test_no_page_can_be_framed_kept_or_traced",
        f"{_CONSENT}::test_a_page_brings_nothing_from_elsewhere",
    ),
    "cookies bound to the origin": off(
        "api.oauth.cookies:Cookies._name",
        'f"__Host-{name}" if self.https else name',
        "name",
        f"{_CONSENT}::test_what_a_browser_is_asked_to_bring_back_is_bound_to_the_origin",
    ),
    "five tries for the printed code": off(
        "auth.providers.local:Local.is_code",
        'if (await self.tries.take(f"local:{state}")).wait:',
        "if False:",
        f"{_CONSENT}::test_guessing_the_printed_code_ends_after_five_tries",
    ),
    # Authorization requests.
    "the redirect as it was registered": off(
        "auth.redirects:is_registered",
        "if uri in registered:",
        "if True:",
        f"{_AUTHORIZE}::test_a_browser_is_sent_nowhere_but_to_the_registered_address",
        f"{_AUTHORIZE}::test_another_clients_address_is_not_registered",
        f"{_AUTHORIZE}::test_only_the_port_of_a_loopback_address_is_free",
    ),
    "PKCE at authorize": off(
        "auth.authlib_server:S256.validate_code_challenge",
        'if not data.get("code_challenge") or data.get("code_challenge_method") != "S256":',
        "if False:",
        f"{_AUTHORIZE}::test_a_request_without_a_good_challenge_goes_no_further",
    ),
    "a parameter once": off(
        "auth.form:Form.parse",
        "if name in seen and name not in REPEATABLE:",
        "if False:",
        f"{_AUTHORIZE}::test_a_parameter_that_is_there_twice_is_refused",
        f"{_TOKEN}::test_a_parameter_that_is_there_twice_is_refused",
    ),
    "codes only": off(
        "auth.core:check_authorization",
        'if form.get("response_type") != "code":',
        "if False:",
        f"{_AUTHORIZE}::test_a_request_says_what_it_wants",
    ),
    "operators by name": off(
        "auth.identity:is_operator",
        "return bool(",
        "return True or bool(",
        f"{_AUTHORIZE}::test_who_is_no_operator_gets_no_operators_scope",
    ),
    "one resource": off(
        "auth.resource:check",
        "if not all(is_same(each, resource) for each in named):",
        "if False:",
        f"{_AUTHORIZE}::test_a_code_for_another_resource_is_not_asked_for",
        f"{_TOKEN}::test_no_token_is_given_for_another_resource",
    ),
    "our name on every answer": off(
        "auth.signin:SignIn._to_client",
        ', "iss": self.issuer',
        "",
        f"{_AUTHORIZE}::test_only_codes_are_given_out",
    ),
    # Tokens.
    "a code once": off(
        "storage.grant_scripts:TAKE",
        "redis.call('DEL', KEYS[2])\n",
        "",
        f"{_TOKEN}::test_fifty_that_redeem_a_code_at_once_get_one_answer_at_most_and_the_family_ends",
        f"{_TOKEN}::test_a_code_that_is_replayed_later_ends_what_it_gave",
    ),
    "a replayed code ends the family": off(
        "storage.grant_scripts:TAKE",
        "redis.call('HSETNX', KEYS[1], 'revoked', 'its code was presented twice')",
        "0",
        f"{_TOKEN}::test_a_code_that_is_replayed_later_ends_what_it_gave",
    ),
    "a code of its client": off(
        "auth.authlib_server:CodeGrant.query_authorization_code",
        " or known.code.client_id != client.client.id",
        "",
        f"{_TOKEN}::test_a_code_given_to_one_client_is_of_no_use_to_another",
    ),
    "a code for a minute": off(
        "storage.grants:GrantStore.add",
        "milliseconds(CODE_TTL)",
        "600_000",
        f"{_TOKEN}::test_a_code_lasts_a_minute_at_most",
    ),
    "the verifier": off(
        "auth.authlib_server:KnownCode.code_challenge",
        "return self.code.code_challenge",
        'return ""',
        f"{_TOKEN}::test_a_wrong_verifier_burns_the_code",
    ),
    "a secret that is right": off(
        "auth.authlib_server:KnownClient.check_client_secret",
        "return bool(",
        "return True or bool(",
        f"{_TOKEN}::test_a_client_with_a_secret_proves_itself",
    ),
    "a client's way to prove itself": off(
        "auth.authlib_server:KnownClient.check_endpoint_auth_method",
        "return method == self.client.auth_method or",
        "return True or",
        f"{_TOKEN}::test_a_client_with_a_secret_proves_itself",
    ),
    "the same answer within the grace": off(
        "storage.grant_scripts:ROTATE",
        "if kept[4] == old and now - tonumber(kept[5]) <= grace then return {'repeated', kept[6]} end\n",
        "",
        f"{_TOKEN}::test_fifty_families_refreshed_by_twenty_at_once_get_one_answer_each",
    ),
    "a grace that ends": off(
        "storage.grant_scripts:ROTATE",
        " and now - tonumber(kept[5]) <= grace",
        "",
        f"{_TOKEN}::test_a_token_reused_after_the_grace_ends_the_family",
        f"{_TOKEN}::test_without_grace_the_second_use_ends_the_family",
    ),
    "reuse ends the family": off(
        "storage.grant_scripts:ROTATE",
        "redis.call('HSET', KEYS[1], 'revoked', 'a used refresh token was presented again')\n",
        "",
        f"{_TOKEN}::test_fifty_families_end_when_a_token_is_reused_whose_successor_was_used",
    ),
    "a refresh token of its client": off(
        "auth.authlib_server:KnownRefresh.check_client",
        "return client.client.id == self.grant.principal.client_id",
        "return True",
        f"{_TOKEN}::test_a_refresh_token_in_another_clients_hands_does_no_harm",
    ),
    "a revoked grant opens nothing": off(
        "storage.grants:GrantStore.find_access",
        " or revoked is not None",
        "",
        f"{_TOKEN}::test_what_a_client_revokes_is_dead",
        f"{_TOKEN}::test_a_code_that_is_replayed_later_ends_what_it_gave",
    ),
    "a token for this resource": off(
        "auth.bearer:Bearers.find",
        " or not is_same(found[0].resource, self.resource)",
        "",
        f"{_TOKEN}::test_a_token_minted_for_one_server_opens_no_other",
    ),
    "revoked by its own client": off(
        "auth.token_endpoint:TokenEndpoint.revoke",
        " or grant.principal.client_id != client.id",
        "",
        f"{_TOKEN}::test_nobody_revokes_what_is_another_clients",
    ),
    # Registration and rates.
    "redirects that may be registered": off(
        "auth.redirects:check",
        "if len(uri) > LONGEST:",
        "return\n    if len(uri) > LONGEST:",
        f"{_REGISTRATION}::test_a_list_with_a_bad_redirect_is_not_registered",
        "journeys/test_oauth.py::test_a_bad_redirect_cannot_be_registered",
    ),
    "registrations by the minute and hour": off(
        "api.oauth.back_channel:BackChannel.register",
        "for number, limit in enumerate(self.registrations):",
        "for number, limit in ():",
        f"{_REGISTRATION}::test_a_thousand_registrations_from_one_address_become_ten_a_minute",
        f"{_REGISTRATION}::test_minutes_that_pass_do_not_lift_the_limit_of_an_hour",
        f"{_REGISTRATION}::test_registrations_are_counted_by_the_connection",
    ),
    "unused clients that end": off(
        "storage.clients:ClientStore.add",
        "ex=UNUSED_FOR",
        "ex=UNUSED_FOR * 10",
        f"{_REGISTRATION}::test_what_two_hundred_addresses_register_is_gone_in_a_day",
    ),
    "room for unused clients": off(
        "storage.clients:_NOTE",
        "if over <= 0 then return {} end",
        "if true then return {} end",
        f"{_REGISTRATION}::test_a_flood_from_everywhere_pushes_out_unused_clients_only",
    ),
    "believed proxies": off(
        "api.address:client_address",
        "if not trusted:\n        return address",
        'trusted = trusted or [ipaddress.ip_network("0.0.0.0/0")]',
        f"{_REGISTRATION}::test_registrations_are_counted_by_the_connection",
        f"{_REGISTRATION}::test_every_endpoint_counts_by_the_connection",
    ),
    "one network is one stranger": off(
        "api.address:network",
        "return str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))",
        "return address",
        f"{_REGISTRATION}::test_one_network_is_not_a_new_stranger_with_every_address",
    ),
    **DOCUMENTS,
    **PROVIDERS,
    **ACCESS,
    **INVESTIGATION,
    **FLOWER,
}
