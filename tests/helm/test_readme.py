"""The chart's README and number say what the chart is."""

import tomllib

import yaml

from tests.helm.chart import CHART, ROOT
from tests.helm.readme import current, described


def test_the_readme_lists_the_values_as_they_are():
    """Ours: `make helm-readme` was run."""
    assert (CHART / "README.md").read_text() == current()


def test_every_value_says_what_it_is():
    """Ours: a value that nobody explains is a value that nobody finds."""
    text = (CHART / "values.yaml").read_text()
    explained = {path for path, _ in described(text)}

    def silent(values: dict[str, object], above: tuple[str, ...]) -> list[tuple[str, ...]]:
        found: list[tuple[str, ...]] = []
        for key, value in values.items():
            path = (*above, key)
            if path in explained:
                continue
            found += silent(value, path) if isinstance(value, dict) else [path]  # pyright: ignore[reportUnknownArgumentType]  # YAML has no types
        return found

    assert silent(yaml.safe_load(text), ()) == []


def test_the_chart_installs_the_version_it_lies_beside():
    """Ours: appVersion is the tag of the image."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == project["version"]
