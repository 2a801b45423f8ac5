"""Where the next page begins."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.tool import ToolError
from tasks.tools.s3 import cursor
from tasks.tools.s3.shapes import Asked

ASKED = Asked(operation="listObjects", bucket="shop", key_prefix="2026/")
OTHERS = [
    replace(ASKED, operation="listPrefixes"),
    replace(ASKED, bucket="another"),
    replace(ASKED, bucket="", bucket_prefix="shop"),
    replace(ASKED, key_prefix="2026"),
    replace(ASKED, bucket="sho", key_prefix="p2026/"),
]

# S3 takes any UTF-8 for a key; a surrogate is none.
KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=1024)


@given(KEYS)
def test_a_cursor_gives_back_any_key(key: str):
    """Ours: whatever somebody called an object, the page after it can be asked for, with another limit too."""
    made = cursor.issue(ASKED, key)

    assert cursor.read(replace(ASKED, cursor=made, limit=7), 1) == [key]


def test_the_longest_key_fits_into_an_argument():
    """AWS: a key has 1,024 bytes, each of which may need six in JSON."""
    assert len(cursor.issue(ASKED, "\0" * 1024)) <= cursor.LONGEST


def test_without_a_cursor_it_begins_at_the_beginning():
    """Ours."""
    assert cursor.read(ASKED, 2) == ["", ""]


@pytest.mark.parametrize("other", OTHERS)
def test_a_cursor_of_other_arguments_is_refused(other: Asked):
    """Ours: a page of something else is no answer."""
    made = cursor.issue(ASKED, "key")

    with pytest.raises(ToolError, match="given for other arguments: repeat the operation, bucket"):
        cursor.read(replace(other, cursor=made), 1)


def test_a_cursor_that_was_cut_or_changed_is_refused():
    """Ours: at whichever character, and never by an exception of another kind."""
    made = cursor.issue(ASKED, "key")
    cut = [made[:end] for end in range(1, len(made))]
    changed = [made[:at] + ("A" if made[at] != "A" else "B") + made[at + 1 :] for at in range(len(made) - 3)]

    for each in (*cut, *changed, "null", "%%%", "éé", "=" * 9):
        with pytest.raises(ToolError, match="none that aws_s3 gave"):
            cursor.read(replace(ASKED, cursor=each), 1)


@given(st.text(max_size=200))
def test_what_somebody_makes_up_is_refused_in_words(text: str):
    """Ours."""
    if not text:
        return
    with pytest.raises(ToolError):
        cursor.read(replace(ASKED, cursor=text), 1)


def test_a_cursor_of_another_length_is_refused():
    """Ours: a state that the operation has no use for."""
    made = cursor.issue(ASKED, "one", "two")

    with pytest.raises(ToolError, match="none that aws_s3 gave"):
        cursor.read(replace(ASKED, cursor=made), 1)
