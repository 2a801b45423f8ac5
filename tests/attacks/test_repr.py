"""A52: what prints a record or a setting by mistake prints no secret."""

from collections.abc import Callable

import pytest
from pydantic import SecretStr

from auth.identity import Identity
from auth.providers.github import GitHub
from auth.providers.oidc import Registered
from auth.providers.provider import Leg
from auth.settings import AuthSettings
from auth.signin import Consent, Departure
from storage.clients import Client
from storage.seal import KeyRing
from storage.settings import StorageSettings
from storage.signins import Request, Visit

CANARY = "canary-5f3a9c81e7"
CLIENT = Client(id="c", name="n", redirect_uris=())
REQUEST = Request(
    client_id="c", redirect_uri="https://a.example/cb", state=None, code_challenge="x", scopes=(), resource="r"
)
PRINTED: dict[str, Callable[[], object]] = {
    "a provider's secret": lambda: Registered(issuer="https://a.example", client_id="c", client_secret=CANARY),
    "GitHub's secret": lambda: GitHub(client_id="c", client_secret=CANARY),
    "the leg to a provider": lambda: Leg(redirect_uri="r", state=CANARY, nonce=CANARY, code_verifier=CANARY),
    "a departure": lambda: Departure(location=CANARY, state=CANARY, secret=CANARY),
    "a visit": lambda: Visit(request=REQUEST, browser="b", provider="p", nonce=CANARY, code_verifier=CANARY),
    "a consent page": lambda: Consent(
        ticket=CANARY, request=REQUEST, client=Client(id="c", name="n", redirect_uris=())
    ),
    "who signed in": lambda: Identity(issuer="i", subject="s", claims={"x": CANARY}, upstream=CANARY.encode()),
    "the settings of sign-in": lambda: AuthSettings(github_client_secret=SecretStr(CANARY)),
    "the address of Redis": lambda: StorageSettings(redis_url=SecretStr(f"redis://:{CANARY}@127.0.0.1:1")),
    "the key ring": lambda: KeyRing([CANARY.encode().ljust(32, b"!")]),
}


@pytest.mark.parametrize("name", PRINTED)
def test_a_secret_is_not_printed_with_what_holds_it(name: str):
    """Ours: by repr and str, as a traceback or a log line would."""
    held = PRINTED[name]()

    assert CANARY not in repr(held)
    assert CANARY not in f"{held}"
