"""The front channel: from a client's authorization request over consent and the provider to its code.

Nothing leads to the provider before the person has said yes on our own page, in this browser, to this very request;
and what comes back from there counts only in that browser (confused deputy, MCP security best practices).
"""

import hmac
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode

import msgspec

from auth import redirects, resource
from auth.audit import Audit
from auth.authlib_server import Known
from auth.clients import Clients
from auth.core import check_authorization
from auth.fetch import BadDocument, TooOften
from auth.form import Form
from auth.identity import Identity, admit, is_operator, no_operator
from auth.pkce import new_verifier
from auth.providers.provider import Leg, Provider, ProviderFailed
from auth.refusal import OAuthRefused, PageRefused
from auth.scopes import OPERATOR, Scopes
from auth.settings import AuthSettings
from auth.tokens import digest, new_token
from storage.clients import Client
from storage.clock import milliseconds
from storage.grants import Code, Grant, GrantStore
from storage.records import Principal, new_id
from storage.signins import Asked, Request, SignInStore, Visit

LONGEST_STATE: Final = 2048


class SentBack(Exception):
    """The client is told by a redirect why it gets nothing (RFC 6749 4.1.2.1)."""

    def __init__(self, location: str) -> None:
        super().__init__("sent back to the client")
        self.location = location


@dataclass(frozen=True, kw_only=True)
class Consent:
    """What a consent page shows."""

    ticket: str = field(repr=False)
    request: Request
    client: Client


