"""The pages a person sees: consent, sign-in, and why something cannot go on. No script, nothing from elsewhere."""

import base64
import hashlib
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from litestar import Response

from auth import redirects
from auth.providers.provider import Provider
from auth.scopes import Scopes
from auth.signin import Consent

_PAGES: Final = Environment(
    loader=PackageLoader("api.oauth"),
    autoescape=select_autoescape(default=True, default_for_string=True),
    undefined=StrictUndefined,
)
_STYLE: Final = _PAGES.get_template("style.css").render()
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
# No form-action: browsers hold it against every redirect that follows the form, and those lead to the provider and
# then to the client. There is nothing on these pages that could bring another form in.
_POLICY: Final = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'; base-uri 'none'"
_HEADERS: Final = {"cache-control": "no-store", "content-security-policy": _POLICY}


def consent(asked: Consent, providers: list[Provider]) -> Response[str]:
    """Who asks, where the person will be sent, what for; one button for each way to sign in."""
    request, client = asked.request, asked.client
    return _page(
        "consent.html",
        200,
        ticket=asked.ticket,
        name=client.name,
        is_document=client.origin == "document",
        is_verified=client.origin != "registered",
        client_host=redirects.shown_host(client.id) if client.origin == "document" else "",
        host=redirects.shown_host(request.redirect_uri),
        is_loopback=redirects.is_loopback(request.redirect_uri),
        scopes=[Scopes.words(scope) for scope in request.scopes],
        providers=providers,
    )


def local(state: str, *, wrong: bool = False) -> Response[str]:
    return _page("local.html", 400 if wrong else 200, state=state, wrong=wrong)


def refusal(message: str, status: int) -> Response[str]:
    return _page("refusal.html", status, message=message)


def _page(template: str, status: int, **values: object) -> Response[str]:
    text = _PAGES.get_template(template).render(style=_STYLE, **values)
    return Response(text, status_code=status, media_type="text/html", headers=_HEADERS)
