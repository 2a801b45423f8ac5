"""Event ids."""

import pytest

from api.errors import Refused
from api.mcp.cursor import StandaloneCursor, StreamCursor, parse

STREAM = "0123456789abcdef" * 2


@pytest.mark.parametrize("cursor", [StreamCursor(STREAM), StreamCursor(STREAM, "1-2"), StandaloneCursor("1-2", "3-4")])
def test_an_event_id_leads_back_to_where_it_was_sent(cursor: StreamCursor | StandaloneCursor):
    """MCP 2025-11-25, transports: an id names its stream."""
    assert parse(str(cursor)) == cursor


@pytest.mark.parametrize(
    "event_id",
    [
        "",
        "7",
        STREAM,
        f"{STREAM}_",
        f"{STREAM}_1",
        f"{STREAM}_1-2_3-4",
        f"{STREAM.upper()}_1-2",
        f"{STREAM}_1-2\n",
        f"{STREAM}_{'9' * 30}-0",
        "standalone_1-2",
        "*_0-0",
        "../session_0-0",
    ],
)
def test_anything_else_is_refused_in_words(event_id: str):
    """Ours: an id never becomes a key before it was understood."""
    with pytest.raises(Refused) as caught:
        parse(event_id)

    assert caught.value.status == 400
    assert "not an id this server has sent" in str(caught.value)
