"""A heat map before it is drawn: what stands in its cells, and how much room it takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports.figures.panels import by_backbone, label
from reports.figures.style import PAGE_INCHES
from reports.lettering import broken, inches, line_inches

EDGE, LABEL, BESIDE, LEAST_TITLE = 0.12, 2.0, 0.1, 1.5
"""Inches: around everything, the width from which a name is broken, from a name to its line, and
what a title has in any case."""
CELL, LEAST, MOST_CELL, LINE = 0.44, 0.3, 0.8, 0.2
"""Inches: a cell's width, its least where room is short, its most where its name is long, and its
height."""


@dataclass(frozen=True)
class Map:
    """Cells in (lines, columns).

    Args:
        title: of the backbone, and from which to which accuracy its colours go.
        down, across: the names of lines and columns, broken to fit.
        values: accuracies in percent, NaN where there is none.
        states: of the rows; nothing where none was planned.
        is_fewer: whether some of the planned seeds have no number.
        ends: the lowest and the highest accuracy of the backbone.
        cell: a cell's width in inches.
    """

    title: str
    down: list[list[str]]
    across: list[list[str]]
    values: NDArray[np.float64]
    states: NDArray[np.object_]
    is_fewer: NDArray[np.bool_]
    ends: tuple[float, float]
    cell: float

    @cached_property
    def left(self) -> float:
        """Room for the names of the lines; this and all others in inches."""
        return _longest(self.down) + BESIDE

    @cached_property
    def cells(self) -> float:
        """The width of all cells."""
        return self.cell * len(self.across)

    @cached_property
    def width(self) -> float:
        return self.left + max(self.cells, *map(inches, self.titles))

    @cached_property
    def line(self) -> float:
        """The height of a cell."""
        return max(LINE, max(map(len, self.down)) * line_inches() + 0.06)

    @cached_property
    def is_turned(self) -> bool:
        """Whether the names of the columns stand upright, for want of room."""
        return _longest(self.across) > self.cell - 0.04

    @cached_property
    def titles(self) -> list[str]:
        return broken(self.title, max(self.cells, LEAST_TITLE))

    @cached_property
    def above(self) -> float:
        return len(self.titles) * line_inches() + 0.08

    @cached_property
    def height(self) -> float:
        lines = max(map(len, self.across)) * line_inches()
        names = _longest(self.across) if self.is_turned else lines
        return self.above + self.line * len(self.down) + names + 0.2


def maps(rows: pd.DataFrame) -> list[Map]:
    """The mean accuracies of a report's rows, in as many maps as their columns need."""
    return [one for title, some in by_backbone(rows) for one in _maps(title, some)]


def _maps(title: str, rows: pd.DataFrame) -> Iterator[Map]:
    line, lines = pd.factorize(label(rows, "attention"))
    prunings = (label(rows, "pruning") + " " + rows["refit_options"]).str.strip()
    column, columns = pd.factorize(prunings)
    shape = (len(lines), len(columns))
    values, states = np.full(shape, np.nan), np.full(shape, "", dtype=object)
    is_fewer = np.zeros(shape, dtype=bool)
    values[line, column] = 100 * rows["accuracy_mean"]
    states[line, column] = rows["state"]
    is_fewer[line, column] = (rows["n"] < rows["planned"]) & (rows["n"] > 0)
    known = values[~np.isnan(values)]
    ends = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    said = f"{title}: {ends[0]:.2f} to {ends[1]:.2f} %" if known.size else title
    down = [broken(name, LABEL) for name in lines]
    each, cell = _columns(list(columns), PAGE_INCHES - 2 * EDGE - _longest(down) - BESIDE)
    room = _upright(list(columns), cell)
    for start in range(0, len(columns), each):
        part = slice(start, start + each)
        across = [broken(name, room) for name in columns[part]]
        yield Map(
            said, down, across, values[:, part], states[:, part], is_fewer[:, part], ends, cell
        )


def _columns(names: Sequence[str], room: float) -> tuple[int, float]:
    """How many columns one map takes, and how wide they are."""
    count = ceil(len(names) / int(room / LEAST))
    each = ceil(len(names) / count)
    wanted = max(map(inches, names)) + BESIDE
    return each, min(wanted if CELL < wanted <= MOST_CELL else CELL, room / each)


def _upright(names: Sequence[str], cell: float) -> float:
    """How long an upright name may be, so that its lines stand beside each other in a cell."""
    lines = max(int(cell / line_inches()), 1)
    return max(LABEL, 1.3 * max(map(inches, names)) / lines)


def _longest(names: Sequence[Sequence[str]]) -> float:
    return max(inches(text) for name in names for text in name)
