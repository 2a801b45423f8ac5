"""What the pods are told is what the programs understand, and secrets come from Secrets."""

from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from pydantic import SecretStr

from api.cli.main import main
from api.settings import WebSettings, check_exposure
from auth.settings import AuthSettings
from storage.settings import StorageSettings, read
from tests.helm.chart import (
    CLIENT_SECRET,
    EXISTING,
    EXTERNAL,
    KEY,
    LEAST,
    OPEN,
    PASSWORD,
    POOLS,
    SETS,
    SIGN_IN,
    VISITOR,
    Values,
    container,
    environment,
    of_kind,
    pods,
    render,
)
from tests.test_env_example import GROUPS

each_set = pytest.mark.parametrize("values", SETS.values(), ids=SETS)
KNOWN = {f"{group.model_config.get('env_prefix', '')}{name}".upper() for group in GROUPS for name in group.model_fields}


@each_set
def test_every_variable_is_a_setting(values: Values):
    """Ours: a misspelt one would do nothing, and say nothing."""
    objects = render(values)
    given = {each for name in pods(objects) if "valkey" not in name for each in environment(objects, name)}

    assert {each for each in given if each.startswith("MCP_")} - KNOWN == set()
    assert "MCP_REDIS_URL" in given


@each_set
def test_every_command_is_one_that_the_program_takes(values: Values):
    """Ours: the names of commands and options."""
    objects = render(values)

    for name in pods(objects):
        found = container(objects, name)
        if found["command"][0] != "mcp-playground":
            continue
        role = found["command"][1]
        helped = CliRunner().invoke(main, [role, "--help"])
        assert helped.exit_code == 0
        for argument in found.get("args", []):
            assert argument.partition("=")[0] in helped.output


@pytest.mark.parametrize("values", [LEAST, EXISTING, OPEN], ids=["default", "existing", "open"])
def test_web_settings_pass_the_servers_own_check(values: Values, monkeypatch: pytest.MonkeyPatch):
    """Ours: listening on 0.0.0.0 behind publicUrl, with a provider that has what it needs."""
    for name, value in environment(render(values), "demo-mcp-web").items():
        monkeypatch.setenv(name, value if isinstance(value, str) else "from-a-secret")

    web, auth = read(WebSettings), read(AuthSettings)
    check_exposure(web, auth)

    assert (web.host, web.port) == ("0.0.0.0", 3000)  # noqa: S104  # inside its own network namespace
    assert auth.is_on() is bool(values["auth"].get("providers"))


@each_set
def test_no_secret_stands_outside_a_secret(values: Values):
    """Ours: neither in a ConfigMap nor in a pod's variables, which many may read."""
    others = yaml.safe_dump([each for each in render(values) if each["kind"] != "Secret"])

    assert [each for each in (KEY, PASSWORD, CLIENT_SECRET, VISITOR) if each in others] == []


def test_secrets_that_are_given_are_made_into_secrets():
    """Ours: apart, so that each is read by those that need it."""
    made = {name: each["stringData"] for name, each in of_kind(render(LEAST), "Secret").items()}

    assert made == {
        "demo-mcp-auth": {"github-client-secret": CLIENT_SECRET},
        "demo-mcp-redis": {"redis-password": PASSWORD},
        "demo-mcp-flower": {"flower-basic-auth": VISITOR},
        "demo-mcp-secret-keys": {"secret-keys": KEY},
    }


def test_of_a_secret_that_is_given_twice_the_existing_one_counts():
    """Ours: what stands in values that were left behind is stored nowhere."""
    left = {section: {**LEAST[section], **EXISTING[section]} for section in ("auth", "secretKeys", "redis", "flower")}

    assert of_kind(render({**EXISTING, **left}), "Secret") == {}


def referred(pod: dict[str, Any]) -> set[tuple[str, str]]:
    """The Secrets a pod reads, and by which key."""
    (found,) = pod["spec"]["containers"]
    variables = [each["valueFrom"]["secretKeyRef"] for each in found.get("env", []) if "valueFrom" in each]
    mounted = [each["secret"]["secretName"] for each in pod["spec"].get("volumes", []) if "secret" in each]
    return {(each["name"], each["key"]) for each in variables} | {(name, "*") for name in mounted}


