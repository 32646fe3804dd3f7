"""How large the cells of heat maps are, and how many one map has: all that fits on a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from reports.figures.style import COLUMN_INCHES, DEEP_INCHES, PAGE_INCHES
from reports.lettering import broken, inches, line_inches, shortened

EDGE, LABEL, BESIDE, LEAST_TITLE = 0.12, 2.0, 0.1, 1.5
"""Inches: around everything, the width from which a name is broken, from a name to its line, and
what a title has in any case."""
MOST_UPRIGHT, NOTES = 4.0, 0.7
"""Inches: how long an upright name may be, and what a page keeps for the notes below its maps."""
MOST_TITLE = 3
"""Lines of a title."""


@dataclass(frozen=True)
class Size:
    """Of a cell, in inches: its width, the least where room is short, the most where its name is
    long, and its height."""

    cell: float
    least: float
    most: float
    line: float


WITH_NUMBERS, WITHOUT = Size(0.44, 0.3, 0.8, 0.2), Size(0.2, 0.122, 0.2, 0.14)


def columns_of(names: Sequence[str], left: float, size: Size) -> tuple[int, float]:
    """How many columns one map takes, and how wide they are: it fits a column if it can."""
    narrow, wide = (width - 2 * EDGE - left for width in (COLUMN_INCHES, PAGE_INCHES))
    room = narrow if len(names) * size.least <= narrow else wide
    count = ceil(len(names) / int(room / size.least))
    each = ceil(len(names) / count)
    wanted = max(map(inches, names)) + BESIDE
    is_flat = size.cell < wanted <= min(size.most, room / each)
    return each, wanted if is_flat else min(size.cell, room / each)


def lines_of(down: Sequence[Sequence[str]], below: float, size: Size) -> int:
    """How many lines one map takes."""
    above = MOST_TITLE * line_inches() + 0.08
    room = DEEP_INCHES - 2 * EDGE - NOTES - above - below
    count = ceil(len(down) / max(int(room / line_height(down, size)), 1))
    return ceil(len(down) / count)


def line_height(down: Sequence[Sequence[str]], size: Size) -> float:
    """Of all lines, in inches: the longest name decides."""
    return size.line + (max(map(len, down)) - 1) * line_inches()


def upright(names: Sequence[str], cell: float) -> list[list[str]]:
    """The names, broken if they must be, so that all lines of one stand upright in a cell."""
    if max(map(inches, names)) <= cell:
        return [[name] for name in names]
    lines = max(int(cell / line_inches()), 1)
    room = min(LABEL, max(inches(word) for name in names for word in name.split()))
    while True:
        found = [broken(name, room) for name in names]
        if max(map(len, found)) <= lines or room > MOST_UPRIGHT:
            return [shortened(name, room, lines) for name in names]
        room *= 1.15


def longest(names: Sequence[Sequence[str]]) -> float:
    """The width of the widest line of names, in inches."""
    return max(inches(text) for name in names for text in name)
