"""Writes the chart's README: its table of values is made of values.yaml, so that the two cannot part."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, cast

import yaml

CHART: Final = Path(__file__).parent.parent.parent / "helm" / "mcp-server-playground"
BEGIN: Final = "<!-- values: made by `make helm-readme` -->"
END: Final = "<!-- end of values -->"

_KEY: Final = re.compile(r"^( *)([A-Za-z0-9]+):")
_SAID: Final = re.compile(r"^ *# -- (.*)$")


def described(text: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """The path of each value that has a `# --` line above it, and what the line says."""
    path: list[str] = []
    said = ""
    for line in text.splitlines():
        if found := _SAID.match(line):
            said = found[1]
        elif found := _KEY.match(line):
            path = [*path[: len(found[1]) // 2], found[2]]
            if said:
                yield tuple(path), said
            said = ""


def shown(value: object) -> str:
    text = json.dumps(value)
    return f"`{text}`" if len(text) <= 60 else "see values.yaml"  # a cell's worth


def table(text: str) -> str:
    """The values as a table of Markdown."""
    values: dict[str, Any] = yaml.safe_load(text)
    rows = ["| value | default | what it is |", "|---|---|---|"]
    for path, said in described(text):
        value: object = values
        for key in path:
            value = cast("dict[str, object]", value)[key]
        rows.append(f"| `{'.'.join(path)}` | {shown(value)} | {said} |")
    return "\n".join(rows)


def current() -> str:
    """The README with the table as it should be."""
    before, _, rest = (CHART / "README.md").read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table((CHART / 'values.yaml').read_text())}\n{END}{after}"


if __name__ == "__main__":
    (CHART / "README.md").write_text(current())
    sys.stdout.write("helm/mcp-server-playground/README.md is written\n")
