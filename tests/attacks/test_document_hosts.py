"""Client ids as a means to reach what only this server can reach, or to make it ask for what nobody needs."""

import itertools
import time
from collections.abc import Callable, Generator, Iterable

import httpx2
import pytest

from tests.attacks.documents import Place, anybody, crowd, good, host_of, new_id, new_label, place
from tests.attacks.doors import error_of, let_go, names_of, page_status, statuses
from tests.servers import ValkeyServer
from tests.stand_ins.internet import home
from tests.stand_ins.website import CLIENTS

PUBLIC = "93.184.215.14"
INSIDE = [
    "127.0.0.1",
    "127.255.255.254",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.127.255.255",
    "0.0.0.0",  # noqa: S104  # refused
    "0.1.2.3",
    "192.0.0.1",
    "192.0.0.170",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "192.88.99.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:93.184.215.14",
    "::ffff:0:10.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::10.0.0.1",
    "64:ff9b:1:fffe::a9fe:a9fe",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "3fff::1",
    "2606:4700::5efe:127.0.0.1",
    "2606:4700::200:5efe:10.0.0.1",
    "100::1",
    "5f00::1",
]


@pytest.fixture(scope="module")
def here(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Place]:
    with place(valkey, 42, tmp_path_factory.mktemp("hosts")) as running:
        yield running


def assert_nothing_reached(here: Place, client_id: str) -> None:
    """A page from one replica and JSON from the other, and no connection was so much as begun."""
    before = here.web.journal("connect"), len(here.web.connections)

    page = here.visit(client_id)
    refused = here.ask_token({"grant_type": "refresh_token", "refresh_token": "x", "client_id": client_id}, replica=1)

    assert page_status(page) == 400
    assert error_of(refused) == (401, "invalid_client")
    assert (here.web.journal("connect"), len(here.web.connections)) == before


@pytest.mark.parametrize("address", INSIDE)
def test_a_name_that_leads_inside_is_not_followed(here: Place, address: str):
    """A32; draft 8.6, RFC 6890; FastMCP 3.4.3: NAT64, 6to4, Teredo and ISATAP reached private addresses."""
    label = new_label()
    client_id = new_id(label=label)
    here.web.names(**{label: [[address]]})
    here.web.put(client_id, good(client_id))

    assert_nothing_reached(here, client_id)

    assert here.web.journal("resolve").count(host_of(client_id)) == 1


@pytest.mark.parametrize("answer", [[PUBLIC, "10.0.0.1"], ["10.0.0.1", PUBLIC], [PUBLIC, "::1"], [PUBLIC] * 9 + ["::"]])
def test_one_address_inside_spoils_the_others(here: Place, answer: list[str]):
    """A32: whichever of them would be taken."""
    label = new_label()
    client_id = new_id(label=label)
    here.web.names(**{label: [answer]})
    here.web.put(client_id, good(client_id))

    assert_nothing_reached(here, client_id)


LITERALS = [
    "https://127.0.0.1/client",
    "https://127.1/client",
    "https://2130706433/client",
    "https://017700000001/client",
    "https://0177.0.0.1/client",
    "https://0x7f000001/client",
    "https://0x7f.0.0.0x1/client",
    "https://127.0.0.0x1/client",
    "https://[::1]/client",
    "https://[::ffff:127.0.0.1]/client",
    "https://93.184.215.14/client",
    "https://localhost/client",
    "https://LOCALHOST/client",
    "https://localhost./client",
    "https://redis/client",
    "https://metadata/client",
    f"https://a.{CLIENTS}./client",
    f"https://a..{CLIENTS}/client",
    f"https://{'a' * 64}.{CLIENTS}/client",
    f"https://{'a.' * 120}{CLIENTS}/client",
    "https://\u2460\u2461\u2466.\u24ea.\u24ea.\u2460/client",
    f"http://a.{CLIENTS}/client",
    f"https://a.{CLIENTS}:22/client",
    f"https://a.{CLIENTS}:443/client",
    f"https://a.{CLIENTS}/client#",
    f"https://user:password@a.{CLIENTS}/client",
    f"https://a.{CLIENTS}@127.0.0.1/client",
    f"https://127.0.0.1\\@a.{CLIENTS}/client",
    f"https://a.{CLIENTS}/../client",
    f"https://a.{CLIENTS}/x/./client",
    f"https://a.{CLIENTS}/x/%2e%2e/client",
    f"https://a.{CLIENTS}/x/.%2E/client",
    f"https://a.{CLIENTS}/%2e",
    f"https://a.{CLIENTS}",
    f"https://a.{CLIENTS}/",
    f"https://a.{CLIENTS}?client",
    f"https://a.{CLIENTS}/client\r\nhost: b",
    f"https://a.{CLIENTS}/client\x00",
    f"https://a.{CLIENTS}/" + "x" * 512,
    "https:///client",
    "https://",
]


@pytest.mark.parametrize("client_id", LITERALS, ids=lambda value: ascii(value)[:60])
def test_an_id_that_is_no_plain_address_is_not_even_looked_up(here: Place, client_id: str):
    """A32, A33; draft 3: https, a name, a path without dots as segments; no port, user or fragment."""
    before = here.web.journal("resolve")

    assert_nothing_reached(here, client_id)

    assert here.web.journal("resolve") == before


