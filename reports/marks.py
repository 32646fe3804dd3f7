"""What a point or a line of a figure looks like: a colour or a marker means the same in all."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle

from matplotlib.colors import to_rgba
from matplotlib.lines import Line2D

from reports.legend import Legend

Colour = tuple[float, float, float, float]
Marker = str | tuple[int, int, int]

INK = "#101010"
GREY = "#8c8c8c"
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#8888F8", "#806070", "#507048")
"""Four of Okabe & Ito's palette for colour-blind readers, whose black is for no attention; its
other colours are too pale for thin lines. These three are not: all seven have a contrast of 3 to
white and to the page's dark ground, and are as distinct to every reader as the four are."""
MARKERS: tuple[Marker, ...] = (
    *("s", "^", "D", "v", "P", "X", "<", ">", "h", "p", "*", "d"),
    *((3, 1, 0), (4, 1, 0), (6, 1, 0), (3, 1, 180), (4, 1, 45)),
)
"""For pruning; the circle is for none. Further prunings begin again."""
DASHES = {1.0: "-", 0.0: "--", 0.35: ":"}
"""How opaque a point is, and how a line of the same name is drawn."""

MOST_ATTENTIONS, MOST_PRUNINGS = 4.0, 2.4
"""How high a legend may be, in inches, so that it fits a page together with its panels."""


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
        return Legend.of("Attention", dots, width, most=MOST_ATTENTIONS)

    def lines(self, width: float) -> Legend:
        """What the colours of lines mean."""
        strokes = {name: self.stroke(name) for name in self.colours}
        lines = {name: _line(colour, style) for name, (colour, style) in strokes.items()}
        return Legend.of("Attention", lines, width, most=MOST_ATTENTIONS)

    def shapes(self, width: float, lines: Mapping[str, str]) -> Legend:
        """What the markers mean, and ``lines`` in grey: the style of each by its name."""
        grey = to_rgba(GREY)
        shapes = {name: _mark(marker, grey, grey) for name, marker in self.markers.items()}
        more = {name: _line(grey, style) for name, style in lines.items()}
        return Legend.of("Pruning", shapes | more, width, most=MOST_PRUNINGS)


def _none_first(names: Iterable[str]) -> Iterator[str]:
    return iter(sorted(dict.fromkeys(names), key=lambda name: name != "none"))


def _mark(marker: Marker, edge: Colour, face: Colour) -> Line2D:
    return Line2D(
        [], [], linestyle="", marker=marker, ms=4, markeredgecolor=edge, markerfacecolor=face
    )


def _line(colour: Colour, style: str) -> Line2D:
    return Line2D([], [], color=colour, linewidth=1.0, linestyle=style)
