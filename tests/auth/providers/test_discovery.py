"""What discovery and keys are worth, of a provider that is really there."""

import asyncio
import ssl
from collections.abc import Generator
from pathlib import Path

import pytest
import trustme

from auth.providers.discovery import LONGEST, Discovery, key_set
from auth.providers.provider import ProviderFailed
from tests.stand_ins.bendable import Reply
from tests.stand_ins.listener import Listener
from tests.stand_ins.openid import OpenId, new_key

GOOD = new_key("good").as_dict(private=False)


@pytest.fixture
def upstream() -> Generator[OpenId]:
    with OpenId().serving() as running:
        yield running


async def test_an_answer_without_end_is_read_no_further_than_its_bound():
    """Ours: a provider cannot fill our memory; the length it announces is not asked for."""
    sent = 0

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
            await writer.drain()
            sent += 0x10000

    async with Listener(pour) as listener:
        with pytest.raises(ProviderFailed):
            await asyncio.wait_for(Discovery(f"http://127.0.0.1:{listener.port}").document(), 30)

    # What the kernel holds between the two comes on top.
    assert sent < LONGEST + 16 * 2**20


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
async def test_a_provider_with_tls_may_not_name_an_address_without(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
):
    """OpenID Connect Discovery 3: https everywhere; plain http is for a provider on this machine."""
    authority, pem = trustme.CA(), tmp_path / "server.pem"
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pem)

    with OpenId(tls=tls).serving() as upstream:
        good = await Discovery(upstream.issuer).document()
        with (
            upstream.bent(document={name: str(good[name]).replace("https://", "http://")}),
            pytest.raises(ProviderFailed, match="not https"),
        ):
            await Discovery(upstream.issuer).document()


async def test_a_look_for_new_keys_that_fails_is_not_repeated_at_once(upstream: OpenId):
    """A30: a provider whose keys are away is not asked for them by every sign-in."""
    discovery = Discovery(upstream.issuer)
    await discovery.keys()

    with upstream.bent(replies={"/jwks": Reply(503)}):
        with pytest.raises(ProviderFailed):
            await discovery.keys(again=True)
        kept = [await discovery.keys(again=True) for _ in range(5)]

    assert upstream.calls["/jwks"] == 2
    assert len(kept[-1].keys) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"kty": "AKP", "kid": "new", "pub": "AA"},
        {"kty": "RSA", "kid": "broken"},
        {"kty": "OKP", "kid": "curve", "crv": "Ed999", "x": "AA"},
        {"kty": "RSA", "kid": "letters", "n": "!!", "e": "AQAB"},
        "word",
        None,
    ],
    ids=str,
)
def test_a_key_that_is_not_understood_does_not_spoil_the_others(other: object):
    """RFC 7517 5."""
    assert [key.kid for key in key_set({"keys": [other, GOOD]}).keys] == ["good"]
