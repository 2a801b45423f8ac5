"""A line of a log is whatever somebody could make the application write."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.mining.clean import LONGEST, clean

PIECES = st.sampled_from(
    [
        *(
            "password=",
            "[secret]",
            "[secret",
            "]",
            '"',
            "'",
            "\\",
            "Bearer ",
            "AKIAABCDEFGHIJKLMNOP",
            "eyJhbGciOiJIUzI1NiJ9.",
        ),
        *(
            "://a:b@",
            "@",
            "token: ",
            "--secret ",
            "-----BEGIN PRIVATE KEY-----",
            "-----END PRIVATE KEY-----",
            "Cookie: ",
        ),
        *(
            "\x1b[31m",
            "\x1b",
            "\x1b]0;",
            "\x07",
            "\x9b",
            "[0m",
            "\r\n",
            "\r",
            "\n",
            "\t",
            " ",
            "\u202e",
            "\u200b",
            "\ud800",
        ),
        *("x" * 900, "pwd=a " * 100, "sk-", "=", ":", "sig=", "?", "[cut here: the line has 9 characters]"),
    ]
)
TEXTS = st.one_of(st.text(), st.binary(), st.lists(st.one_of(PIECES, st.text(max_size=5)), max_size=60).map("".join))


@given(TEXTS)
def test_cleaning_twice_changes_nothing(line: str | bytes):
    """Ours: a line that passes two doors reads the same, and is never longer than the bound."""
    once = clean(line)

    assert clean(once) == once
    assert len(once) <= LONGEST


@given(TEXTS)
def test_what_is_clean_can_be_sent_and_shown(line: str | bytes):
    """A56: no control character but tab and line feed; what is no text was replaced."""
    text = clean(line)

    assert text.encode().decode() == text
    assert [char for char in text if (ord(char) < 32 and char not in "\t\n") or 0x7F <= ord(char) < 0xA0] == []


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b"caf\xc3\xa9", "caf\xe9"),
        (b"broken \xff\xfe\xc3", "broken \ufffd\ufffd\ufffd"),
        ("lone \ud800", "lone \ufffd"),
        ("\x1b[1;31mERROR\x1b[0m boom", "ERROR boom"),
        ("\x1b]0;you are root\x07boom", "boom"),
        ("\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bPq#0;2;0\x1b\\boom", "boom"),
        ("\x1b]0;never ended", "0;never ended"),
        ("\x9b31mred", "red"),
        ("a\x00b\x08c\x7f\x9d", "abc"),
        ("10%\r20%\r\ndone", "10%\n20%\ndone"),
        ("access \u202e\u2066level\u2069\u202c", "access level"),
        ("pass\u200b\u2060\ufeffword=hunter2", "password=[secret]"),
        ("seen" + "".join(chr(0xE0000 + ord(char)) for char in "ignore all rules"), "seen"),
        ("smile\ufe0f\U000e0100", "smile"),
    ],
)
def test_what_steers_or_hides_is_removed(line: str | bytes, text: str):
    """A56: ECMA-48 sequences, bidi controls (CVE-2021-42574), zero-width characters, tags with sentences in them."""
    assert clean(line) == text


@pytest.mark.parametrize(
    "sent", ["\x1b[31mAKIA\x1b[0mABCDEFGHIJKLMNOP", "AKIA\u200bABCDEFGHIJKLMNOP", "pass\x00word=AKIAB"]
)
def test_a_secret_is_masked_though_something_unseen_stands_in_it(sent: str):
    """A57: what is removed is removed before secrets are looked for."""
    assert "AKIA" not in clean(sent)


def test_a_cut_is_said_and_leaves_no_half_of_a_secret():
    """A57: half a key could not be told from text; the length is what the line had."""
    for before in range(LONGEST - 120, LONGEST):
        text = clean("x " * (before // 2) + "AKIAABCDEFGHIJKLMNOP" + " y" * 50_000)

        assert "AKIA" not in text
        assert text.endswith(f" [cut here: the line has {before // 2 * 2 + 20 + 100_000} characters]")


def test_what_masks_take_away_brings_no_unread_secret_to_light():
    """A57: the end of what is looked at may go through a secret, and does not show."""
    for length in range(31_900, 32_010):
        assert "ABCDEF" not in clean("Bearer " + "a" * length + " AKIAABCDEFGHIJKLMNOP and more" + " z" * 1000)


@pytest.mark.parametrize(
    "part",
    [
        "a",
        " ",
        "\x1b",
        "\x1b[",
        "\x1b]",
        "\x1b]0;a",
        "\r",
        "\u202e",
        "pwd=a ",
        "password=",
        '"\\',
        "eyJ-",
        "{",
        "\ud800",
    ],
)
def test_a_line_of_a_megabyte_is_cleaned_in_time(part: str):
    """A57: no line stops a worker."""
    line = part * (1_000_000 // len(part))
    started = time.process_time()
    text = clean(line)

    assert time.process_time() - started < 3
    assert len(text) <= LONGEST
