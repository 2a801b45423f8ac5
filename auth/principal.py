"""Who a request speaks for."""

from typing import Final

from storage.records import Principal

ANONYMOUS: Final = Principal(client_id="anonymous", issuer="local", subject="anonymous")
"""Everyone, while authentication is off."""
