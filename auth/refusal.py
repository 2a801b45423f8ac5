"""OAuth's own form of a refusal: an error code of an RFC, a sentence, and the status it goes with."""

from collections.abc import Mapping


class OAuthRefused(Exception):
    """A request that is not granted. *error* is the RFC's code, the message a sentence for the client's developer."""

    def __init__(
        self, error: str, description: str, *, status: int = 400, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status
        self.headers = dict(headers or {})

    @property
    def body(self) -> dict[str, str]:
        return {"error": self.error, "error_description": self.description}


class PageRefused(Exception):
    """A request that a browser made and that may not be answered by a redirect: a page says why."""

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
