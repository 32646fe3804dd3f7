"""A figure of many small panels: a strip of equal ones for each row, by backbone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reports.analyses._row import Row, by_heading
from reports.figures import PAGE_INCHES
from reports.lettering import literal
from reports.marks import COLOURS

__all__ = ["BLUE", "ORANGE", "Panels", "Strip", "key", "level", "scale", "sheet"]

BLUE, ORANGE = COLOURS[:2]
Panels = Sequence[tuple[Row, list[Axes]]]
"""Each row with its panels."""

MOST_INCHES = 13.0
"""A figure that would be higher shows as many rows of each backbone, dense ones first; the numbers
of all are beside it."""
HEADING, TITLE, MARGIN, NOTE = 0.32, 0.2, 0.12, 0.2


@dataclass(frozen=True)
class Strip:
    """The panels of one row, in inches.

    Args:
        panels: how many stand side by side.
        width, height: of one.
        left: room for the labels of the first one's vertical axis.
        gap: between two panels.
        below: room for the labels of a horizontal axis.
    """

    panels: int
    width: float
    height: float
    left: float = 0.45
    gap: float = 0.12
    below: float = 0.42

    @property
    def across(self) -> float:
        return self.left + self.panels * self.width + (self.panels - 1) * self.gap

    @property
    def down(self) -> float:
        return TITLE + self.height + self.below


@dataclass
class Group:
    """The rows of one backbone: the dense ones first, in so many lines as there is room for."""

    heading: str
    rows: list[Row]
    strip: Strip
    lines: int = 1

    @property
    def beside(self) -> int:
        return max(int((PAGE_INCHES - 2 * MARGIN) / self.strip.across), 1)

    @property
    def needed(self) -> int:
        return -(-len(self.rows) // self.beside)

    @property
    def shown(self) -> list[Row]:
        order = sorted(self.rows, key=lambda row: row.pruning != "none")
        return order[: self.lines * self.beside]


def sheet(
    rows: Sequence[Row],
    strip: Strip,
    *,
    foot: float = 0.0,
    panels: Callable[[Row], int] | None = None,
) -> tuple[Figure, Panels]:
    """An empty figure and the panels of each row.

    Args:
        foot: inches left free at the lower edge, for ``key`` or ``scale``.
        panels: how many panels a row needs, where not all need as many as ``strip`` has.
    """
    groups = _groups(rows, strip, panels or (lambda row: strip.panels))
    left_out = len(rows) - sum(len(group.shown) for group in groups)
    foot += NOTE if left_out else 0.0
    lines = sum(group.lines for group in groups)
    height = len(groups) * HEADING + lines * strip.down + foot + MARGIN
    figure = Figure(figsize=(PAGE_INCHES, height))
    found: list[tuple[Row, list[Axes]]] = []
    top = height - MARGIN
    for group in groups:
        _text(figure, MARGIN, top - 0.6 * HEADING, group.heading, weight="bold", size=8)
        top -= HEADING
        for place, row in enumerate(group.shown):
            x = MARGIN + place % group.beside * group.strip.across
            y = top - place // group.beside * strip.down
            found.append((row, _panels(figure, group.strip, x, y)))
            _text(figure, x + strip.left, y - 0.7 * TITLE, row.name, size=7)
        top -= group.lines * strip.down
    if left_out:
        more = f"and {left_out} more rows, in the csv"
        _text(figure, MARGIN, foot - 0.6 * NOTE, more, size=7)
    return figure, found


def level(panels: Panels) -> None:
    """Let all panels of a backbone that stand in one column of a strip have one vertical range."""
    for backbone in dict.fromkeys(row.backbone for row, _ in panels):
        strips = [axes for row, axes in panels if row.backbone == backbone]
        for column in zip(*strips, strict=True):
            ends = [axes.get_ylim() for axes in column]
            for axes in column:
                axes.set_ylim(min(low for low, _ in ends), max(high for _, high in ends))


def key(figure: Figure, lines: Mapping[str, tuple[str, str]]) -> None:
    """What lines of a colour and a style mean, at the lower edge."""
    width, height = figure.get_size_inches()
    x, y = MARGIN + 0.3, 0.12
    for name, (colour, style) in lines.items():
        ends = [x / width, (x + 0.22) / width]
        line = Line2D(ends, [(y + 0.035) / height] * 2, color=colour, linestyle=style, linewidth=1)
        line.set_transform(figure.transFigure)
        figure.add_artist(line)
        _text(figure, x + 0.28, y, name)
        x += 0.5 + 0.057 * len(name)


def scale(figure: Figure, colours: str, label: str) -> None:
    """The scale of heat maps from -1 to 1, at the lower edge."""
    width, height = figure.get_size_inches()
    bar = figure.add_axes((0.42 / width, 0.28 / height, 1.6 / width, 0.07 / height))
    image = mpl.cm.ScalarMappable(mpl.colors.Normalize(-1, 1), colours)
    figure.colorbar(image, cax=bar, orientation="horizontal", ticks=[-1, 0, 1])
    _text(figure, 2.15, 0.28, label)


def _groups(rows: Sequence[Row], strip: Strip, panels: Callable[[Row], int]) -> list[Group]:
    """The room of a page dealt to the backbones line by line, at least one to each."""
    groups = [
        Group(heading, same, replace(strip, panels=max(map(panels, same))))
        for heading, same in by_heading(rows)
    ]
    room = int(MOST_INCHES / strip.down) - len(groups)
    while room > 0 and (waiting := [g for g in groups if g.lines < g.needed]):
        for group in waiting[:room]:
            group.lines += 1
        room -= len(waiting)
    return groups


def _panels(figure: Figure, strip: Strip, x: float, y: float) -> list[Axes]:
    width, height = figure.get_size_inches()
    bottom = (y - TITLE - strip.height) / height
    lefts = (x + strip.left + n * (strip.width + strip.gap) for n in range(strip.panels))
    size = strip.width / width, strip.height / height
    return [figure.add_axes((left / width, bottom, *size)) for left in lefts]


def _text(figure: Figure, x: float, y: float, text: str, **style: Any) -> None:
    width, height = figure.get_size_inches()
    figure.text(x / width, y / height, literal(text), **style)
