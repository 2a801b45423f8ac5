"""Settings every process needs to reach the store, and how a wrong value is told to a person."""

import ipaddress
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from storage.address import Address
from storage.errors import SettingsError
from storage.keyfile import KeyFile
from storage.seal import KeyRing, decode_key

PREFIX: Final = "MCP_"
_TLS: Final = ("redis_ca_file", "redis_cert_file", "redis_key_file")
_ORIGIN: Final = re.compile(r"https?://([A-Za-z0-9.\-_]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?")


class Group(BaseSettings):
    """A part of the settings: read once from `MCP_*` variables and `.env`, then frozen."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )


GroupT = TypeVar("GroupT", bound=Group)


def read(group: type[GroupT], **given: object) -> GroupT:
    """Build *group* from what is *given*, the environment, `.env` and defaults, in that order.

    Raises SettingsError with one sentence about the first wrong value.
    """
    try:
        return group(**given)  # pyright: ignore[reportArgumentType]  # values are checked by pydantic
    except ValidationError as error:
        raise SettingsError(sentence(group, error)) from None


def sentence(group: type[Group], error: ValidationError) -> str:
    """What is wrong in words: the variable, what was given unless it is a secret, and what is right."""
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    field = group.model_fields.get(name)
    prefix = group.model_config.get("env_prefix", PREFIX)
    variable = f"{prefix}{name}".upper() if name else "the settings"
    right = f" It sets: {field.description}" if field and field.description else ""
    reason = first["msg"].removeprefix("Value error, ")
    given = ":" if _is_secret(field) else f" is {_short(first.get('input'))}:"
    return f"{variable}{given} {reason[:1].lower()}{reason[1:]}.{right}"


def _is_secret(field: Any) -> bool:  # noqa: ANN401  # pydantic's FieldInfo is generic in ways that do not matter here
    return field is None or "Secret" in str(field.annotation)


def _short(value: object) -> str:
    text = f"{value.total_seconds():g}" if isinstance(value, timedelta) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."  # noqa: PLR2004  # a line's worth


def words(value: object) -> object:
    """A list given as words: separated by commas or white space."""
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


def _seconds(value: object) -> object:
    """A duration given as a number of seconds, which is how durations stand in the environment."""
    if not isinstance(value, str):
        return value
    try:
        return timedelta(seconds=float(value))
    except (ValueError, OverflowError):
        raise ValueError("it must be a number of seconds") from None


Seconds = Annotated[timedelta, BeforeValidator(_seconds)]


class StorageSettings(Group):
    """Where Redis is, and the keys that seal what we put there."""

    redis_url: SecretStr | None = Field(
        default=None,
        description="the Redis or Valkey to use, as redis://[user:password@]host:port[/db], rediss://... (TLS), "
        "unix:///path, redis+cluster://host:port,host:port,... or "
        "redis+sentinel://host:port,host:port,.../db?service=mymaster (rediss+... with TLS); empty lets `up` start a "
        "server of its own.",
    )
    redis_connections: int = Field(
        default=64, ge=4, le=10_000, description="most connections of one process, to each server."
    )
    redis_ca_file: Path | None = Field(
        default=None,
        description="the certificates that a Redis with TLS is trusted by, in PEM; empty means those of the system.",
    )
    redis_cert_file: Path | None = Field(
        default=None, description="our own certificate, in PEM, when a Redis with TLS asks for one."
    )
    redis_key_file: Path | None = Field(default=None, description="the private key of that certificate.")
    redis_sentinel_password: SecretStr | None = Field(
        default=None, description="the password of the sentinels, when they ask for one."
    )
    data_dir: Path = Field(default=Path(".data"), description="where `up` keeps its Redis data and its secret key.")
    secret_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        default=(),
        description="the key ring that seals what is stored: base64 of 32 bytes each, newest first, "
        "separated by commas. Make one with: openssl rand -base64 32.",
    )
    secret_keys_file: Path | None = Field(
        default=None,
        description="a file with the key ring instead, one key a line, newest first: it is read again when it "
        "changes, so that `mcp-playground keys rotate` needs no restart.",
    )
    result_ttl: int = Field(
        default=86_400, ge=60, le=7 * 86_400, description="seconds a finished task and its events stay readable."
    )

    @field_validator("secret_keys", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return words(value)

    @field_validator("secret_keys")
    @classmethod
    def _decodable(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for position, key in enumerate(value, 1):
            try:
                decode_key(key.get_secret_value())
            except ValueError as error:
                raise ValueError(f"key {position} of {len(value)} is {error}") from None
        return value

    @model_validator(mode="after")
    def _one_ring(self) -> Self:
        if self.secret_keys and self.secret_keys_file:
            raise ValueError("set MCP_SECRET_KEYS or MCP_SECRET_KEYS_FILE, not both")
        return self

    @model_validator(mode="after")
    def _tls(self) -> Self:
        given = [f"MCP_{name}".upper() for name in _TLS if getattr(self, name)]
        if given and self.redis_url is not None and not self.address().is_tls:
            raise ValueError(f"{given[0]} is set, and MCP_REDIS_URL is not for TLS: it must begin with rediss")
        if (self.redis_cert_file is None) != (self.redis_key_file is None):
            raise ValueError("MCP_REDIS_CERT_FILE and MCP_REDIS_KEY_FILE belong together")
        return self

    @field_validator("redis_url")
    @classmethod
    def _parts(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            Address.parse(value.get_secret_value())
        return value

    @field_validator("redis_ca_file", "redis_cert_file", "redis_key_file")
    @classmethod
    def _readable(cls, value: Path | None) -> Path | None:
        try:
            if value is not None:
                value.read_bytes()
        except OSError as error:
            raise ValueError(f"it cannot be read ({error.strerror})") from None
        return value

    def url(self) -> str:
        """The Redis address; SettingsError when there is none."""
        if self.redis_url is None:
            raise SettingsError(
                "MCP_REDIS_URL is not set: name the Redis or Valkey server to use, for example "
                "redis://127.0.0.1:6379/0, or run `mcp-playground up`, which starts one of its own."
            )
        return self.redis_url.get_secret_value()

    def address(self) -> Address:
        """The parts of the Redis address; SettingsError when there is none."""
        return Address.parse(self.url())

    def sentinel_password(self) -> str | None:
        return self.redis_sentinel_password.get_secret_value() if self.redis_sentinel_password else None

    def is_local(self) -> bool:
        """Whether Redis is on this machine, so that every process which shares it can share files too."""
        return self.redis_url is None or all(is_loopback(host) for host, _ in self.address().nodes)

    def key_ring(self, *, exposed: bool = False) -> KeyRing:
        """The ring given, or else the one kept in the data directory, made when there is none.

        SettingsError in production, which is when Redis is elsewhere or the server is *exposed* beyond this machine:
        a key that one machine made for itself would leave the others with data they cannot read.
        """
        if self.secret_keys:
            return KeyRing([decode_key(key.get_secret_value()) for key in self.secret_keys])
        file = self.key_file(exposed=exposed)
        return KeyRing(file.read(), reread=file.changed)

    def key_file(self, *, exposed: bool = False) -> KeyFile:
        """Where the ring is kept, when it is kept in a file; SettingsError as for `key_ring`."""
        if self.secret_keys:
            raise SettingsError(
                "MCP_SECRET_KEYS holds the ring itself; one that can be changed is in MCP_SECRET_KEYS_FILE"
            )
        if self.secret_keys_file is not None:
            return KeyFile(self.secret_keys_file)
        if exposed or not self.is_local():
            raise SettingsError(
                f"MCP_SECRET_KEYS is not set, and {'MCP_HOST' if exposed else 'MCP_REDIS_URL'} leads beyond this "
                "machine: give all processes the same key. Make one with: openssl rand -base64 32"
            )
        return KeyFile.of_machine(self.data_dir / "secret.key")


class MetricsSettings(Group):
    """Where this process shows its metrics."""

    model_config = SettingsConfigDict(env_prefix="MCP_METRICS_")

    port: int = Field(
        default=0,
        ge=0,
        le=65_534,
        description="the port that shows /metrics to Prometheus, in web and worker; 0 for none.",
    )
    host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="the address of that port, which asks nobody who they are: keep strangers from it.",
    )


class TraceSettings(Group):
    """What of a caller's trace becomes ours; OpenTelemetry's own variables say whether there are traces at all."""

    model_config = SettingsConfigDict(env_prefix="MCP_TRACE_")

    trust: Literal["none", "trace", "sampling"] = Field(
        default="trace",
        description="what is taken over from a caller's traceparent: `none` links to it, `trace` continues it and "
        "decides here whether it is recorded, `sampling` leaves that to the caller. Strangers are only linked.",
    )


def has_host(address: str) -> bool:
    """Whether the URL *address* names a host, and no port that cannot be."""
    try:
        parts = urlsplit(address)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def is_origin(address: str) -> bool:
    """Whether *address* is a scheme, a host and perhaps a port, and nothing else (RFC 6454 4)."""
    return bool(_ORIGIN.fullmatch(address)) and has_host(address)


def is_loopback(host: str) -> bool:
    """Whether *host* can only be this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
