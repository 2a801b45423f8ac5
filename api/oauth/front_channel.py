"""What a browser visits: authorize, consent, the provider's callback, and the `local` provider's page."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode

from litestar import Request, Response, get, post
from litestar.params import FromPath

from api.limit import Limit
from api.oauth import pages
from api.oauth.cookies import Cookies
from auth.form import Form
from auth.providers.local import Local
from auth.refusal import OAuthRefused, PageRefused
from auth.settings import AuthSettings
from auth.signin import Departure, SentBack, SignIn
from storage.rate import Rate

AnyRequest = Request[Any, Any, Any]
MOST_BYTES: Final = 16 * 1024
VISITS: Final = Rate(60, timedelta(minutes=1))
"""Of one address."""


@dataclass(frozen=True, kw_only=True)
class FrontChannel:
    signin: SignIn
    cookies: Cookies
    settings: AuthSettings
    visits: Limit

    async def authorize(self, request: AnyRequest) -> Response[Any]:
        # Each leaves something in the store, and nobody has signed in yet.
        caller = self.visits.whence(request.scope)
        await self.visits.take(request.scope, f"authorize {caller}")
        try:
            asked, client = await self.signin.begin(request.scope["query_string"], caller)
        except SentBack as back:
            return to(back.location)
        browser = request.cookies.get(self.cookies.browser_name())
        known = await self.signin.remembered(asked, browser, request.headers.get("sec-fetch-site"))
        if known is not None and browser is not None:
            return self._leave(await self.signin.depart(asked, known, browser))
        browser = browser or secrets.token_urlsafe(32)
        page = pages.consent(await self.signin.ask(asked, client, browser), list(self.signin.providers.values()))
        page.cookies.append(self.cookies.browser(browser, self.settings.auth_consent_ttl))
        return page

    async def consent(self, request: AnyRequest) -> Response[Any]:
        form = await read_page_form(request)
        try:
            departure = await self.signin.decide(form, request.cookies.get(self.cookies.browser_name()))
        except SentBack as back:
            return to(back.location)
        return self._leave(departure)

    async def callback(self, request: AnyRequest, provider: str) -> Response[Any]:
        try:
            answer = Form.parse(request.scope["query_string"])
        except OAuthRefused as error:
            raise PageRefused(error.description) from None
        state = answer.get("state", "")
        secret = request.cookies.get(self.cookies.visit_name(state))
        try:
            location = await self.signin.arrive(provider, answer, secret)
        except SentBack as back:
            location = back.location
        leads = to(location)
        if secret is not None:
            leads.cookies.append(self.cookies.over(state))
        return leads

    async def show_local(self, request: AnyRequest) -> Response[Any]:
        return pages.local(request.query_params.get("state", ""))

    async def take_local(self, request: AnyRequest) -> Response[Any]:
        form = await read_page_form(request)
        provider, state = self.signin.providers.get("local"), form.get("state", "")
        if not isinstance(provider, Local) or not await provider.is_code(state, form.get("code", "")):
            return pages.local(state, wrong=True)
        return to(f"/oauth/callback/local?{urlencode({'state': state, 'code': form['code']})}")

    def routes(self) -> list[Any]:
        front = self

        @get("/oauth/authorize", summary="Begin an authorization (RFC 6749 4.1.1)")
        async def oauth_authorize(request: AnyRequest) -> Response[Any]:
            return await front.authorize(request)

        @post("/oauth/consent", status_code=303, request_max_body_size=MOST_BYTES, include_in_schema=False)
        async def oauth_consent(request: AnyRequest) -> Response[Any]:
            return await front.consent(request)

        @get("/oauth/callback/{provider:str}", include_in_schema=False)
        async def oauth_callback(request: AnyRequest, provider: FromPath[str]) -> Response[Any]:
            return await front.callback(request, provider)

        @get("/oauth/auth0-callback", include_in_schema=False)
        async def oauth_auth0_callback(request: AnyRequest) -> Response[Any]:
            return await front.callback(request, "auth0")

        found: list[Any] = [oauth_authorize, oauth_consent, oauth_callback, oauth_auth0_callback]
        if "local" not in self.signin.providers:
            return found

        @get("/oauth/local", include_in_schema=False)
        async def oauth_local(request: AnyRequest) -> Response[Any]:
            return await front.show_local(request)

        @post("/oauth/local", status_code=303, request_max_body_size=MOST_BYTES, include_in_schema=False)
        async def oauth_local_code(request: AnyRequest) -> Response[Any]:
            return await front.take_local(request)

        return [*found, oauth_local, oauth_local_code]

    def _leave(self, departure: Departure) -> Response[Any]:
        answer = to(departure.location)
        answer.cookies.append(self.cookies.visit(departure.state, departure.secret))
        return answer


def to(location: str) -> Response[Any]:
    """A redirect that never repeats a form (RFC 9700 4.12: 303, not 307)."""
    headers = {"location": location, "cache-control": "no-store"}
    return Response(None, status_code=303, headers=headers)


async def read_page_form(request: AnyRequest) -> Form:
    try:
        return Form.parse(await request.body())
    except OAuthRefused as error:
        raise PageRefused(error.description) from None
