"""What is asked of the provider behind a grant: whether its person may still come in, and at its end, to forget it."""

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import structlog

from auth.providers.provider import Provider, ProviderFailed
from storage.background import Background
from storage.connection import RedisError, Unavailable
from storage.errors import StorageError
from storage.grants import UPSTREAM_LOCK, Grant, GrantStore

PATIENCE: Final = timedelta(seconds=10)
"""How long a client waits for a provider that says nothing, where it may wait so long."""
LONGEST: Final = UPSTREAM_LOCK - timedelta(seconds=5)
"""How long a provider may take: less than the lock on asking it lasts."""

log = structlog.get_logger(__name__)


def patience(grace: timedelta) -> timedelta:
    """How long a refresh waits: not into the later half of the *grace* in which its client may ask again."""
    return min(PATIENCE, grace / 2) if grace else PATIENCE


@dataclass(frozen=True, kw_only=True)
class Upstream:
    grants: GrantStore
    providers: Mapping[str, Provider]
    patience: timedelta = PATIENCE
    _working: Background = field(default_factory=Background)

    async def ask(self, grant: Grant) -> None:
        """Nothing while the person may come in; ProviderFailed when the provider has shut them out.

        One replica asks at a time. A provider that cannot be asked has not said no, and one that takes long is not cut
        off: what it answers is kept, for it may have made an end of the token that it was asked with.
        """
        provider = self.providers.get(grant.provider)
        lock = await self.grants.lock_upstream(grant) if provider else None
        if provider is None or lock is None:
            return
        asking = self._behind(self._renew(provider, grant, lock))
        done, _ = await asyncio.wait({asking}, timeout=self.patience.total_seconds())
        if done:
            asking.result()
        else:
            log.warning("the provider says nothing", provider=grant.provider)

    def forget(self, grant: Grant, upstream: bytes) -> None:
        """Tell the provider that a grant has ended (RFC 7009), behind the request's back and as well as it goes."""
        if grant.provider in self.providers and upstream:
            self._behind(self._forget(self.providers[grant.provider], grant, upstream))

    async def flush(self) -> None:
        """Wait for what is still being asked; for a process that ends."""
        await self._working.flush()

    async def _renew(self, provider: Provider, grant: Grant, lock: str) -> None:
        try:
            async with asyncio.timeout(LONGEST.total_seconds()):
                renewed = await provider.refresh(await self.grants.upstream(grant))
            if renewed is not None:
                await self.grants.keep_upstream(grant, renewed, lock)
        except TimeoutError:
            log.warning("the provider has not answered", provider=grant.provider)
        finally:
            await self.grants.unlock_upstream(grant, lock)

    async def _forget(self, provider: Provider, grant: Grant, upstream: bytes) -> None:
        try:
            # Many providers end everything that a person let us do when one token is revoked, and we are one client
            # there for all of ours: so not while another of the person's grants needs it.
            if not await self.grants.has_other(grant):
                async with asyncio.timeout(LONGEST.total_seconds()):
                    await provider.revoke(upstream)
        except TimeoutError:
            log.warning("could not tell the provider", provider=grant.provider)

    def _behind(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._working.start(work)
        task.add_done_callback(_say_how)
        return task


def _say_how(task: asyncio.Task[None]) -> None:
    """Nobody may be left who waits for the error."""
    error = None if task.cancelled() else task.exception()
    if isinstance(error, (ProviderFailed, StorageError, RedisError, *Unavailable)):
        log.info("the provider was asked in vain", error=str(error))
    elif error is not None:
        log.error("asking the provider failed", exc_info=error)
