"""Keys and values that others wrote."""

import json

from hypothesis import given
from hypothesis import strategies as st

from tasks.tools.s3.words import LONGEST, escaped, measured, plain, shown


@given(st.text(max_size=500))
def test_what_is_said_of_a_key_is_one_printable_line(key: str):
    """Ours: no control character, no direction, nothing hidden, whatever an object is called."""
    assert escaped(key).isprintable()
    assert shown(key).isprintable()
    assert len(shown(key)) <= LONGEST + 3


def test_what_cannot_be_seen_is_escaped_and_the_rest_is_as_it_was():
    """Ours: letters of every script are letters."""
    assert escaped("журнал/日本 a.txt") == "журнал/日本 a.txt"
    assert escaped("a\x1b[2J\u202eb\n") == "a\\x1b[2J\\u202eb\\n"
    assert json.loads(json.dumps("a\u202eb")) == "a\u202eb"


def test_a_secret_in_a_key_is_not_said():
    """Ours: a sentence goes to logs of clients."""
    assert "hunter2" not in shown("backup?password=hunter2")


def test_a_header_is_one_clean_line():
    """Ours."""
    assert plain("a\r\nb\u202ec\x1b[1m token=abcdefgh") == "a bc token=[secret]"


def test_sizes_have_the_unit_a_person_would_choose():
    """Ours."""
    assert [measured(size) for size in (0, 1023, 1536, 5 * 1024**3, 2 * 1024**6)] == [
        "0 bytes",
        "1023 bytes",
        "1.5 KiB",
        "5.0 GiB",
        "2048.0 PiB",
    ]
