"""A JSON document that a stranger wants us to fetch.

The fetch trusts nothing: https and a plain path, every address of the host public, the connection to the very address
that was checked, no redirects, little, soon, and not often: of one host, at one address, for one caller.
"""

import asyncio
import email.utils
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Final

import httpx2
import msgspec

from auth import redirects
from auth.addresses import is_public
from auth.lookup import Busy, Lookups
from storage.connection import Redis
from storage.rate import Rate, RateLimiter

MOST_BYTES: Final = 5 * 1024
"""Draft 8.7."""
TIMEOUT: Final = 5.0
SHORTEST, LONGEST = timedelta(minutes=5), timedelta(hours=24)
"""How long a document counts as fresh, whatever its headers say."""
OF_CALLER: Final = Rate(6, timedelta(minutes=1))
"""For one of those who ask us (`Limit.whence`): fewer than of a host, so that no single one uses a host up."""
OF_HOST: Final = Rate(10, timedelta(minutes=1))
"""Of one host name (attack A34)."""
OF_ADDRESS: Final = Rate(30, timedelta(minutes=1))
"""At one address, whatever names lead there: names cost nothing."""
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_CHARACTER: Final = r"(?:[A-Za-z0-9\-._~!$&'()+,;=:@]|%[0-9A-Fa-f]{2})"
_URL: Final = re.compile(rf"https://({_LABEL}(?:\.{_LABEL})+)((?:/{_CHARACTER}*)+)(\?(?:{_CHARACTER}|[/?])*)?")
_INSIDE: Final = "its host is not on the public internet"
_NUMBER: Final = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_LONGEST_HOST: Final = 253
_MAX_AGE: Final = re.compile(r"(?:^|[\s,])max-age=\"?([0-9]{1,9})")


class BadDocument(Exception):
    """Why a document cannot be used, in words."""


class NotNow(BadDocument):
    """It could not be had this time: an earlier copy will do."""


class TooOften(NotNow):
    """It was not even asked for. *wait* is in seconds."""

    def __init__(self, wait: int) -> None:
        super().__init__("it was asked for too often: try again in a minute")
        self.wait = wait


def check_url(url: str) -> tuple[str, str]:
    """Host and path of an address to fetch (draft-ietf-oauth-client-id-metadata-document 3); BadDocument otherwise."""
    found = _URL.fullmatch(url) if len(url) <= redirects.LONGEST else None
    if not found or len(found[1]) > _LONGEST_HOST:
        raise BadDocument("its address must be https, with a host name and a path, and no port")
    # RFC 3986 6.2.2.2: an encoded dot is a dot to whoever decodes it.
    if found[2] == "/" or any(part.lower().replace("%2e", ".") in (".", "..") for part in found[2].split("/")):
        raise BadDocument("its address must have a path, without dots as segments")
    if _NUMBER.fullmatch(found[1].rpartition(".")[2]):
        raise BadDocument("its address must name its host, not number it")
    return found[1].lower(), found[2] + (found[3] or "")


@dataclass(frozen=True, kw_only=True)
class Fetched:
    document: object
    fresh: timedelta
    lasting: bool
    """Whether it may be used beyond that while it cannot be had anew (RFC 9111 4.2.4)."""


