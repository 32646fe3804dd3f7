"""What the colours, lines and markers of a figure mean, at its foot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reports.lettering import broken, inches, line_inches, literal

LINE_INCHES = 0.15
MARGIN_INCHES = 0.2
HEADING_INCHES = 0.6
MARK_INCHES = 0.3
"""Room for the mark of an entry."""


@dataclass(frozen=True)
class Legend:
    """A heading and its entries in columns. (matplotlib's own takes four times as long.)

    Args:
        entries: what stands before each text.
        texts: the texts in lines, as broken as they must be to fit.
        step: from one column to the next, in inches.
        left_out: how many entries there was no room for.
    """

    heading: str
    entries: Sequence[Line2D]
    texts: Sequence[Sequence[str]]
    step: float
    columns: int
    left_out: int = 0

    @classmethod
    def of(
        cls, heading: str, entries: Mapping[str, Line2D], width: float, *, most: float
    ) -> Legend:
        """Those entries that fit into a figure so wide, at most so high."""
        room = width - 2 * MARGIN_INCHES - HEADING_INCHES
        step = min(MARK_INCHES + max(map(inches, entries), default=0.0), room)
        texts = [broken(name, step - MARK_INCHES + 0.01) for name in entries]
        columns = max(int((room + 0.1) / step), 1)
        everything = cls(heading, list(entries.values()), texts, step, columns)
        ends = accumulate(everything._heights)
        fitting = columns * sum(end <= most for end in ends)
        return replace(
            everything,
            entries=everything.entries[:fitting],
            texts=texts[:fitting],
            left_out=max(len(texts) - fitting, 0),
        )

    @property
    def inches(self) -> float:
        """How high it is."""
        return sum(self._heights) + (LINE_INCHES if self.left_out else 0) + 0.06

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
        if self.left_out:
            y = top - sum(self._heights) - LINE_INCHES / 2
            _write(figure, MARGIN_INCHES + HEADING_INCHES, y, f"and {self.left_out} more")

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