def test_a_name_is_looked_up_once_and_the_address_that_was_checked_is_the_one(here: Place):
    """A33: DNS that changes its answer between check and connection changes nothing, in either direction."""
    opens, closes = new_label(), new_label()
    here.web.names(**{opens: [["127.0.0.1"], [PUBLIC]], closes: [[PUBLIC], ["127.0.0.1"]]})
    for label in (opens, closes):
        here.web.put(new_id(label=label), good(new_id(label=label)))
    before = here.web.journal("connect")

    answers = [here.visit(new_id(label=label)).status_code for label in (opens, closes)]

    assert answers == [400, 200]
    assert [here.web.journal("resolve").count(f"{label}.{CLIENTS}") for label in (opens, closes)] == [1, 1]
    assert here.web.journal("connect")[len(before) :] == [f"{PUBLIC} 443"]
    assert here.web.asked[-1] == (f"{closes}.{CLIENTS}", new_id(label=closes))


def test_nobody_learns_which_names_there_are_inside(here: Place):
    """A32: a name that leads inside and one that is not there are refused in the same words."""
    inside, nowhere = new_label(), new_label()
    nobody: list[str] = []
    here.web.names(**{inside: [["10.1.2.3"]], nowhere: [nobody]})

    one, other = (here.visit(new_id(label=label)) for label in (inside, nowhere))

    assert (page_status(one), page_status(other)) == (400, 400)
    assert one.text == other.text


def let_in(answers: Iterable[httpx2.Response]) -> list[httpx2.Response]:
    """Those that were not refused for the number of requests."""
    found = list(answers)
    assert {page_status(each) for each in found} <= {400, 429}
    return [each for each in found if each.status_code != 429]


@pytest.mark.timeout(180)
def test_a_thousand_ids_at_one_host_are_ten_fetches_a_minute(here: Place):
    """A34: from a thousand addresses, over both replicas; what is kept serves on."""
    label = new_label()
    known = new_id("/known", label=label)
    here.web.put(known, good(known))
    here.visit(known)
    began, before = time.monotonic(), len(here.web.connections)

    answers = crowd(here, (new_id(f"/{number}", label=label) for number in range(1000)))

    opened = len(here.web.connections) - before
    assert 9 <= opened <= 9 + (time.monotonic() - began) / 6
    assert len(let_in(answers)) == opened
    assert here.visit(known).status_code == 200


def test_an_old_copy_serves_while_a_host_is_asked_too_often(here: Place):
    """A34: whoever floods a host does not shut its clients out; RFC 9111 4.2.4."""
    client_id = new_id()
    here.web.put(client_id, good(client_id))
    before = set(names_of(here.stack, "mcp:document:*"))
    here.visit(client_id)
    fresh = min(set(names_of(here.stack, "mcp:document:*")) - before, key=len)

    crowd(here, (new_id(f"/{number}", label=host_of(client_id).partition(".")[0]) for number in range(40)))
    let_go(here.stack, fresh)
    answers = [here.visit(client_id, replica=replica) for replica in (0, 1)]

    assert statuses(answers) == [200, 200]
    assert here.web.asked_for(client_id) == 1


def network() -> Callable[[], str]:
    """Addresses of one IPv6 network."""
    prefix, numbers = anybody().rsplit(":", 4)[0], itertools.count(1)
    return lambda: f"{prefix}:0:0:0:{next(numbers):x}"


@pytest.mark.parametrize("caller", [lambda: "203.0.113.77", network()], ids=["one address", "one network"])
def test_many_hosts_for_one_caller_are_six_fetches_a_minute(here: Place, caller: Callable[[], str]):
    """A34: amplification over hosts that are each asked once; looking a name up counts as much as a fetch."""
    before, looked_up, began = len(here.web.connections), len(here.web.journal("resolve")), time.monotonic()

    answers = crowd(here, (new_id() for _ in range(50)), caller)

    most = 6 + (time.monotonic() - began) / 10
    assert 6 <= len(let_in(answers)) <= most
    assert len(here.web.connections) - before <= most
    assert len(here.web.journal("resolve")) - looked_up <= most


def test_what_one_caller_may_not_have_is_not_refused_to_another(here: Place):
    """A34: a refusal for too many requests is kept nowhere, at neither endpoint."""
    client_id, caller = new_id(), "203.0.113.78"
    here.web.put(client_id, good(client_id))
    crowd(here, (new_id() for _ in range(8)), lambda: caller)
    form = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": client_id}

    page, refused = here.visit(client_id, caller=caller), here.ask_token(form, caller=caller)

    assert page_status(page) == 429
    assert error_of(refused) == (429, "temporarily_unavailable")
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert here.visit(client_id).status_code == 200
    assert here.visit(client_id, caller=caller).status_code == 200


def test_many_names_at_one_address_are_thirty_fetches_a_minute(here: Place):
    """A34: names cost nothing, so that ten of each would be no limit for whoever is behind them."""
    labels, before = [new_label() for _ in range(100)], len(here.web.connections)
    here.web.names(**{label: [["93.184.216.34"]] for label in labels})
    began = time.monotonic()

    answers = crowd(here, (new_id(label=label) for label in labels))

    most = 30 + (time.monotonic() - began) / 2
    assert 30 <= len(let_in(answers)) <= most
    assert len(here.web.connections) - before <= most


def test_an_id_that_is_no_good_is_fetched_once_for_everybody(here: Place):
    """A34: the negative cache, over both replicas and both endpoints."""
    client_id = new_id()
    here.visit(client_id)

    answers = crowd(here, [client_id] * 60)
    tokens = [here.refresh(client_id) for _ in range(5)]

    assert [page_status(answer) for answer in answers] == [400] * 60
    assert {error_of(answer) for answer in tokens} == {(401, "invalid_client")}
    assert here.web.asked_for(client_id) == 1
    assert here.web.journal("connect").count(f"{home(host_of(client_id))} 443") == 1
