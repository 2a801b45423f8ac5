"""What stops attacks by documents of clients, and the tests that must be red without it."""

from collections.abc import Mapping
from typing import Final

from tests.attacks.control import Control, off

_DOCUMENTS: Final = "attacks/test_documents.py"
_FAULTS: Final = "attacks/test_document_faults.py"
_HOSTS: Final = "attacks/test_document_hosts.py"
_FAULT: Final = f"{_FAULTS}::test_a_document_with_a_fault_is_refused"
_ANSWER: Final = f"{_FAULTS}::test_an_answer_that_is_no_document_is_refused_soon"
_LITERAL: Final = f"{_HOSTS}::test_an_id_that_is_no_plain_address_is_not_even_looked_up"

DOCUMENTS: Final[Mapping[str, Control]] = {
    # Where a fetch may lead.
    "public addresses": off(
        "auth.fetch:_address",
        "if not all(is_public(each) for each in addresses):",
        "if False:",
        f"{_HOSTS}::test_a_name_that_leads_inside_is_not_followed",
        f"{_HOSTS}::test_one_address_inside_spoils_the_others",
        f"{_HOSTS}::test_a_name_is_looked_up_once_and_the_address_that_was_checked_is_the_one",
        f"{_DOCUMENTS}::test_keys_are_fetched_as_carefully_as_documents",
    ),
    "every address public": off(
        "auth.fetch:_address",
        "all(is_public(each) for each in addresses)",
        "is_public(addresses[0])",
        f"{_HOSTS}::test_one_address_inside_spoils_the_others",
    ),
    "addresses that hide others": off(
        "auth.addresses:is_public",
        "if address not in _UNICAST or any(address in network for network in _EMBEDDING):",
        "if False:",
        f"{_HOSTS}::test_a_name_that_leads_inside_is_not_followed",
    ),
    "ISATAP": off(
        "auth.addresses:is_public",
        "return (int(address) >> 32) & 0xFFFFFFFF not in _ISATAP",
        "return True",
        f"{_HOSTS}::test_a_name_that_leads_inside_is_not_followed",
    ),
    "shared and benchmarking networks": off(
        "auth.addresses:is_public",
        "return not any(address in network for network in _NOT_GLOBAL)",
        "return True",
        f"{_HOSTS}::test_a_name_that_leads_inside_is_not_followed",
    ),
    "the checked address": off(
        "auth.fetch:Fetch._from",
        'f"[{address}]" if ":" in address else address',
        "host",
        f"{_HOSTS}::test_a_name_is_looked_up_once_and_the_address_that_was_checked_is_the_one",
    ),
    "the same words": off(
        "auth.fetch:_address",
        "raise NotNow(_INSIDE) from None",
        'raise NotNow("its host is not known") from None',
        f"{_HOSTS}::test_nobody_learns_which_names_there_are_inside",
    ),
    "the form of an address": off(
        "auth.fetch:check_url",
        "_URL.fullmatch(url)",
        're.fullmatch(r"https?://([^/?#]*)(/[^?#]*)?([^#]*)#?", url)',
        _LITERAL,
    ),
    "dots as segments": off(
        "auth.fetch:check_url",
        'any(part.lower().replace("%2e", ".") in (".", "..") for part in found[2].split("/"))',
        "False",
        _LITERAL,
    ),
    "encoded dots": off("auth.fetch:check_url", '.lower().replace("%2e", ".")', "", _LITERAL),
    "numbers for hosts": off(
        "auth.fetch:check_url", '_NUMBER.fullmatch(found[1].rpartition(".")[2])', "False", _LITERAL
    ),
    "the host's certificate": off(
        "auth.fetch:Fetch._from",
        "verify=self._trusted",
        "verify=False",
        f"{_FAULTS}::test_a_site_that_cannot_show_whose_it_is_is_asked_nothing",
    ),
    "no redirects": off("auth.fetch:Fetch._from", "follow_redirects=False", "follow_redirects=True", _ANSWER),
    # What is read.
    "200 alone": off(
        "auth.fetch:_body",
        "if response.status_code != 200:",
        "if False:",
        f"{_FAULTS}::test_a_document_under_another_status_is_none",
    ),
    "JSON by its name": off(
        "auth.fetch:_body",
        'if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):',
        "if False:",
        f"{_FAULTS}::test_what_is_not_called_json_is_not_read",
    ),
    "little": off("auth.fetch:_body", "if len(body) > most:", "if False:", _FAULT),
    "soon": off("auth.fetch:Fetch.get", "asyncio.timeout(TIMEOUT)", "asyncio.timeout(TIMEOUT * 4)", _ANSWER),
    "bytes that are no text": off("auth.fetch:Fetch._from", "UnicodeDecodeError, ", "", _ANSWER),
    "its own id": off("auth.client_documents:read", 'if fields.get("client_id") != client_id:', "if False:", _FAULT),
    "a name": off(
        "auth.client_documents:read",
        'if not isinstance(fields.get("client_name"), str) or not fields["client_name"].strip():',
        'fields.setdefault("client_name", "x")\n    if False:',
        _FAULT,
    ),
    "no shared secret": off(
        "auth.client_documents:read",
        'if _SHARED & fields.keys() or method not in ("none", "private_key_jwt"):',
        "if False:",
        _FAULT,
    ),
    "redirects as for everybody": off(
        "auth.client_documents:read",
        'redirects.check(uri if isinstance(uri, str) else "", schemes=schemes)',
        "pass",
        _FAULT,
    ),
    "public keys": off("auth.client_documents:read_keys", "if _PRIVATE & ", "if False and ", _FAULT),
    "keys to prove by": off("auth.client_documents:_keys", "if needed and", "if False and", _FAULT),
    "keys at a plain address": off(
        "auth.client_documents:_keys",
        'check_url(jwks_uri if isinstance(jwks_uri, str) else "")',
        "pass",
        _FAULT,
    ),
    # How often.
    "ten of a host": off(
        "auth.fetch:Fetch.get",
        'await self._take(OF_HOST, f"fetch:of:{host}")',
        "pass",
        f"{_HOSTS}::test_a_thousand_ids_at_one_host_are_ten_fetches_a_minute",
    ),
    "six for a caller": off(
        "auth.fetch:Fetch.get",
        'await self._take(OF_CALLER, f"fetch:for:{caller}")',
        "pass",
        f"{_HOSTS}::test_many_hosts_for_one_caller_are_six_fetches_a_minute",
        f"{_HOSTS}::test_what_one_caller_may_not_have_is_not_refused_to_another",
    ),
    "thirty at an address": off(
        "auth.fetch:Fetch.get",
        'await self._take(OF_ADDRESS, f"fetch:at:{address}")',
        "pass",
        f"{_HOSTS}::test_many_names_at_one_address_are_thirty_fetches_a_minute",
    ),
    "refusals that are kept": off(
        "auth.client_documents:ClientDocuments._fail",
        'await self.redis.set(name, b"!" + str(error).encode(), ex=FAILED)',
        "pass",
        f"{_DOCUMENTS}::test_a_failure_is_remembered_for_a_minute",
        f"{_HOSTS}::test_an_id_that_is_no_good_is_fetched_once_for_everybody",
    ),
    "a limit that is nobody else's": off(
        "auth.client_documents:ClientDocuments._once_more",
        "if isinstance(error, TooOften):",
        "if False:",
        f"{_HOSTS}::test_what_one_caller_may_not_have_is_not_refused_to_another",
    ),
    "an old copy": off(
        "auth.client_documents:ClientDocuments._once_more",
        "await self.redis.get(keys.last_good(name))",
        "None",
        f"{_DOCUMENTS}::test_a_client_whose_site_is_down_goes_on_until_it_is_withdrawn",
        f"{_HOSTS}::test_an_old_copy_serves_while_a_host_is_asked_too_often",
    ),
    "none of what was withdrawn": off(
        "auth.client_documents:ClientDocuments._anew",
        "except BadDocument as error:\n        await self.redis.delete(lasting)",
        "except BadDocument as error:",
        f"{_DOCUMENTS}::test_a_client_whose_site_is_down_goes_on_until_it_is_withdrawn",
    ),
    "the bounds of fresh": off(
        "auth.fetch:fresh_for",
        "min(LONGEST, max(SHORTEST, asked))",
        "max(timedelta(seconds=1), asked)",
        f"{_DOCUMENTS}::test_a_document_is_kept_as_its_headers_say_within_bounds",
    ),
    "new keys once a minute": off(
        "auth.client_documents:ClientDocuments.keys_at",
        'if (await RateLimiter(self.redis, KEYS_AGAIN).take(f"keys:{url}")).wait:',
        "if False:",
        f"{_DOCUMENTS}::test_keys_that_change_are_known_at_once_and_asked_for_once_a_minute",
    ),
}
