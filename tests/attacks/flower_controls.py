"""Controls of Flower: its doors, its sign-in, and that it only shows."""

from collections.abc import Mapping
from typing import Final

from tests.attacks.control import Control, off

_FLOWER: Final = "attacks/test_flower.py"

FLOWER: Final[Mapping[str, Control]] = {
    "Flower's guard": off(
        "tasks.flower.guard:GuardedFlower.find_handler",
        "found.handler_class = guarded(found.handler_class)",
        "pass",
        f"{_FLOWER}::test_no_route_shows_a_stranger_anything",
    ),
    "Flower only shows": off(
        "tasks.flower.guard:GuardedFlower._refusal",
        "if request.method not in READS and not _is_look_at_the_table(request):",
        "if False:",
        f"{_FLOWER}::test_no_method_changes_anything",
    ),
    "Flower's names": off(
        "tasks.flower.guard:GuardedFlower._refusal",
        "if strange and not shows:",
        "if False:",
        f"{_FLOWER}::test_a_name_that_leads_here_by_accident_is_misdirected",
    ),
    "Flower's issuer": off(
        "tasks.flower.signin:SignIn.arrive",
        'if answer.get("iss") != self.server.issuer:',
        "if False:",
        f"{_FLOWER}::test_an_answer_that_is_not_the_servers_signs_nobody_in",
    ),
    "Flower's own pages": off(
        "tasks.flower.signin:SignIn.set_out",
        "back=_own(back)",
        "back=back",
        f"{_FLOWER}::test_a_sign_in_leads_to_a_page_of_flowers_own",
    ),
    "whole names of a proxy": off(
        "tasks.flower.doors:ProxyHeader.find",
        'if not is_operator(name if is_address else "", name, PROXY, self.auth):',
        "if not any(name.startswith(each) for each in self.auth.auth_operators):",
        f"{_FLOWER}::test_a_proxy_vouches_for_operators_alone",
    ),
    "a proxy that is believed": off(
        "tasks.flower.doors:ProxyHeader.find",
        "if not names or not is_among(_peer(request), self.trusted):",
        "if not names:",
        f"{_FLOWER}::test_a_name_that_no_proxy_sent_is_not_believed",
    ),
    "a whole password": off(
        "tasks.flower.doors:Password.find",
        "if not sum([hmac.compare_digest(each.encode(), shown) for each in self.credentials]):",
        "if not any(shown.startswith(each.encode()) for each in self.credentials):",
        f"{_FLOWER}::test_a_password_is_right_or_wrong",
    ),
    "a door before Flower": off(
        "tasks.flower.program:_doors",
        "if not found and is_loopback(given.host) and not given.auth.is_on():",
        "if not found:",
        f"{_FLOWER}::test_without_a_door_it_does_not_start",
    ),
    "pickles of one's own": off(
        "tasks.flower.program:_folder",
        "if found.st_uid != os.getuid() or found.st_mode & 0o022:",
        "if False:",
        f"{_FLOWER}::test_what_others_may_write_is_not_read",
    ),
    "a session of Flower's is looked at again": off(
        "tasks.flower.signin:SignIn.find",
        "if time.time() - session.checked_at >= self.recheck:",
        "if False:",
        "journeys/test_flower.py::test_a_session_ends_when_its_grant_does",
    ),
    "one look at a time": off(
        "tasks.flower.signin:SignIn.find",
        "async with session.asking:",
        "if True:",
        "journeys/test_flower.py::test_many_requests_at_once_refresh_once",
    ),
}
