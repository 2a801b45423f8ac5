"""A timeline drawn by matplotlib: panels one under the other, one axis of time, markers across all of them.

Figures are made directly, without pyplot and its global state.
"""
# matplotlib gives its keyword arguments no types.
# pyright: reportUnknownMemberType=false

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from statistics import median
from typing import Final

from matplotlib import dates
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from tasks.tools.ecs.flags import Label, flags
from tasks.tools.ecs.lettering import Lettering, drawable
from tasks.tools.ecs.timeline import KINDS, UNITS, Kind, Series, Timeline, Unit, trimmed

__all__ = ["HEIGHT", "WIDTH", "draw"]

WIDTH: Final = 1200
HEIGHT: Final = 640
_DPI: Final = 100
_LEFT: Final = 112
_RIGHT: Final = 36
_BOTTOM: Final = 84
_TITLE: Final = 52
_LANE: Final = 30
_LANES: Final = 3
_HEADER: Final = 38
"""Above each panel, for the names of its lines."""
_MOST_POINTS: Final = 300
_MOST_NAMES: Final = 5
_GAP: Final = 3.5
"""How many times the usual distance two points may lie apart before the line between them would be an invention."""

_PAPER: Final = "#ffffff"
_INK: Final = "#1f2933"
_FAINT: Final = "#52606d"
_RULE: Final = "#d5dae0"

Dashes = str | tuple[int, tuple[float, float]]
_SOLID: Final[Dashes] = "-"
_DASHED: Final[Dashes] = (0, (5, 1.6))
_DOTTED: Final[Dashes] = (0, (1.5, 1.2))
# After Okabe and Ito, darkened for white paper; dashes tell the lines apart without any colour.
_LOOKS: Final[dict[str, tuple[str, Dashes]]] = {
    "cpu": ("#0072b2", _SOLID),
    "memory": ("#b84a00", _DASHED),
    "errors": ("#b84a00", _SOLID),
    "5xx": ("#8a3f7a", _DASHED),
    "latency": ("#00795c", _SOLID),
    "running": ("#44505c", _SOLID),
}
_OTHERS: Final[tuple[tuple[str, Dashes], ...]] = (
    ("#0072b2", _SOLID),
    ("#8a3f7a", _DASHED),
    ("#00795c", _DOTTED),
    ("#8a6100", _DASHED),
)
_MARKS: Final[dict[Kind, tuple[str, Dashes]]] = {
    "deployment": ("#0b57a4", _DASHED),
    "alarm": ("#b3261e", _SOLID),
    "change": ("#7a3e9d", _DOTTED),
    "scaling": ("#52606d", _DOTTED),
    "stopped": ("#b3261e", _SOLID),
}
_TALL: Final[dict[Unit, float]] = {"percent": 1.35, "count": 1.0, "seconds": 1.0, "tasks": 0.8}


@dataclass(frozen=True)
class Panel:
    """What is measured in one unit, and where it is drawn: pixels from the bottom."""

    unit: Unit
    series: Sequence[Series]
    bottom: float = 0.0
    height: float = 0.0


def draw(timeline: Timeline, *, title: str) -> bytes:
    """PNG; the timeline is trimmed first, so any number of points will do."""
    shown = trimmed(timeline, most_points=_MOST_POINTS)
    figure = Figure(figsize=(WIDTH / _DPI, HEIGHT / _DPI), dpi=_DPI, facecolor=_PAPER)
    canvas = FigureCanvasAgg(figure)
    letters = Lettering(figure)
    letters.write(letters.fitting(title, WIDTH - 48, size=19), 24, HEIGHT - 42, size=19, color=_INK, weight="bold")
    rows, left_out = _draw_markers(figure, letters, shown)
    top = HEIGHT - _TITLE - _LANE * rows
    panels = _stacked(_panels(shown), top)
    for panel in panels:
        axes = figure.add_axes(
            (_LEFT / WIDTH, panel.bottom / HEIGHT, (WIDTH - _LEFT - _RIGHT) / WIDTH, panel.height / HEIGHT),
            facecolor="none",
        )
        _draw_panel(axes, panel, shown)
        _draw_time(axes, shown, is_last=panel is panels[-1])
        _draw_names(figure, letters, panel)
    _draw_footer(figure, letters, shown, left_out)
    out = io.BytesIO()
    canvas.print_png(out, metadata={"Software": None})
    return out.getvalue()


