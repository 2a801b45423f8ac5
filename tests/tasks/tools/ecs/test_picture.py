"""The chart as an image: what comes out is a picture, whatever goes in."""

import io
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pytest
from PIL import Image, ImageChops

from tasks.tools.ecs.picture import picture
from tasks.tools.ecs.timeline import Timeline
from tests.stand_ins.timelines import HOSTILE, MINUTE, START, empty, happened, hostile, incident

LARGEST = 150_000


def opened(png: bytes) -> Image.Image:
    """Decoded to the last pixel; raises for a picture that is broken."""
    image = Image.open(io.BytesIO(png))
    image.load()
    return image.convert("RGB")


def colors(image: Image.Image) -> set[tuple[int, int, int]]:
    found = image.getcolors(image.width * image.height)
    assert found is not None
    return {cast("tuple[int, int, int]", color) for count, color in found if count > 20}


def test_an_incident_is_a_small_picture_on_its_own_paper():
    """Ours: 1200 x 640, less than 150 kB, and a background that does not depend on the client's."""
    png = picture(incident(), title="checkout in prod")

    image = opened(png)
    assert image.format is None or image.size == (1200, 640)
    assert len(png) < LARGEST
    assert {image.getpixel(corner) for corner in ((0, 0), (1199, 0), (0, 639), (1199, 639))} == {(255, 255, 255)}
    assert {(0x00, 0x72, 0xB2), (0xB8, 0x4A, 0x00), (0x00, 0x79, 0x5C), (0x0B, 0x57, 0xA4)} <= colors(image)


def test_the_same_incident_is_the_same_picture():
    """Ours: no date and no version of a library inside; a repeated call shows what was shown."""
    assert picture(incident(), title="x") == picture(incident(), title="x")


@pytest.mark.parametrize("make", [hostile, empty])
def test_no_words_and_no_lack_of_data_are_a_reason_to_fail(make: Callable[[], Timeline]):
    """Ours: a missing glyph would be a warning, and mathematics that does not parse an exception."""
    png = picture(make(), title=HOSTILE * 20)

    assert opened(png).size == (1200, 640)
    assert len(png) < LARGEST


def test_dollars_are_dollars():
    """Ours: `$x$` takes the room of three characters; as mathematics it would take that of one."""
    quiet = empty()
    as_text, as_long = (ink(picture(quiet, title=title)) for title in ("$x$", "Mx"))

    assert as_text > as_long * 0.9


def ink(png: bytes) -> int:
    """The right edge of the title."""
    title = opened(png).crop((0, 0, 1200, 48))
    box = ImageChops.invert(title).getbbox()
    assert box is not None
    return box[2]


def test_a_chart_without_data_says_so():
    """Ours: an empty panel could be a value of zero."""
    blank = empty()
    blank["series"] = [{"name": "cpu", "unit": "percent", "points": [(START + n * MINUTE, 0.0) for n in range(90)]}]

    nothing, zero = (opened(picture(each, title="x")).crop((500, 200, 760, 420)) for each in (empty(), blank))

    def dark(image: Image.Image) -> int:
        return sum(count for count, color in image.getcolors(100_000) or [] if color == (0x52, 0x60, 0x6D))

    assert dark(nothing) > 100
    assert dark(zero) == 0


def test_a_crowd_of_markers_and_series_has_its_place():
    """Ours: what does not fit is counted, and nothing runs over."""
    crowded = incident()
    crowded["markers"] = [happened(n % 90, "deployment", f"release {n} " * 8, f"deployment:{n}") for n in range(300)]
    crowded["series"] *= 9

    assert opened(picture(crowded, title="x")).size == (1200, 640)


@pytest.mark.parametrize("span", [1, 999, 90_000, 40 * 60 * MINUTE, 30 * 24 * 60 * MINUTE, 400 * 24 * 60 * MINUTE])
def test_any_window_has_an_axis(span: int):
    """Ours: from a millisecond to a year."""
    timeline = incident()
    timeline["end"] = timeline["start"] + span

    assert opened(picture(timeline, title="x")).size == (1200, 640)


def test_a_gap_in_the_measurements_stays_a_gap():
    """Ours: a line across it would claim what nobody measured."""
    timeline = empty()
    timeline["series"] = [
        {"name": "cpu", "unit": "percent", "points": [(START + n * MINUTE, 50.0) for n in range(90) if not 30 < n < 60]}
    ]

    image = opened(picture(timeline, title="x"))

    drawn = {x for x in range(112, 1164) for y in range(100, 560) if image.getpixel((x, y)) == (0x00, 0x72, 0xB2)}
    middle = range(112 + 1052 * 32 // 90, 112 + 1052 * 58 // 90)
    assert len(drawn) > 500
    assert drawn.isdisjoint(middle)


def test_several_may_ask_at_once():
    """Ours: tools run in threads, and matplotlib promises nothing to them; each gets its own picture."""
    expected = {minute: picture(at(minute), title=str(minute)) for minute in (10, 40, 70)}
    together = threading.Barrier(6)

    def draw(minute: int) -> tuple[int, bytes]:
        together.wait(10)
        return minute, picture(at(minute), title=str(minute))

    with ThreadPoolExecutor(6) as pool:
        drawn = list(pool.map(draw, [10, 40, 70] * 2, timeout=60))

    assert [(minute, png == expected[minute]) for minute, png in drawn] == [
        (minute, True) for minute in [10, 40, 70] * 2
    ]


def at(minute: int) -> Timeline:
    timeline = incident()
    timeline["markers"] = [happened(minute, "alarm", f"alarm {minute}", "alarm:1")]
    return timeline


def test_a_process_that_draws_nothing_does_not_load_the_library():
    """Ours: 40 MB and a second are for those who want a picture."""
    code = (
        "import sys, tasks.tools, tasks.tools.ecs.picture\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('matplotlib', 'numpy', 'PIL')])"
    )

    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)

    assert found.stdout.strip() == "[]"
