"""Settings of tools, of the worker that runs them, and of Flower that shows it."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from storage.settings import Group, Seconds, is_loopback, is_origin, words
from tasks.aws.roles import Role, entries


class ToolSettings(Group):
    """What a tool may know about where it runs."""

    project_path: Path = Field(default=Path(), description="the directory the `project` tool searches.")
    aws_region: str | None = Field(
        default=None, description="the AWS region of the tools; empty leaves it to boto3's chain."
    )
    aws_roles: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="the AWS role that tools work in, for whom: <issuer>|<subject>=role ARN, client:<client id>=role "
        "ARN or *=role ARN, separated by commas or line ends, the first that fits; who fits none is refused. Empty "
        "lets everybody work with the worker's own credentials.",
    )
    aws_regions: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="AWS regions that tools may ask, separated by commas; empty for any."
    )
    aws_accounts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="AWS accounts whose ARNs tools take, separated by commas; empty for any."
    )
    s3_presign: Seconds = Field(
        default=timedelta(0),
        ge=timedelta(0),
        le=timedelta(hours=1),
        description="seconds that a link to an S3 object lasts (`aws_s3` presignGet), at most 3600; 0 makes none.",
    )
    bedrock_model: str = Field(
        default="global.anthropic.claude-sonnet-4-5-20250929-v1:0",
        description="the Bedrock model or inference profile that analyses; `off` leaves the rules alone to speak.",
    )
    bedrock_fallback_model: str = Field(
        default="", description="the model that is asked when the first is throttled, denied or away; empty for none."
    )
    result_inline_limit: int = Field(
        default=256 * 1024,
        ge=1024,
        description="bytes of a result above which the answer links to it as a resource.",
    )
    result_limit: int = Field(
        default=32 * 1024 * 1024, ge=1024, description="most bytes of a result; a larger one becomes an error."
    )
    ask_timeout: Seconds = Field(
        default=timedelta(minutes=5),
        ge=timedelta(seconds=1),
        description="seconds a tool waits for the answer to a question it asked the client.",
    )

    @field_validator("aws_roles", mode="before")
    @classmethod
    def _entries(cls, value: object) -> object:
        return entries(value)

    @field_validator("aws_regions", "aws_accounts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return words(value)

    @field_validator("aws_roles")
    @classmethod
    def _roles(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            Role.parse(entry)
        return value

    @field_validator("aws_regions")
    @classmethod
    def _regions(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for region in value:
            if not re.fullmatch(r"[a-z]{2,}(-[a-z]+)+-[0-9]{1,2}", region):
                raise ValueError(f"{region!r} is not the name of a region, as us-east-1")
        return value

    @field_validator("aws_accounts")
    @classmethod
    def _accounts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for account in value:
            if not re.fullmatch(r"[0-9]{12}", account):
                raise ValueError(f"{account!r} is not the twelve digits of an account")
        return value

    @model_validator(mode="after")
    def _roles_of_accounts(self) -> Self:
        for role in map(Role.parse, self.aws_roles):
            if self.aws_accounts and role.account not in self.aws_accounts:
                raise ValueError(f"the account of {role.arn} in MCP_AWS_ROLES is not in MCP_AWS_ACCOUNTS")
        return self


class WorkerSettings(Group):
    """How jobs are queued and run."""

    tool_modules: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="your own tool modules, importable names or file paths, separated by commas."
    )
    worker_concurrency: int = Field(default=20, ge=1, le=1000, description="jobs one worker runs at once.")
    worker_queues: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("default",), description="the queues a worker takes jobs from, separated by commas."
    )
    task_after: Seconds = Field(
        default=timedelta(seconds=5),
        ge=timedelta(0),
        description="seconds after which a call becomes a task, for clients that take tasks.",
    )
    drain_timeout: Seconds = Field(
        default=timedelta(seconds=10),
        ge=timedelta(0),
        description="seconds that running calls and jobs get to end when a process is stopped.",
    )
    no_worker_timeout: Seconds = Field(
        default=timedelta(seconds=15),
        ge=timedelta(0),
        description="seconds a call waits in a queue that no live worker serves before it ends with an error; "
        "0 waits for ever, for pools that scale from zero.",
    )

    @field_validator("tool_modules", "worker_queues", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return words(value)


class LogSettings(Group):
    model_config = SettingsConfigDict(env_prefix="MCP_LOG_")

    level: str = Field(
        default="info", pattern="^(debug|info|warning|error)$", description="debug, info, warning or error."
    )
    format: str = Field(
        default="auto", pattern="^(auto|json|console)$", description="json, console, or auto: console on a terminal."
    )


class FlowerSettings(Group):
    """How Flower is reached, and how it knows who may look."""

    model_config = SettingsConfigDict(env_prefix="MCP_FLOWER_")

    url: str | None = Field(
        default=None,
        description="the origin that operators reach Flower by, as https://flower.example.com; a host of its own.",
    )
    secret: SecretStr | None = Field(
        default=None,
        min_length=32,
        max_length=512,
        description="what Flower proves itself with when operators sign in: the same for web and Flower, 32 characters "
        "or more. Make one with: openssl rand -base64 32.",
    )
    server: str | None = Field(
        default=None,
        description="the origin that Flower itself reaches the web processes by; empty for MCP_PUBLIC_URL.",
    )
    recheck: Seconds = Field(
        default=timedelta(minutes=5),
        ge=timedelta(seconds=1),
        le=timedelta(hours=1),
        description="seconds after which Flower asks again whether somebody may still look.",
    )
    proxy_header: str = Field(
        default="",
        pattern="^([A-Za-z0-9-]{1,64})?$",
        description="the header in which one of MCP_TRUSTED_PROXIES says who has signed in there, as "
        "X-Forwarded-Email; empty for none.",
    )

    @field_validator("url", "server")
    @classmethod
    def _origin(cls, value: str | None) -> str | None:
        found = value and value.rstrip("/")
        if found and not is_origin(found):
            raise ValueError("it must be an origin: http:// or https://, a host, perhaps a port, and nothing else")
        return found

    @field_validator("url")
    @classmethod
    def _tls(cls, value: str | None) -> str | None:
        if value and not value.startswith("https://") and not is_loopback(urlsplit(value).hostname or ""):
            # OAuth 2.1 2.3.1: codes go to https, or to this machine.
            raise ValueError("it must be https://, unless it is of this machine")
        return value