@dataclass(frozen=True)
class Fetch:
    redis: Redis

    async def get(self, url: str, caller: str, *, most: int) -> Fetched:
        """The document of *most* bytes at *url*, which *caller* makes us ask for; BadDocument without."""
        host, path = check_url(url)
        await self._take(OF_CALLER, f"fetch:for:{caller}")
        await self._take(OF_HOST, f"fetch:of:{host}")
        try:
            async with asyncio.timeout(TIMEOUT):
                address = await _address(host, self._lookups)
                await self._take(OF_ADDRESS, f"fetch:at:{address}")
                return await self._from(address, host, path, most)
        except TimeoutError:
            raise NotNow("it took too long") from None
        except (httpx2.HTTPError, httpx2.InvalidURL):
            raise NotNow("it cannot be fetched") from None

    async def _take(self, rate: Rate, scope: str) -> None:
        taken = await RateLimiter(self.redis, rate).take(scope)
        if taken.wait:
            raise TooOften(taken.wait)

    async def _from(self, address: str, host: str, path: str, most: int) -> Fetched:
        target = f"[{address}]" if ":" in address else address
        # The address that was checked is the one we connect to; the certificate must still be the host's.
        request = httpx2.Request(
            "GET",
            f"https://{target}{path}",
            headers={"host": host, "accept": "application/json", "accept-encoding": "identity"},
            extensions={"sni_hostname": host, "timeout": httpx2.Timeout(TIMEOUT).as_dict()},
        )
        # A client of its own: one that is kept would use a connection again for another host at the same address.
        async with httpx2.AsyncClient(verify=self._trusted, follow_redirects=False, trust_env=False) as http:
            response = await http.send(request, stream=True)
            try:
                body = await _body(response, most)
            finally:
                await response.aclose()
        try:
            document = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise BadDocument("it is not JSON") from None
        return Fetched(
            document=document, fresh=fresh_for(response.headers), lasting=not _NOT_STALE & _directives(response.headers)
        )

    @cached_property
    def _lookups(self) -> Lookups:
        return Lookups()

    @cached_property
    def _trusted(self) -> ssl.SSLContext:
        # Once: to read all authorities takes longer than to fetch a document.
        return authorities()


def authorities() -> ssl.SSLContext:
    """Whose certificates are believed."""
    return httpx2.create_ssl_context(trust_env=False)


async def _address(host: str, lookups: Lookups) -> str:
    """The one of the host's addresses to connect to; all of them must be public."""
    try:
        addresses = await lookups.addresses(host)
    except Busy:
        raise NotNow("too many are being looked up: try again soon") from None
    except (OSError, UnicodeError):
        # In the words of the other: nobody learns here which names there are inside.
        raise NotNow(_INSIDE) from None
    if not all(is_public(each) for each in addresses):
        raise BadDocument(_INSIDE)
    return addresses[0]


async def _body(response: httpx2.Response, most: int) -> bytes:
    if response.status_code >= 500 or response.status_code == 429:  # noqa: PLR2004  # RFC 9110, RFC 6585
        raise NotNow(f"its address answered {response.status_code}")
    if response.status_code != 200:  # noqa: PLR2004  # RFC 9110
        raise BadDocument(f"its address answered {response.status_code}")
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise BadDocument("it is not application/json")
    if response.headers.get("content-encoding", "identity") != "identity":
        raise BadDocument("it is compressed")
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > most:
            raise BadDocument(f"it has more than {most} bytes")
    return bytes(body)


def fresh_for(headers: Mapping[str, str]) -> timedelta:
    """How long a document is fresh (RFC 9111 4.2), within our bounds."""
    asked = timedelta() if _directives(headers) & {"no-store", "no-cache"} else _lifetime(headers) - _age(headers)
    return min(LONGEST, max(SHORTEST, asked))


def _lifetime(headers: Mapping[str, str]) -> timedelta:
    found = _MAX_AGE.search(headers.get("cache-control", "").lower())
    if found:
        return timedelta(seconds=int(found[1]))
    try:
        expires, date = (email.utils.parsedate_to_datetime(headers.get(name, "")) for name in ("expires", "date"))
        return expires - date
    except (ValueError, TypeError, OverflowError):
        # RFC 9111 5.3: an invalid date, as 0, means that it has expired.
        return timedelta()


def _age(headers: Mapping[str, str]) -> timedelta:
    age = headers.get("age", "")
    return timedelta(seconds=int(age)) if re.fullmatch(r"[0-9]{1,9}", age) else timedelta()


def _directives(headers: Mapping[str, str]) -> set[str]:
    return {each.partition("=")[0].strip() for each in headers.get("cache-control", "").lower().split(",")}


_NOT_STALE: Final = frozenset({"no-store", "no-cache", "must-revalidate"})
