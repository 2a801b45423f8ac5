"""`.env.example` is a promise to whoever runs this: it lists every setting there is."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from api.settings import WebSettings
from auth.settings import AuthSettings
from storage.settings import Group, MetricsSettings, StorageSettings, TraceSettings
from tasks.settings import FlowerSettings, LogSettings, ToolSettings, WorkerSettings

GROUPS: tuple[type[Group], ...] = (
    WebSettings,
    AuthSettings,
    StorageSettings,
    WorkerSettings,
    ToolSettings,
    LogSettings,
    MetricsSettings,
    FlowerSettings,
    TraceSettings,
)
EXAMPLE = Path(__file__).parent.parent / ".env.example"


def listed() -> dict[str, str]:
    return dict(re.findall(r"^#?(MCP_[A-Z0-9_]+)=(.*)$", EXAMPLE.read_text(), re.MULTILINE))


def shown(default: object) -> str:
    match default:
        case None | ():
            return ""
        case timedelta():
            return f"{default.total_seconds():.10g}"
        case tuple():
            return ",".join(map(str, default))  # pyright: ignore[reportUnknownArgumentType]  # any words
        case bool():
            return str(default).lower()
        case _:
            return str(default)


@pytest.mark.parametrize("group", GROUPS)
def test_every_setting_is_listed_with_its_default(group: type[Group]):
    """Ours: what the file says is what the code does."""
    prefix = group.model_config.get("env_prefix", "")
    expected = {f"{prefix}{name}".upper(): shown(field.default) for name, field in group.model_fields.items()}

    example = listed()

    assert {name: example.get(name) for name in expected} == expected


def test_nothing_is_listed_that_does_not_exist():
    """Ours: a setting that is gone leaves the file too."""
    known = {
        f"{group.model_config.get('env_prefix', '')}{name}".upper() for group in GROUPS for name in group.model_fields
    }

    assert listed().keys() <= known


@pytest.mark.parametrize("group", GROUPS)
def test_every_setting_says_what_it_means(group: type[Group]):
    """Ours: a wrong value is answered with what the setting is for."""
    assert [name for name, field in group.model_fields.items() if not field.description] == []