def _panels(timeline: Timeline) -> list[Panel]:
    """One for each unit that something is measured in; one that says so when nothing is."""
    found = [Panel(unit, [each for each in timeline["series"] if each["unit"] == unit]) for unit in UNITS]
    return [panel for panel in found if panel.series] or [Panel("percent", ())]


def _stacked(panels: Sequence[Panel], top: float) -> list[Panel]:
    """The panels with their places, from *top* down to the axis of time."""
    room = top - _BOTTOM - _HEADER * len(panels)
    whole = sum(_TALL[panel.unit] for panel in panels)
    placed: list[Panel] = []
    for panel in panels:
        height = room * _TALL[panel.unit] / whole
        top -= _HEADER + height
        placed.append(Panel(panel.unit, panel.series, top, height))
    return placed


def _draw_panel(axes: Axes, panel: Panel, timeline: Timeline) -> None:
    values = [value for series in panel.series for _, value in series["points"]]
    highest = max([0.0, *values])
    top = max(100.0, highest * 1.04) if panel.unit == "percent" else highest * 1.12 or 1.0
    axes.set_ylim(min([0.0, *values]), top)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=3, integer=panel.unit in ("count", "tasks")))
    axes.yaxis.set_major_formatter(FuncFormatter(partial(_figure_of, unit=panel.unit)))
    axes.tick_params(labelsize=14, labelcolor=_FAINT, color=_FAINT, length=4)
    axes.grid(visible=True, axis="y", color=_RULE, linewidth=0.9)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(_FAINT)
    for number, series in enumerate(panel.series):
        _draw_line(axes, series, _look(series["name"], number))
    for marker in timeline["markers"]:
        if marker["kind"] == "stopped":
            axes.axvline(_day(marker["at"]), 0.0, 0.2, color=_MARKS["stopped"][0], linewidth=3.4, zorder=4)
    if not values:
        axes.text(0.5, 0.5, "no data", transform=axes.transAxes, ha="center", va="center", fontsize=18, color=_FAINT)


def _draw_line(axes: Axes, series: Series, look: tuple[str, Dashes]) -> None:
    color, dashes = look
    for run in _runs(series["points"]):
        days, values = [_day(at) for at, _ in run], [value for _, value in run]
        if len(run) == 1:
            axes.plot(days, values, marker="o", markersize=6, color=color, zorder=3)
        elif series["unit"] == "tasks":
            axes.step(days, values, where="post", color=color, linewidth=2.8, zorder=3)
        else:
            axes.plot(days, values, color=color, linestyle=dashes, linewidth=2.8, zorder=3)
        if series["unit"] == "count":
            axes.fill_between(days, values, color=color, alpha=0.14, linewidth=0, zorder=2)


def _runs(points: Sequence[tuple[int, float]]) -> Iterable[Sequence[tuple[int, float]]]:
    """The pieces of a line, between which nothing was measured."""
    distances = [later[0] - earlier[0] for earlier, later in pairwise(points)]
    longest = _GAP * median(distances) if distances else 0.0
    start = 0
    for number, distance in enumerate(distances, start=1):
        if distance > longest:
            yield points[start:number]
            start = number
    if points:
        yield points[start:]


def _draw_time(axes: Axes, timeline: Timeline, *, is_last: bool) -> None:
    axes.set_xlim(_day(timeline["start"]), _day(timeline["end"]))
    axes.xaxis.set_major_locator(dates.AutoDateLocator(tz=UTC, minticks=3, maxticks=8))
    span = timeline["end"] - timeline["start"]
    form = "%d %b" if span > 5 * 86_400_000 else "%d %b %H:%M" if span > 129_600_000 else "%H:%M"  # noqa: PLR2004
    axes.xaxis.set_major_formatter(dates.DateFormatter(form if span > 300_000 else "%H:%M:%S", tz=UTC))  # noqa: PLR2004
    axes.tick_params(axis="x", labelbottom=is_last)