@dataclass(frozen=True, kw_only=True)
class Departure:
    """Where to send a browser that agreed, and the secret that it brings back."""

    location: str = field(repr=False)
    state: str = field(repr=False)
    secret: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class SignIn:
    clients: Clients
    signins: SignInStore
    grants: GrantStore
    providers: Mapping[str, Provider]
    settings: AuthSettings
    scopes: Scopes
    issuer: str
    resource: str
    audit: Audit

    async def begin(self, query: bytes, caller: str) -> tuple[Request, Client]:
        """An authorization request of *caller* that is good.

        PageRefused while it is not sure that the redirect URI is the client's; SentBack with every later error.
        """
        try:
            form = Form.parse(query)
        except OAuthRefused as error:
            raise PageRefused(error.description) from None
        client = await self._client(form.get("client_id", ""), caller)
        redirect_uri = _redirect_uri(form, client)
        state = form.get("state")
        if state is not None and len(state) > LONGEST_STATE:
            raise PageRefused(f"The client's state has more than {LONGEST_STATE} characters.")
        try:
            known = Known(client=client, scopes=self.scopes.all)
            redirect_uri, scopes, challenge = check_authorization(form, known)
            target = resource.check(form.all("resource"), self.resource)
        except OAuthRefused as error:
            raise self._sent_back(redirect_uri, state, error.error, error.description) from None
        request = Request(
            client_id=client.id,
            redirect_uri=redirect_uri,
            state=state,
            code_challenge=challenge,
            scopes=scopes,
            resource=target,
            id=new_id(),
            is_redirect_given="redirect_uri" in form,
        )
        return request, client

    async def ask(self, request: Request, client: Client, browser: str) -> Consent:
        """A page to ask the person on. Each has a ticket of its own, so that two open pages do not harm each other."""
        ticket = secrets.token_urlsafe(32)
        await self.signins.ask(ticket, Asked(request=request, browser=digest(browser)))
        return Consent(ticket=ticket, request=request, client=client)

    async def remembered(self, request: Request, browser: str | None, site: str | None) -> Provider | None:
        """The provider to go to without asking: this browser agreed, and no page but the person sent it here (A3)."""
        if not self.settings.auth_consent_ttl or browser is None or site != "none":
            return None
        for name, provider in self.providers.items():
            if await self.signins.remembers(_agreement(browser, request, name)):
                return provider
        return None

    async def decide(self, form: Form, browser: str | None) -> Departure:
        """What the person answered. PageRefused unless the page was shown to this browser; SentBack when it is no."""
        asked = await self.signins.take_asked(form.get("ticket", ""))
        if asked is None or browser is None or not hmac.compare_digest(asked.browser, digest(browser)):
            raise PageRefused(
                "This page was not shown to this browser, or is too old. Start again from your client.", status=403
            )
        request = asked.request
        if form.get("decision") != "allow":
            self._note("consent denied", request)
            raise self._sent_back(request.redirect_uri, request.state, "access_denied", "The person said no")
        provider = self.providers.get(form.get("provider", ""))
        if provider is None:
            raise PageRefused("There is no such way to sign in. Start again from your client.")
        self._note("consent given", request, scopes=request.scopes)
        if self.settings.auth_consent_ttl:
            await self.signins.remember(_agreement(browser, request, provider.name), self.settings.auth_consent_ttl)
        return await self.depart(request, provider, browser)

    async def depart(self, request: Request, provider: Provider, browser: str) -> Departure:
        """On to the provider: state, nonce and PKCE of our own, made only after consent in this *browser*."""
        state, secret = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        leg = Leg(
            redirect_uri=self._callback(provider.name),
            state=state,
            nonce=secrets.token_urlsafe(32),
            code_verifier=new_verifier(),
        )
        visit = Visit(
            request=request,
            browser=digest(secret),
            provider=provider.name,
            nonce=leg.nonce,
            code_verifier=leg.code_verifier,
            agreement=_agreement(browser, request, provider.name) if self.settings.auth_consent_ttl else "",
        )
        await self.signins.send(state, visit)
        try:
            location = await provider.authorization_url(leg)
        except ProviderFailed as error:
            raise PageRefused(str(error), status=502) from None
        return Departure(location=location, state=state, secret=secret)

    async def arrive(self, provider_name: str, answer: Mapping[str, str], secret: str | None) -> str:
        """The provider's answer; where to send the browser with the client's code.

        The state is used up whatever it comes to. PageRefused when the answer is not to be believed.
        """
        visit = await self.signins.take_visit(answer.get("state", ""))
        if visit is None:
            raise PageRefused("This sign-in is not known: it is over, or too old. Start again from your client.")
        if secret is None or not hmac.compare_digest(visit.browser, digest(secret)):
            self._note("sign-in finished in another browser", visit.request)
            raise PageRefused("This sign-in was begun in another browser. Start again from your client.", status=403)
        provider = self.providers.get(provider_name)
        if provider is None or visit.provider != provider_name:
            raise PageRefused("This answer came from another provider. Start again from your client.")
        request = visit.request
        leg = Leg(
            redirect_uri=self._callback(provider_name),
            state=answer["state"],
            nonce=visit.nonce,
            code_verifier=visit.code_verifier,
        )
        try:
            await provider.check_issuer(answer)
            if "error" in answer:
                self._note("provider refused", request, provider=provider_name)
                described = f"{provider.title} did not let the person in"
                raise self._sent_back(request.redirect_uri, request.state, "access_denied", described)
            identity = await provider.identify(leg, answer)
            admit(identity, self.settings)
        except ProviderFailed as error:
            self._note("sign-in failed", request, provider=provider_name, why=str(error))
            raise PageRefused(str(error)) from None
        except PageRefused as refused:
            self._note("sign-in not allowed", request, provider=provider_name, why=refused.message)
            raise
        return await self._grant(visit, identity)

    async def _client(self, client_id: str, caller: str) -> Client:
        try:
            client = await self.clients.find(client_id, caller) if client_id else None
        except BadDocument as error:
            status = 429 if isinstance(error, TooOften) else 400
            raise PageRefused(f"The client's document cannot be used: {error}.", status=status) from None
        if client is None:
            raise PageRefused(
                "The client is not known here: it never registered, or so long ago that it was forgotten. "
                "Remove this server from your client and add it again."
            )
        return client

    def _note(
        self, event: str, request: Request, *, provider: str = "", why: str = "", scopes: Sequence[str] = ()
    ) -> None:
        """What can be brought about without having signed in."""
        more = {name: value for name, value in (("provider", provider), ("why", why)) if value}
        asked = {"scopes": list(scopes)} if scopes else {}
        ids = {"client": request.client_id, "sign_in": request.id}
        self.audit.note(event, principal=None, trail="strangers", **ids, **more, **asked)

    async def _grant(self, visit: Visit, identity: Identity) -> str:
        request, provider = visit.request, visit.provider
        is_one = is_operator(identity.email, identity.subject, provider, self.settings)
        scopes = tuple(each for each in request.scopes if each != OPERATOR or is_one)
        if not scopes:
            self._note("no operator", request, provider=provider)
            if request.client_id in self.clients.own:
                raise no_operator(identity, provider)
            raise self._sent_back(
                request.redirect_uri, request.state, "access_denied", "The person may have none of these scopes"
            )
        now = int(time.time() * 1000)
        grant = Grant(
            id=new_id(),
            principal=Principal(client_id=request.client_id, issuer=identity.issuer, subject=identity.subject),
            scopes=scopes,
            resource=request.resource,
            provider=provider,
            name=identity.name,
            created_at=now,
            expires_at=now + milliseconds(self.settings.auth_grant_ttl),
            email=identity.email,
            agreement=visit.agreement,
        )
        code = new_token("ac", grant.id)
        bound = Code(
            client_id=request.client_id,
            redirect_uri=request.redirect_uri,
            code_challenge=request.code_challenge,
            scopes=scopes,
            resource=request.resource,
            is_redirect_given=request.is_redirect_given,
        )
        await self.grants.add(grant, digest(code), bound, upstream=identity.upstream)
        self.audit.note(
            "signed in", principal=grant.principal, name=identity.name, scopes=list(scopes), sign_in=request.id
        )
        return self._to_client(request.redirect_uri, request.state, {"code": code})

    def _callback(self, provider: str) -> str:
        return f"{self.issuer}{self.settings.callback_path(provider)}"

    def _sent_back(self, redirect_uri: str, state: str | None, error: str, description: str) -> SentBack:
        said = {"error": error, "error_description": description}
        return SentBack(self._to_client(redirect_uri, state, said))

    def _to_client(self, redirect_uri: str, state: str | None, answer: Mapping[str, str]) -> str:
        """With the client's state as it was sent, and our name (RFC 9207), on success and on error alike."""
        parameters = {**answer, **({} if state is None else {"state": state}), "iss": self.issuer}
        return f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{urlencode(parameters)}"


def _redirect_uri(form: Form, client: Client) -> str:
    """The redirect URI, once it is sure that it is the client's: until then nobody is sent anywhere."""
    given = form.get("redirect_uri")
    if given is None and len(client.redirect_uris) == 1:
        return client.redirect_uris[0]
    if given is None or not redirects.is_registered(given, client.redirect_uris):
        raise PageRefused("The address that the client wants you to be sent to is not one that it registered.")
    return given


def _agreement(browser: str, request: Request, provider: str) -> str:
    """What a consent is remembered under: everything that was agreed to, in a hash, for it holds a browser's secret."""
    what: Sequence[object] = (
        browser,
        request.client_id,
        request.redirect_uri,
        sorted(request.scopes),
        request.resource,
        provider,
    )
    return digest(msgspec.json.encode(what).decode())
