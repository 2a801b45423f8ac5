"""A wrong setting ends the start with one sentence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from api.settings import WebSettings, check_exposure
from auth.settings import AuthSettings
from storage.errors import SettingsError
from storage.seal import new_key
from storage.settings import StorageSettings, read
from tasks.settings import LogSettings, WorkerSettings

WRONG: list[tuple[dict[str, str], str]] = [
    ({"MCP_PORT": "abc"}, "MCP_PORT is 'abc'"),
    ({"MCP_PORT": "70000"}, "MCP_PORT is '70000'"),
    ({"MCP_HOST": "0.0.0.0"}, "MCP_ALLOW_UNAUTHENTICATED=yes-i-know"),  # noqa: S104  # refused
    ({"MCP_HOST": "::"}, "MCP_HOST is '::'"),
    ({"MCP_AUTH": "please"}, "'please' is none of off, local, auth0"),
    ({"MCP_AUTH": "github"}, "MCP_AUTH names github, and MCP_GITHUB_CLIENT_ID is not set"),
    ({"MCP_AUTH": "local", "MCP_PUBLIC_URL": "http://mcp.example.com"}, "it must be the https:// origin"),
    ({"MCP_AUTH": "local", "MCP_PUBLIC_URL": "https://mcp.example.com"}, "MCP_AUTH names local"),
    ({"MCP_AUTH": "oidc", "MCP_OIDC_ISSUER": "https://id.example.com/$(id)"}, "MCP_OIDC_ISSUER is"),
    ({"MCP_AUTH_REDIRECT_SCHEMES": "javascript"}, "'javascript' is not a private-use scheme"),
    ({"MCP_TRUSTED_PROXIES": "everyone"}, "MCP_TRUSTED_PROXIES is"),
    ({"MCP_REDIS_URL": "http://here"}, "MCP_REDIS_URL: the address must begin with redis://"),
    ({"MCP_REDIS_URL": ""}, "MCP_REDIS_URL is not set"),
    ({"MCP_SECRET_KEYS": "short"}, "MCP_SECRET_KEYS: key 1 of 1"),
    ({"MCP_HOST": "0.0.0.0", "MCP_ALLOW_UNAUTHENTICATED": "yes-i-know"}, "MCP_SECRET_KEYS is not set, and MCP_HOST"),  # noqa: S104
    ({"MCP_REDIS_URL": "rediss://redis.example.com/0"}, "MCP_SECRET_KEYS is not set, and MCP_REDIS_URL"),
    ({"MCP_PUBLIC_URL": "example.com/$(id)"}, "MCP_PUBLIC_URL is"),
    ({"MCP_RATE_LIMIT": "lots"}, "MCP_RATE_LIMIT is 'lots'"),
    ({"MCP_LOG_LEVEL": "loud"}, "MCP_LOG_LEVEL is 'loud'"),
    ({"MCP_DRAIN_TIMEOUT": "soon"}, "MCP_DRAIN_TIMEOUT is 'soon'"),
    ({"MCP_WORKER_CONCURRENCY": "0"}, "MCP_WORKER_CONCURRENCY is '0'"),
    ({"MCP_AWS_ROLES": "*=arn:aws:iam::1:role/x"}, "'arn:aws:iam::1:role/x' is not the ARN of a role"),
    ({"MCP_S3_PRESIGN": "86400"}, "MCP_S3_PRESIGN is 86400: input should be less than or equal to 1 hour"),
    ({"MCP_TOOL_MODULES": "nowhere"}, "MCP_TOOL_MODULES names 'nowhere'"),
    ({"MCP_TRACE_TRUST": "everybody"}, "MCP_TRACE_TRUST is 'everybody'"),
    ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER is 'zipkin'"),
    ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_BSP_MAX_QUEUE_SIZE": "-1"}, "OpenTelemetry does not take its variables"),
]


@pytest.mark.parametrize(
    ("given", "sentence"), WRONG, ids=[next(iter(given)) + str(n) for n, (given, _) in enumerate(WRONG)]
)
def test_serve_names_the_variable_and_ends_with_status_2(tmp_path: Path, given: dict[str, str], sentence: str):
    """Ours: what was given, what would be right, and no traceback."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MCP_", "OTEL_"))}
    command = (
        [sys.executable, "-m", "api.cli.main", "serve", "--port", "0"]
        if "MCP_PORT" not in given
        else [sys.executable, "-m", "api.cli.main", "serve"]
    )

    done = subprocess.run(
        command,
        env={**clean, "MCP_REDIS_URL": "redis://127.0.0.1:1/0", "MCP_DATA_DIR": str(tmp_path), **given},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_wrong_secret_is_not_repeated():
    """Ours: neither a key nor a password is ever shown."""
    for given in ({"secret_keys": "hunter2hunter2"}, {"redis_url": "amqp://user:hunter2@host"}):
        with pytest.raises(SettingsError) as caught:
            read(StorageSettings, **given)
        assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(read(StorageSettings, redis_url="redis://:hunter2@host"))


def test_secret_keys_may_be_many():
    """Ours: the ring of a rotation, newest first."""
    first, second = new_key(), new_key()

    settings = read(StorageSettings, secret_keys=f"{first}, {second}")

    assert [key.get_secret_value() for key in settings.secret_keys] == [first, second]


def test_the_key_of_one_machine_is_made_once_and_private(tmp_path: Path):
    """Ours: web and worker of one machine find the same key."""
    settings = read(StorageSettings, data_dir=tmp_path / "data")

    assert settings.key_ring().first == settings.key_ring().first
    assert (tmp_path / "data" / "secret.key").stat().st_mode & 0o777 == 0o600


def test_a_damaged_key_file_is_named(tmp_path: Path):
    """Ours: the sentence says which line of which file."""
    (tmp_path / "secret.key").write_text("# mine\nnonsense\n")

    with pytest.raises(SettingsError, match=r"secret\.key is not good: line 2 is 6 bytes"):
        read(StorageSettings, data_dir=tmp_path).key_ring()


def test_a_ring_is_given_once(tmp_path: Path):
    """Ours: of two rings nobody would know which one counts."""
    with pytest.raises(SettingsError, match="not both"):
        read(StorageSettings, secret_keys=new_key(), secret_keys_file=tmp_path / "keys")


@pytest.mark.parametrize(
    ("url", "local"),
    [
        (None, True),
        ("unix:///run/redis.sock", True),
        ("redis://127.0.0.1:6379/0", True),
        ("redis://[::1]", True),
        ("redis://user:pass@localhost", True),
        ("redis://redis:6379/0", False),
        ("rediss://127.0.0.1.example.com", False),
        ("redis://10.0.0.1", False),
    ],
)
def test_a_key_of_ones_own_is_enough_only_on_one_machine(tmp_path: Path, url: str | None, *, local: bool):
    """Ours: elsewhere the start is refused, for another machine could not read what this one wrote."""
    settings = read(StorageSettings, redis_url=url, data_dir=tmp_path)

    assert settings.is_local() is local
    if local:
        settings.key_ring()
    for exposed in {True, local}:
        with pytest.raises(SettingsError, match="openssl rand"):
            settings.key_ring(exposed=exposed)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"MCP_REDIS_URL": "redis://redis.example.com/0"}, "MCP_SECRET_KEYS is not set"),
        ({"MCP_REDIS_URL": "redis://127.0.0.1:1/0", "MCP_TOOL_MODULES": "nowhere"}, "MCP_TOOL_MODULES names 'nowhere'"),
    ],
)
def test_a_worker_names_the_variable_and_ends_with_status_2(tmp_path: Path, given: dict[str, str], sentence: str):
    """Ours: one sentence, before anything is connected."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MCP_")}
    done = subprocess.run(
        [sys.executable, "-m", "api.cli.main", "worker"],
        env={**clean, "MCP_DATA_DIR": str(tmp_path), **given},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 2
    assert sentence in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_duration_is_a_number_of_seconds():
    """Ours: also with a fraction."""
    assert read(WorkerSettings, drain_timeout="2.5").drain_timeout.total_seconds() == 2.5


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1"])
def test_loopback_needs_no_acknowledgement(host: str):
    """Ours: the default is safe because it is only here."""
    check_exposure(WebSettings(host=host), AuthSettings())


def test_an_open_server_needs_an_acknowledgement():
    """Ours: the door is open only on purpose."""
    check_exposure(WebSettings(host="0.0.0.0", allow_unauthenticated="yes-i-know"), AuthSettings())  # noqa: S104
    with pytest.raises(SettingsError):
        check_exposure(WebSettings(host="0.0.0.0", allow_unauthenticated="yes"), AuthSettings())  # noqa: S104


def test_settings_are_frozen():
    """Ours: read once, the same for everyone afterwards."""
    with pytest.raises(ValueError, match="frozen"):
        LogSettings().level = "debug"
    assert StorageSettings(redis_url=SecretStr("redis://here")).url() == "redis://here"
