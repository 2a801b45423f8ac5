"""The end of a grant, and of what hangs on it: tokens and streams at once, jobs and remembered consent after."""

from dataclasses import dataclass

from auth.audit import Audit
from auth.upstream import Upstream
from storage.grants import Grant, GrantStore
from storage.signins import SignInStore
from storage.tasks import TaskStore


@dataclass(frozen=True, kw_only=True)
class Revocations:
    grants: GrantStore
    signins: SignInStore
    tasks: TaskStore
    audit: Audit
    upstream: Upstream
    cancels: bool
    """Whether the jobs that were begun under a grant end with it (`MCP_AUTH_REVOKED_JOBS`)."""

    async def revoke(self, grant: Grant, reason: str, *, by: str) -> bool:
        """End the grant on every replica; False when it had ended."""
        if not await self.grants.revoke(grant.id, reason):
            return False
        await self.follow(grant, reason, by=by)
        return True

    async def follow(self, grant: Grant, reason: str, *, by: str) -> None:
        """What is left to do for a grant that has just been revoked."""
        jobs = await self._cancel(grant) if self.cancels else 0
        self.upstream.forget(grant, await self.grants.take_upstream(grant))
        if grant.agreement:
            await self.signins.forget(grant.agreement)
        self.audit.note("revoked", principal=grant.principal, why=reason, by=by, grant=grant.id, jobs_cancelled=jobs)

    async def _cancel(self, grant: Grant) -> int:
        """Cancel what works for the grant; what has ended meanwhile stays as it ended."""
        theirs = [record for record in await self.tasks.at_work(grant.principal) if record.grant == grant.id]
        for record in theirs:
            await self.tasks.cancel(record, "the access of its caller was revoked")
        return len(theirs)
