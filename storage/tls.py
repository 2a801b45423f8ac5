"""TLS to Redis: always verified, and what is wrong with it said in words."""

import contextlib
import ssl
from collections.abc import Generator
from pathlib import Path
from typing import Any

from redis.asyncio import SSLConnection
from redis.exceptions import ConnectionError  # noqa: A004  # its name

from storage.settings import StorageSettings


def tls_options(settings: StorageSettings) -> dict[str, Any]:
    """What redis-py and kombu call it; nothing when the address is not for TLS."""
    if not settings.address().is_tls:
        return {}
    return {
        # Spelled out: left to itself, kombu verifies nothing.
        "ssl_cert_reqs": ssl.CERT_REQUIRED,
        "ssl_check_hostname": True,
        "ssl_min_version": ssl.TLSVersion.TLSv1_2,
        "ssl_ca_certs": _text(settings.redis_ca_file),
        "ssl_certfile": _text(settings.redis_cert_file),
        "ssl_keyfile": _text(settings.redis_key_file),
    }


def _text(file: Path | None) -> str | None:
    return None if file is None else str(file)


@contextlib.contextmanager
def explained() -> Generator[None]:
    """Let a connection that TLS prevented say why, in one sentence."""
    try:
        yield
    except ConnectionError as error:
        if said := what_is_wrong(error):
            raise ConnectionError(said) from error
        raise


def what_is_wrong(error: BaseException | None) -> str | None:
    """A sentence about the fault of TLS that is behind *error*, if one is."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return (
                f"Redis showed a certificate that is not trusted ({error.verify_message.rstrip('.')}): "
                "see MCP_REDIS_CA_FILE and the host in MCP_REDIS_URL"
            )
        if isinstance(error, ssl.SSLError):
            return (
                f"Redis and we do not agree on TLS ({error.reason or error}): "
                "see MCP_REDIS_URL, MCP_REDIS_CERT_FILE and MCP_REDIS_KEY_FILE"
            )
        error = error.__cause__ or error.__context__
    return None


class TlsConnection(SSLConnection):
    async def connect_check_health(self, check_health: bool = True, retry_socket_connect: bool = True) -> None:  # noqa: FBT001, FBT002  # its signature
        with explained():
            await super().connect_check_health(check_health, retry_socket_connect)
