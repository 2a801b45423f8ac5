"""What a browser is asked to bring back: who it is on our pages, and which sign-in it has set out on."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from litestar.datastructures import Cookie

from storage.grants import digest
from storage.signins import LIFE

_BROWSER: Final = "mcp_browser"
_VISIT: Final = "mcp_visit"


@dataclass(frozen=True)
class Cookies:
    """`__Host-` binds a cookie to this very origin, and needs https; plain http is for this machine only."""

    https: bool

    def browser_name(self) -> str:
        return self._name(_BROWSER)

    def visit_name(self, state: str) -> str:
        """One for each sign-in, so that two of them side by side do not spoil each other."""
        return self._name(f"{_VISIT}_{digest(state)[:8]}")

    def browser(self, secret: str, keep: timedelta) -> Cookie:
        return self._cookie(self.browser_name(), secret, int(keep.total_seconds()) or None)

    def visit(self, state: str, secret: str) -> Cookie:
        return self._cookie(self.visit_name(state), secret, int(LIFE.total_seconds()))

    def over(self, state: str) -> Cookie:
        """The visit's, taken back: the sign-in is over."""
        return self._cookie(self.visit_name(state), "", 0)

    def _name(self, name: str) -> str:
        return f"__Host-{name}" if self.https else name

    def _cookie(self, name: str, value: str, seconds: int | None) -> Cookie:
        # Lax: the provider sends the browser back from another site.
        return Cookie(
            key=name, value=value, max_age=seconds, path="/", secure=self.https, httponly=True, samesite="lax"
        )