def test_operators_sign_in_to_flower_where_it_has_an_origin():
    """Ours: web and Flower name the same origin and secret; Flower reaches web, and needs no more of it."""
    objects = render(SIGN_IN)
    web, flower = (environment(objects, f"demo-mcp-{name}") for name in ("web", "flower"))
    (policy,) = (each for name, each in of_kind(objects, "NetworkPolicy").items() if name == "demo-mcp-flower")

    assert web["MCP_FLOWER_URL"] == flower["MCP_FLOWER_URL"] == "https://flower.example.com"
    assert ("demo-mcp-flower", "flower-secret") in referred(pods(objects)["demo-mcp-web"])
    assert referred(pods(objects)["demo-mcp-flower"]) == {
        ("demo-mcp-redis", "redis-password"),
        ("demo-mcp-flower", "flower-secret"),
    }
    assert (flower["MCP_AUTH"], flower["MCP_PUBLIC_URL"]) == (web["MCP_AUTH"], web["MCP_PUBLIC_URL"])
    assert flower["MCP_FLOWER_SERVER"] == "http://demo-mcp-web:80"
    assert policy["spec"]["egress"][-1]["ports"] == [{"port": "http"}]


def test_existing_secrets_are_used_everywhere_and_none_is_made():
    """Ours: each pod reads what it needs, and no more."""
    objects = render(EXISTING)

    assert of_kind(objects, "Secret") == {}
    assert {name: referred(pod) for name, pod in pods(objects).items()} == {
        "demo-mcp-web": {
            ("our-ring", "*"),
            ("our-redis", "pass"),
            ("our-auth", "github-client-secret"),
            ("our-auth", "oidc-client-secret"),
        },
        "demo-mcp-worker-default": {("our-ring", "*"), ("our-redis", "pass")},
        "demo-mcp-flower": {("our-redis", "pass"), ("our-flower", "visitor")},
        "demo-mcp-valkey": {("our-redis", "pass")},
        "demo-mcp-test-ready": set(),
    }
    assert environment(objects, "demo-mcp-web")["MCP_SECRET_KEYS_FILE"] == "/etc/mcp-playground/keys/ring"


@each_set
def test_a_secret_that_is_read_exists_or_is_yours(values: Values):
    """Ours: a pod whose Secret is missing never starts."""
    objects = render(values)
    made = {(name, key) for name, each in of_kind(objects, "Secret").items() for key in [*each["stringData"], "*"]}
    read_by_pods = {each for pod in pods(objects).values() for each in referred(pod)}

    assert {each for each in read_by_pods if not each[0].startswith("our-")} <= made


def test_the_ring_is_mounted_where_the_settings_say():
    """Ours: as a file, so that a changed ring needs no restart."""
    objects = render(LEAST)

    for name in ("demo-mcp-web", "demo-mcp-worker-default"):
        (mount,) = [each for each in container(objects, name)["volumeMounts"] if each["name"] == "keys"]
        assert environment(objects, name)["MCP_SECRET_KEYS_FILE"] == f"{mount['mountPath']}/secret-keys"
        assert mount["readOnly"]


@pytest.mark.parametrize(
    ("values", "address"),
    [
        (LEAST, f"redis://:{PASSWORD}@demo-mcp-valkey:6379/0"),
        (EXTERNAL, f"rediss://mcp:{PASSWORD}@redis.example.com:6380/2"),
        ({**LEAST, "redis": {"external": {"host": "redis"}}}, "redis://redis:6379/0"),
    ],
    ids=["bundled", "external", "without password"],
)
def test_every_role_reaches_the_same_redis(values: Values, address: str):
    """Ours: Kubernetes writes the password into the address, from a variable that stands before it."""
    objects = render(values)

    for name in ("demo-mcp-web", "demo-mcp-worker-default", "demo-mcp-flower"):
        variables = [each["name"] for each in container(objects, name)["env"]]
        given = environment(objects, name)["MCP_REDIS_URL"]
        full = given.replace("$(REDIS_PASSWORD)", PASSWORD)
        assert StorageSettings(redis_url=SecretStr(full)).url() == address
        if "$(" in given:
            assert variables.index("REDIS_PASSWORD") < variables.index("MCP_REDIS_URL")
    assert ("demo-mcp-valkey" in of_kind(objects, "StatefulSet")) is (address.find("valkey") > 0)


def test_calls_wait_where_a_pool_starts_from_nothing():
    """Ours: else each would end after 15 s without a worker, and no replica would be ready."""
    assert environment(render(POOLS), "demo-mcp-web")["MCP_NO_WORKER_TIMEOUT"] == "0"
    assert "MCP_NO_WORKER_TIMEOUT" not in environment(render(LEAST), "demo-mcp-web")
