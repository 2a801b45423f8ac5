"""What a person does with the pages, in a real browser."""

from urllib.parse import urlsplit

from playwright.sync_api import Page

from tests.oauth import printed_codes
from tests.servers import Stack, until

TITLES = {"local": "this machine", "oidc": "Corp"}


def agree(page: Page, provider: str) -> None:
    page.get_by_role("button", name=f"Agree and sign in with {TITLES[provider]}").click()


def sign_in(page: Page, stack: Stack, provider: str, *, name: str = "ada") -> None:
    """From the consent page to the client's redirect; *name* is the login at `oidc`."""
    before = len(printed_codes(stack.webs))
    agree(page, provider)
    if provider == "local":
        until(lambda: len(printed_codes(stack.webs)) > before, "a sign-in code printed")
        page.get_by_label("Code").fill(printed_codes(stack.webs)[-1].lower())
        page.get_by_role("button", name="Sign in").click()
        return
    page.get_by_placeholder("Enter any login").fill(name)
    page.get_by_placeholder("and password").fill("anything")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()


def arrived(page: Page, redirect_uri: str) -> str:
    """The address that the client's redirect got, once the browser is there."""
    page.wait_for_url(lambda url: url.startswith(redirect_uri))
    assert urlsplit(page.url).query
    return page.url
