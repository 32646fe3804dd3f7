"""A heat map before it is drawn: what stands in its cells, and how much room it takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports.figures.cells import (
    BESIDE,
    LABEL,
    LEAST_TITLE,
    MOST_TITLE,
    WITH_NUMBERS,
    WITHOUT,
    Size,
    columns_of,
    line_height,
    lines_of,
    longest,
    upright,
)
from reports.figures.panels import by_backbone, label
from reports.lettering import broken, inches, line_inches, shortened

MOST_NUMBERS = 500
"""A figure of more cells is read by its colours: numbers would take most of its time."""


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
        size: what a cell may be.
    """

    title: str
    down: list[list[str]]
    across: list[list[str]]
    values: NDArray[np.float64]
    states: NDArray[np.object_]
    is_fewer: NDArray[np.bool_]
    ends: tuple[float, float]
    cell: float
    size: Size

    @cached_property
    def left(self) -> float:
        """Room for the names of the lines; this and all others in inches."""
        return longest(self.down) + BESIDE

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
        return line_height(self.down, self.size)

    @cached_property
    def is_turned(self) -> bool:
        """Whether the names of the columns stand upright, for want of room."""
        return longest(self.across) > self.cell - 0.04

    @cached_property
    def titles(self) -> list[str]:
        return shortened(self.title, max(self.cells, LEAST_TITLE), MOST_TITLE)

    @cached_property
    def above(self) -> float:
        return len(self.titles) * line_inches() + 0.08

    @cached_property
    def body(self) -> float:
        """The height of all cells."""
        return self.line * len(self.down)

    @cached_property
    def below(self) -> float:
        """Room for the names of the columns."""
        lines = max(map(len, self.across)) * line_inches()
        return longest(self.across) if self.is_turned else lines


def maps(rows: pd.DataFrame) -> list[Map]:
    """The mean accuracies of a report's rows, in as many maps as their cells need."""
    size = WITH_NUMBERS if len(rows) <= MOST_NUMBERS else WITHOUT
    return [one for title, some in by_backbone(rows) for one in _maps(title, some, size)]


def _maps(title: str, rows: pd.DataFrame, size: Size) -> Iterator[Map]:
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
    each, cell = columns_of(list(columns), longest(down) + BESIDE, size)
    across = upright(list(columns), cell)
    high = lines_of(down, longest(across), size)
    for x, y in product(range(0, len(columns), each), range(0, len(lines), high)):
        part = (slice(y, y + high), slice(x, x + each))
        names = (said, down[part[0]], across[part[1]])
        yield Map(*names, values[part], states[part], is_fewer[part], ends, cell, size)
