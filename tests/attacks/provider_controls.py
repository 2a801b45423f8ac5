"""Controls on the way to the identity provider and back."""

from collections.abc import Mapping
from typing import Final

from tests.attacks.control import Control, Edit, off

_PROVIDER: Final = "attacks/test_provider.py"
_ID_TOKEN: Final = "attacks/test_id_token.py"  # a file
_ALLOWED: Final = "attacks/test_allow_lists.py"
_REFRESH: Final = "attacks/test_upstream_refresh.py"
_END: Final = "attacks/test_upstream_end.py"
_WRONG_CLAIM: Final = f"{_ID_TOKEN}::test_a_signed_token_with_a_wrong_claim_is_refused"
_KEPT_OUT: Final = f"{_ALLOWED}::test_an_address_that_only_looks_like_one_of_the_domain_is_kept_out"

PROVIDERS: Final[Mapping[str, Control]] = {
    "the name of the provider in its answer": off(
        "auth.providers.oidc:OpenIdProvider.check_issuer",
        "if given is not None and given != self.registered.issuer:",
        "if False:",
        f"{_PROVIDER}::test_an_answer_that_names_another_issuer_or_none_is_refused_before_its_code_is_used",
        f"{_PROVIDER}::test_a_provider_that_never_promised_its_name_may_not_give_a_wrong_one",
        f"{_PROVIDER}::test_a_refusal_that_another_issuer_sends_is_not_passed_on",
    ),
    "a promised name that is left out": off(
        "auth.providers.oidc:OpenIdProvider.check_issuer",
        'if given is None and document.get("authorization_response_iss_parameter_supported"):',
        "if False:",
        f"{_PROVIDER}::test_an_answer_that_names_another_issuer_or_none_is_refused_before_its_code_is_used",
    ),
    "our secret goes nowhere else": off(
        "auth.providers.oidc:OpenIdProvider._http",
        "follow_redirects=False",
        "follow_redirects=True",
        f"{_PROVIDER}::test_our_secret_at_a_provider_does_not_follow_a_redirect",
    ),
    "signatures by the provider's algorithms": off(
        "auth.id_token:verify",
        "algorithms=list(ALGORITHMS)",
        'algorithms=[*ALGORITHMS, "none", "HS256"]',
        f"{_ID_TOKEN}::test_a_token_that_the_providers_key_did_not_sign_as_it_should_is_refused",
    ),
    "headers that are known": off(
        "auth.id_token:verify",
        'if unknown := set(decoded.header) - {"alg", "kid", "typ", "x5t", "x5t#S256"}:',
        "if unknown := set[str]():",
        f"{_ID_TOKEN}::test_a_token_that_the_providers_key_did_not_sign_as_it_should_is_refused",
    ),
    "an ID token of the issuer": off(
        "auth.id_token:_check_audience", 'if claims.get("iss") != expected.issuer:', "if False:", _WRONG_CLAIM
    ),
    "an ID token for us": off(
        "auth.id_token:_check_audience",
        'if claims.get("aud") not in (expected.client_id, [expected.client_id]):',
        "if False:",
        _WRONG_CLAIM,
    ),
    "an ID token issued to us": off(
        "auth.id_token:_check_audience",
        'if claims.get("azp", expected.client_id) != expected.client_id:',
        "if False:",
        _WRONG_CLAIM,
    ),
    "an ID token that has not run out": off(
        "auth.id_token:_check_claims",
        "if not isinstance(expires, int | float) or expires <= expected.now - LEEWAY:",
        "if False:",
        _WRONG_CLAIM,
    ),
    "an ID token of this sign-in": off(
        "auth.id_token:_check_claims",
        'if not nonce or not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce):',
        "if False:",
        _WRONG_CLAIM,
        f"{_ID_TOKEN}::test_a_token_of_the_same_person_from_another_sign_in_is_refused",
    ),
    "the ID token of this access token": off(
        "auth.id_token:verify",
        'if access_token is not None and "at_hash" in claims:',
        "if False:",
        _WRONG_CLAIM,
    ),
    "one look a minute for new keys": off(
        "auth.providers.discovery:Discovery.keys",
        "look = again and now - self._again_at > ASK_AGAIN_AFTER",
        "look = again",
        f"{_ID_TOKEN}::test_tokens_by_unknown_keys_make_each_replica_ask_for_new_ones_once",
    ),
    "the domains that may come in": off(
        "auth.identity:is_of_domain", "return not domains or", "return True or", _KEPT_OUT
    ),
    "an address that is verified": off(
        "auth.providers.oidc:OpenIdProvider.identify",
        'if claims.get("email_verified") in (True, "true") else ""',
        "",
        f"{_ALLOWED}::test_an_address_that_is_not_verified_is_none",
    ),
    "userinfo of the same person": off(
        "auth.providers.oidc:merged",
        'if userinfo.get("sub") != claims["sub"]:',
        "if False:",
        f"{_ALLOWED}::test_userinfo_adds_nothing_that_is_anothers_or_that_the_token_denies",
    ),
    "claims that may come in": off(
        "auth.identity:admit",
        "if claims and not any(identity.has(name, value) for name, _, value in claims):",
        "if False:",
        f"{_ALLOWED}::test_a_claim_that_only_looks_like_a_listed_one_is_none",
    ),
    # The stack of these tests lists organisations among the claims as well: both lists are switched off.
    "organisations that may come in": Control(
        (
            Edit(
                "auth.providers.github:GitHub._person",
                "if not {each.lower() for each in found} & {each.lower() for each in self.organizations}:",
                "if False:",
            ),
            Edit(
                "auth.identity:admit",
                "if claims and not any(identity.has(name, value) for name, _, value in claims):",
                "if False:",
            ),
        ),
        (f"{_ALLOWED}::test_others_are_kept_out_at_github",),
    ),
    "GitHub's verified address": off(
        "auth.providers.github:GitHub._person",
        "if each.primary and each.verified",
        "if each.primary",
        f"{_ALLOWED}::test_only_githubs_verified_primary_address_counts",
    ),
    "whom the provider has shut out": off(
        "auth.providers.oidc:OpenIdProvider.refresh",
        'if error.error == "invalid_grant":',
        "if False:",
        f"{_REFRESH}::test_a_person_whom_the_provider_has_shut_out_is_out_everywhere",
        f"{_REFRESH}::test_what_is_open_for_a_person_who_was_shut_out_is_closed",
    ),
    "whom GitHub no longer knows": off(
        "auth.providers.github:GitHub.refresh",
        "if answer.status_code == 401:",
        "if False:",
        f"{_REFRESH}::test_github_that_no_longer_knows_its_token_ends_the_grant",
    ),
    "an outage is no refusal": off(
        "auth.providers.oidc:OpenIdProvider.refresh",
        "except UNREADABLE:\n            return None",
        'except UNREADABLE as error:\n            raise ProviderFailed("away") from error',
        f"{_REFRESH}::test_a_provider_that_cannot_be_asked_has_not_said_no",
    ),
    "one asks the provider": off(
        "storage.grants:GrantStore.lock_upstream",
        "return lock if is_ours else None",
        "return lock",
        f"{_REFRESH}::test_who_refreshes_again_while_the_provider_thinks_does_not_ask_it_too",
    ),
    "the provider is told": off(
        "auth.upstream:Upstream.forget",
        "if grant.provider in self.providers and upstream:",
        "if False:",
        f"{_END}::test_a_sign_in_that_its_client_ends_is_ended_at_the_provider",
        f"{_END}::test_a_refresh_token_that_was_stolen_ends_the_sign_in_at_the_provider",
    ),
    "the provider is told at the last": off(
        "auth.upstream:Upstream._forget",
        "if not await self.grants.has_other(grant):",
        "if True:",
        f"{_END}::test_the_provider_is_told_only_when_nothing_else_of_the_person_needs_it",
    ),
    "a discovery of its own issuer": off(
        "auth.providers.discovery:Discovery.document",
        'if found.get("issuer") != self._issuer:',
        "if False:",
        "attacks/test_discovery.py::test_a_discovery_that_names_somebody_else_or_no_good_address_sends_nobody_anywhere",
    ),
}
