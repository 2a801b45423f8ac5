"""The address of a search in AWS's own console."""

import re
from collections.abc import Iterable

from tasks.aws.insights import Window


def link(region: str, groups: Iterable[str], text: str, window: Window) -> str:
    """Logs Insights, with the query and its time filled in. What is after `#` is the console's own notation (JSURL)."""
    start, end = (at.strftime("%Y-%m-%dT%H:%M:%S.000Z") for at in window)
    source = "".join(f"~'{_quoted(name)}" for name in groups)
    detail = (
        f"~(end~'{_quoted(end)}~start~'{_quoted(start)}~timeType~'ABSOLUTE~tz~'UTC"
        f"~editorString~'{_quoted(text)}~source~({source}))"
    )
    return f"https://{region}.{_domain(region)}/cloudwatch/home?region={region}#logsV2:logs-insights$3FqueryDetail$3D{detail}"


def _domain(region: str) -> str:
    if region.startswith("cn-"):
        return "console.amazonaws.cn"
    return "console.amazonaws-us-gov.com" if region.startswith("us-gov-") else "console.aws.amazon.com"


def _quoted(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", _escaped, text)


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"*{code:02x}" if code <= 0xFF else f"**{code:04x}"  # noqa: PLR2004  # a byte
