"""What a point or a line of a figure looks like, and the legends that say so."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reports.lettering import broken, inches, line_inches, literal

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
DASHES = {1.0: "-", 0.0: "--", 0.35: ":"}
"""How opaque a point is, and how a line of the same name is drawn."""

LINE_INCHES = 0.15
MARGIN_INCHES = 0.2
HEADING_INCHES = 0.6
MARK_INCHES = 0.3
"""Room for the mark of an entry."""


@dataclass(frozen=True)
class Marks:
    """How a row is drawn: attention -> edge and face, pruning -> marker."""

    colours: Mapping[str, tuple[Colour, Colour]]
    markers: Mapping[str, Marker]

    @classmethod
    def of(cls, attentions: Iterable[str], prunings: Iterable[str]) -> Marks:
        """Filled shapes first; where the palette is used up hollow ones, then pale ones."""
        fills = cycle((c, alpha) for alpha in DASHES for c in COLOURS)
        markers = cycle(MARKERS)
        colours = {
            name: (INK, 1.0) if name == "none" else next(fills) for name in _none_first(attentions)
        }
        return cls(
            {name: (to_rgba(c), to_rgba(c, alpha)) for name, (c, alpha) in colours.items()},
            {n: "o" if n == "none" else next(markers) for n in _none_first(prunings)},
        )

    def only(self, attentions: Container[str], prunings: Container[str] = ()) -> Marks:
        """Those of some attentions and prunings, looking as they did."""
        return Marks(
            {name: colour for name, colour in self.colours.items() if name in attentions},
            {name: marker for name, marker in self.markers.items() if name in prunings},
        )

    def stroke(self, attention: str) -> tuple[Colour, str]:
        """Colour and style of a line."""
        edge, face = self.colours[attention]
        return edge, DASHES[face[3]]

    def dots(self, width: float) -> Legend:
        """What the colours mean, for a figure of so many inches."""
        dots = {name: _mark("o", *colour) for name, colour in self.colours.items()}
        return Legend.of("Attention", dots, width)

    def lines(self, width: float) -> Legend:
        """What the colours of lines mean."""
        strokes = {name: self.stroke(name) for name in self.colours}
        lines = {name: _line(colour, style) for name, (colour, style) in strokes.items()}
        return Legend.of("Attention", lines, width)

    def shapes(self, width: float, lines: Mapping[str, str]) -> Legend:
        """What the markers mean, and ``lines`` in grey: the style of each by its name."""
        grey = to_rgba(GREY)
        shapes = {name: _mark(marker, grey, grey) for name, marker in self.markers.items()}
        more = {name: _line(grey, style) for name, style in lines.items()}
        return Legend.of("Pruning", shapes | more, width)


@dataclass(frozen=True)
class Legend:
    """A heading and its entries in columns. (matplotlib's own takes four times as long.)

    Args:
        entries: what stands before each text.
        texts: the texts in lines, as broken as they must be to fit.
        step: from one column to the next, in inches.
    """

    heading: str
    entries: Sequence[Line2D]
    texts: Sequence[Sequence[str]]
    step: float
    columns: int

    @classmethod
    def of(cls, heading: str, entries: Mapping[str, Line2D], width: float) -> Legend:
        room = width - 2 * MARGIN_INCHES - HEADING_INCHES
        step = min(MARK_INCHES + max(map(inches, entries), default=0.0), room)
        texts = [broken(name, step - MARK_INCHES + 0.01) for name in entries]
        columns = max(int((room + 0.1) / step), 1)
        return cls(heading, list(entries.values()), texts, step, columns)

    @property
    def inches(self) -> float:
        """How high it is."""
        return sum(self._heights) + 0.06

    def draw(self, figure: Figure, top: float) -> None:
        """Put it into the figure, its upper edge so many inches above the lower one."""
        _write(figure, MARGIN_INCHES, top - LINE_INCHES / 2, self.heading)
        for place, (mark, lines) in enumerate(zip(self.entries, self.texts, strict=True)):
            row, column = divmod(place, self.columns)
            x = MARGIN_INCHES + HEADING_INCHES + self.step * column
            y = top - sum(self._heights[:row]) - LINE_INCHES / 2
            _put(figure, mark, x, y)
            for number, line in enumerate(lines):
                _write(figure, x + 0.13, y - number * line_inches(), line)

    @property
    def _heights(self) -> list[float]:
        """Of each row of entries."""
        starts = range(0, len(self.texts), self.columns)
        lines = [max(map(len, self.texts[start : start + self.columns])) for start in starts]
        return [LINE_INCHES + (count - 1) * line_inches() for count in lines]


def _put(figure: Figure, mark: Line2D, x: float, y: float) -> None:
    width, height = figure.get_size_inches()
    ends = [x] if mark.get_linestyle() == "None" else [x - 0.08, x + 0.08]
    mark.set_data([end / width for end in ends], [y / height for _ in ends])
    mark.set_transform(figure.transFigure)
    figure.add_artist(mark)


def _write(figure: Figure, x: float, y: float, text: str) -> None:
    width, height = figure.get_size_inches()
    figure.text(x / width, y / height, literal(text), va="center_baseline")


def _none_first(names: Iterable[str]) -> Iterator[str]:
    return iter(sorted(dict.fromkeys(names), key=lambda name: name != "none"))


def _mark(marker: Marker, edge: Colour, face: Colour) -> Line2D:
    return Line2D(
        [], [], linestyle="", marker=marker, ms=4, markeredgecolor=edge, markerfacecolor=face
    )


def _line(colour: Colour, style: str) -> Line2D:
    return Line2D([], [], color=colour, linewidth=1.0, linestyle=style)
