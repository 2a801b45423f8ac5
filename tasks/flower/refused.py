"""Why somebody may not see what they asked for, and how that is said: to a person, or to a program."""

# pyright: reportUnknownMemberType=false
# Tornado leaves a type parameter out.

import html
import json
from dataclasses import dataclass, field
from string import Template
from typing import Final

from tornado.web import RequestHandler

_PAGE: Final = Template(
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>$title</title>'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    "<style>body{font:16px/1.5 system-ui,sans-serif;max-width:36rem;margin:4rem auto;padding:0 1rem;"
    "color-scheme:light dark}</style><main><h1>$title</h1><p>$sentence</p>$more</main>"
)
_LINK: Final = Template('<p><a href="$target">$text</a></p>')


@dataclass
class Refused(Exception):
    """*sentence* is for whoever asked, and may hold nothing that they did not send or may not know."""

    status: int
    sentence: str
    location: str = ""
    """Where a person is sent instead of being told."""
    challenge: str = ""
    """What `WWW-Authenticate` says (RFC 9110 11.6.1)."""
    link: tuple[str, str] | None = field(default=None)
    """Where a person may go on, and its text."""

    def answer(self, handler: RequestHandler) -> None:
        """End the request of *handler* with this."""
        if self.challenge:
            handler.set_header("WWW-Authenticate", self.challenge)
        if not wants_page(handler):
            handler.set_status(self.status)
            handler.set_header("Content-Type", "application/json")
            handler.finish(json.dumps({"error": self.sentence}))
        elif self.location:
            handler.redirect(self.location, status=303)
        else:
            page(
                handler, self.status, "Not for you" if self.status == FORBIDDEN else "Flower", self.sentence, self.link
            )


FORBIDDEN: Final = 403


def wants_page(handler: RequestHandler) -> bool:
    """Whether a person looks at the answer: browsers say that they navigate, and older ones what they take."""
    headers = handler.request.headers
    mode = headers.get("Sec-Fetch-Mode")
    return mode == "navigate" if mode else "text/html" in headers.get("Accept", "")


def page(handler: RequestHandler, status: int, title: str, sentence: str, link: tuple[str, str] | None = None) -> None:
    """End the request of *handler* with a page of one sentence."""
    more = _LINK.substitute(target=html.escape(link[0]), text=html.escape(link[1])) if link else ""
    handler.set_status(status)
    handler.set_header("Content-Type", "text/html; charset=UTF-8")
    handler.finish(_PAGE.substitute(title=html.escape(title), sentence=html.escape(sentence), more=more))
