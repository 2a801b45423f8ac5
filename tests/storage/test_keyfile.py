"""A ring in a file turns while processes use it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage.errors import SettingsError, Unreadable
from storage.keyfile import KeyFile, parse
from storage.seal import KeyRing, id_of, new_key

PLACE = {"kind": "event", "record": "r1", "principal": "p1"}
LONG_AGO = "2020-01-01T00:00:00Z"

KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    return KeyFile.of_machine(tmp_path / "keys")


def ring_of(file: KeyFile) -> KeyRing:
    """As a process of its own has it."""
    own = KeyFile(file.path)
    return KeyRing(own.read(), reread=own.changed)


def test_comments_and_times_are_understood():
    """Ours: `#` begins a comment, `from=` says from when on a key seals."""
    newest, oldest = new_key(), new_key()

    found = parse(f"# our ring\n{newest} from={LONG_AGO}  # the new one\n\n{oldest}\n")

    assert [key.since for key in found] == [datetime(2020, 1, 1, tzinfo=UTC).timestamp(), 0]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no key in it"),
        ("# nothing\n", "no key in it"),
        ("abc\n", "line 1 is not base64"),
        (f"{KEY}\n{KEY} until=2020\n", "line 2 is neither"),
        (f"{KEY} from=soon\n", "line 1 is"),
        (f"{KEY} from=9999-01-01T00:00:00Z\n", "none of its keys may seal yet"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, reason: str):
    """Ours: the file, the line and what is wrong; never the key."""
    (tmp_path / "keys").write_text(text)

    with pytest.raises(SettingsError, match=reason) as caught:
        KeyFile(tmp_path / "keys").read()
    assert str(tmp_path / "keys") in str(caught.value)


def test_a_new_key_seals_at_once_in_every_process_that_has_it(file: KeyFile):
    """Ours: without a restart; what was sealed before stays readable."""
    mine, other = ring_of(file), ring_of(file)
    before = mine.seal(b"old", **PLACE)

    key = KeyFile(file.path).rotate(after=timedelta(0))
    sealed = ring_of(file).seal(b"new", **PLACE)

    assert id_of(sealed) == key.id
    assert other.open(sealed, **PLACE) == b"new"
    assert other.open(before, **PLACE) == b"old"
    assert id_of(other.seal(b"newer", **PLACE)) == key.id


def test_a_key_that_may_not_seal_yet_only_opens(file: KeyFile):
    """Ours: so that every process has it before one of them uses it."""
    ring = ring_of(file)
    old = ring.first

    key = KeyFile(file.path).rotate(after=timedelta(minutes=2))

    assert [each.id for each in ring.ring] == [key.id, old]
    assert ring.first == old


def test_a_file_that_breaks_is_not_used(file: KeyFile):
    """Ours: a slip of an editor takes down no server."""
    ring = ring_of(file)
    sealed = ring.seal(b"kept", **PLACE)

    file.path.write_text("half a ke")

    assert len(ring.ring) == 1
    assert ring.open(sealed, **PLACE) == b"kept"


def test_a_dropped_key_opens_nothing(file: KeyFile):
    """Ours: and the last one that may seal cannot be dropped."""
    ring = ring_of(file)
    sealed, old = ring.seal(b"gone", **PLACE), ring.first.hex()
    KeyFile(file.path).rotate(after=timedelta(0))

    KeyFile(file.path).drop(old)

    assert len(ring.ring) == 1
    with pytest.raises(Unreadable):
        ring.open(sealed, **PLACE)
    with pytest.raises(SettingsError, match="must stay"):
        KeyFile(file.path).drop(ring.first.hex())
    with pytest.raises(SettingsError, match="has no key"):
        KeyFile(file.path).drop(old)


def test_the_file_stays_private(file: KeyFile):
    """Ours: whoever rotates, only the owner reads."""
    KeyFile(file.path).rotate(after=timedelta(0))

    assert file.path.stat().st_mode & 0o777 == 0o600