def _draw_markers(figure: Figure, letters: Lettering, timeline: Timeline) -> tuple[int, int]:
    """A line for each marker behind all panels, its label above them: in how many rows, and how many are left out."""
    scale = (WIDTH - _LEFT - _RIGHT) / (timeline["end"] - timeline["start"])
    lined = [each for each in timeline["markers"] if each["kind"] != "stopped"]
    labels = [
        Label(_LEFT + (each["at"] - timeline["start"]) * scale, drawable(each["label"], 36), each["kind"])
        for each in lined
    ]
    placed, left_out = flags(labels, lambda text: letters.width(text, size=13.5), right=WIDTH - 8, lanes=_LANES)
    rows = max((flag.lane + 1 for flag in placed), default=0)
    foot = HEIGHT - _TITLE - rows * _LANE
    for label in labels:
        flag = next((each for each in placed if (each.at, each.text) == (label.at, label.text)), None)
        top = foot if flag is None else foot + flag.lane * _LANE + _LANE - 4
        _draw_stroke(figure, (label.at, label.at), (_BOTTOM, top), label.kind)
    for flag in placed:
        color = _MARKS[flag.kind][0]
        letters.write(flag.text, flag.left, foot + flag.lane * _LANE + 3, size=13.5, color=color, backing=_PAPER)
    return rows, left_out


def _draw_names(figure: Figure, letters: Lettering, panel: Panel) -> None:
    """The names of a panel's lines above it, each after a piece of its line."""
    x, y = float(_LEFT), panel.bottom + panel.height + 6
    for number, series in enumerate(panel.series[:_MOST_NAMES]):
        color, dashes = _look(series["name"], number)
        _draw_sample(figure, x, y + 12, color, dashes)
        empty = "" if series["points"] else " (no data)"
        x = letters.write(drawable(series["name"], 26) + empty, x + 46, y, size=15, color=color, weight="bold") + 24
    if left_out := panel.series[_MOST_NAMES:]:
        letters.write(f"+{len(left_out)} more", x, y, size=15, color=_FAINT)


def _draw_footer(figure: Figure, letters: Lettering, timeline: Timeline, left_out: int) -> None:
    """The day and the zone, what the lines across the panels mean, and how many have no label."""
    days = [datetime.fromtimestamp(timeline[side] / 1000, UTC).strftime("%d %b %Y") for side in ("start", "end")]
    day = days[0] if days[0] == days[1] else " to ".join(days)
    x = letters.write(f"UTC, {day}", 24, 12, size=14, color=_FAINT) + 40
    for kind in KINDS:
        count = sum(marker["kind"] == kind for marker in timeline["markers"])
        if count:
            color, dashes = _MARKS[kind]
            if kind == "stopped":
                _draw_stroke(figure, (x + 36, x + 36), (15, 33), kind, thick=3.4)
            else:
                _draw_sample(figure, x, 23, color, dashes, thick=2.0)
            name = "task stopped" if kind == "stopped" else kind
            x = letters.write(f"{name} ({count})" if count > 1 else name, x + 46, 12, size=14, color=color) + 26
    if left_out:
        letters.write(f"{left_out} without a label", x, 12, size=14, color=_FAINT)


def _draw_sample(figure: Figure, x: float, y: float, color: str, dashes: Dashes, *, thick: float = 3.2) -> None:
    figure.add_artist(Line2D((x / WIDTH, (x + 38) / WIDTH), (y / HEIGHT,) * 2, color=color, ls=dashes, lw=thick))


def _draw_stroke(
    figure: Figure, xs: tuple[float, float], ys: tuple[float, float], kind: Kind, *, thick: float = 1.8
) -> None:
    color, dashes = _MARKS[kind]
    places = tuple(x / WIDTH for x in xs), tuple(y / HEIGHT for y in ys)
    figure.add_artist(Line2D(*places, color=color, ls=dashes, lw=thick, zorder=-1))


def _look(name: str, number: int) -> tuple[str, Dashes]:
    return _LOOKS.get(name.lower()) or _OTHERS[number % len(_OTHERS)]


def _day(milliseconds: int) -> float:
    """Matplotlib counts time in days since 1970."""
    return milliseconds / 86_400_000


def _figure_of(value: float, _position: int | None = None, *, unit: Unit) -> str:
    if unit == "percent":
        return f"{value:g} %"
    if unit == "seconds":
        return f"{value:g} s" if value >= 1 or value == 0 else f"{value * 1000:g} ms"
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"
