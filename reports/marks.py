"""What a point of a figure looks like, and the legends that say so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle
from math import ceil

from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

Colour = tuple[float, float, float, float]
Marker = str | tuple[int, int, int]

INK = "#101010"
GREY = "#8c8c8c"
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442")
"""Okabe & Ito's palette for colour-blind readers; its black is for no attention."""
MARKERS: tuple[Marker, ...] = (
    *("s", "^", "D", "v", "P", "X", "<", ">", "h", "p", "*", "d"),
    *((3, 1, 0), (4, 1, 0), (6, 1, 0), (3, 1, 180), (4, 1, 45)),
)
"""For pruning; the circle is for none. Further prunings begin again."""

LINE_INCHES = 0.15
MARGIN_INCHES = 0.2
HEADING_INCHES = 0.6


@dataclass(frozen=True)
class Marks:
    """How a row is drawn: attention -> edge and face, pruning -> marker."""

    colours: Mapping[str, tuple[Colour, Colour]]
    markers: Mapping[str, Marker]

    @classmethod
    def of(cls, attentions: Iterable[str], prunings: Iterable[str]) -> Marks:
        """Filled shapes first; where the palette is used up hollow ones, then pale ones."""
        fills = cycle((c, alpha) for alpha in (1.0, 0.0, 0.35) for c in COLOURS)
        markers = cycle(MARKERS)
        colours = {
            name: (INK, 1.0) if name == "none" else next(fills) for name in _none_first(attentions)
        }
        return cls(
            {name: (to_rgba(c), to_rgba(c, alpha)) for name, (c, alpha) in colours.items()},
            {n: "o" if n == "none" else next(markers) for n in _none_first(prunings)},
        )

    def legends(self, width: float) -> list[Legend]:
        """One for the colours and one for the markers, for a figure of so many inches."""
        grey = to_rgba(GREY)
        colours = {name: _mark("o", *colour) for name, colour in self.colours.items()}
        markers = {name: _mark(marker, grey, grey) for name, marker in self.markers.items()}
        line = Line2D([], [], color=GREY, linewidth=0.8)
        return [
            Legend.of("Attention", colours, width),
            Legend.of("Pruning", markers | {"Pareto front": line}, width),
        ]


@dataclass(frozen=True)
class Legend:
    """A heading and its entries in columns. (matplotlib's own takes four times as long.)"""

    heading: str
    entries: Mapping[str, Line2D]
    columns: int
    inches: float

    @classmethod
    def of(cls, heading: str, entries: Mapping[str, Line2D], width: float) -> Legend:
        room = width - 2 * MARGIN_INCHES - HEADING_INCHES
        columns = max(int(room / _entry_inches(entries)), 1)
        lines = ceil(len(entries) / columns)
        return cls(heading, entries, columns, lines * LINE_INCHES + 0.06)

    def draw(self, figure: Figure, top: float) -> None:
        """Put it into the figure, its upper edge so many inches above the lower one."""
        width, height = figure.get_size_inches()
        step = _entry_inches(self.entries)
        middle = top - LINE_INCHES / 2
        figure.text(MARGIN_INCHES / width, middle / height, self.heading, va="center_baseline")
        for place, (name, mark) in enumerate(self.entries.items()):
            x = MARGIN_INCHES + HEADING_INCHES + step * (place % self.columns)
            y = middle - LINE_INCHES * (place // self.columns)
            ends = [x - 0.07, x + 0.07] if mark.get_linestyle() == "-" else [x]
            mark.set_data([end / width for end in ends], [y / height for _ in ends])
            mark.set_transform(figure.transFigure)
            figure.add_artist(mark)
            figure.text((x + 0.11) / width, y / height, literal(name), va="center_baseline")


def literal(text: str) -> str:
    """Text without matplotlib's own markup."""
    return text.replace("$", r"\$")


def _none_first(names: Iterable[str]) -> Iterator[str]:
    return iter(sorted(dict.fromkeys(names), key=lambda name: name != "none"))


def _entry_inches(entries: Mapping[str, Line2D]) -> float:
    return 0.3 + 0.057 * max(map(len, entries))


def _mark(marker: Marker, edge: Colour, face: Colour) -> Line2D:
    return Line2D(
        [], [], linestyle="", marker=marker, ms=4, markeredgecolor=edge, markerfacecolor=face
    )
