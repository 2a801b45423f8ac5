"""Words on a picture, in pixels, as they are: no mathematics between dollars, a box for what the font does not have."""
# matplotlib gives its keyword arguments no types.
# pyright: reportUnknownMemberType=false

from functools import cache
from pathlib import Path
from typing import Final

from matplotlib import get_data_path
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text

from tasks.mining.clean import clean

__all__ = ["Lettering", "drawable"]

_FAMILY: Final = "DejaVu Sans"
"""Comes with matplotlib, so a picture is the same on every machine."""
_BOX: Final = "\u25a1"


def drawable(text: str, longest: int) -> str:
    """*text* cleaned, on one line, cut, and of glyphs that there are: a missing one would be a warning."""
    known = _glyphs()
    line = " ".join(clean(text).split())
    cut = line if len(line) <= longest else f"{line[: longest - 1].rstrip()}…"
    return "".join(char if char == " " or ord(char) in known else _BOX for char in cut)


@cache
def _glyphs() -> frozenset[int]:
    return frozenset(FT2Font(Path(get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")).get_charmap())


class Lettering:
    """Writes on a figure; places are pixels from the left and from the bottom."""

    def __init__(self, figure: Figure) -> None:
        self._figure = figure
        bounds = figure.bbox
        self._width, self._height = bounds.width, bounds.height

    def write(  # noqa: PLR0913  # a text has this many sides
        self,
        text: str,
        x: float,
        y: float,
        *,
        size: float,
        color: str,
        weight: str = "normal",
        backing: str | None = None,
    ) -> float:
        """Write *text* with its foot at *y*, over a *backing* of this color; the answer is where it ends."""
        box = None if backing is None else {"facecolor": backing, "edgecolor": "none", "pad": 1.5}
        written = self._figure.text(
            x / self._width,
            y / self._height,
            text,
            bbox=box,
            **_style(size, color, weight),  # pyright: ignore[reportArgumentType]
        )
        return x + self._extent(written)

    def width(self, text: str, *, size: float) -> float:
        """How wide *text* would be, in pixels."""
        return self._measured(text, size, "normal")

    def _measured(self, text: str, size: float, weight: str) -> float:
        written = self._figure.text(0, 0, text, **_style(size, "black", weight))  # pyright: ignore[reportArgumentType]
        wide = self._extent(written)
        written.remove()
        return wide

    def fitting(self, text: str, room: float, *, size: float) -> str:
        """As much of *text* as fits into *room* pixels in bold."""
        cut = drawable(text, 200)
        while (wide := self._measured(cut, size, "bold")) > room:
            cut = drawable(cut, min(len(cut) - 1, int(len(cut) * room / wide)))
        return cut

    def _extent(self, written: Text) -> float:
        return written.get_window_extent().width


def _style(size: float, color: str, weight: str) -> dict[str, object]:
    return {
        "fontfamily": _FAMILY,
        "fontsize": size,
        "fontweight": weight,
        "color": color,
        "parse_math": False,
        "usetex": False,
        "va": "bottom",
        "ha": "left",
        "zorder": 6,
    }
