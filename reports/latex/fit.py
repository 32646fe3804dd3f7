"""Tables that are too wide for a page, as several that are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from reports.columns import SIGNS, Value
from reports.latex.text import SCRIPT, pieces, width
from reports.pivot.finished import Heading, PivotTable

PAGE = 390.0
"""Points that a table may take: the width of a page in the narrowest of usual styles."""
LABEL = 110.0
"""Points that a label takes at most; then it breaks."""
GAP = 6.0
"""Points between two columns."""
NARROW = 42.0
"""Points that a heading may take, however narrow its numbers are; then it breaks."""


def fitting(table: PivotTable, groups: Sequence[Sequence[int]]) -> list[PivotTable]:
    """The table, or several that have its lines and a part of its columns each.

    Args:
        groups: places of columns that stay together where a page has room for them.
    """
    room = PAGE - sum(one + GAP for one in label_widths(table))
    widths = [one + GAP for one in column_widths(table)]
    parts: list[list[int]] = [[]]
    for group in groups:
        fits = sum(widths[place] for place in group) <= room
        for piece in [[*group]] if fits else [[place] for place in group]:
            if parts[-1] and sum(widths[place] for place in (*parts[-1], *piece)) > room:
                parts.append([])
            parts[-1] += piece
    return [_picked(table, places) for places in parts]


def spans(table: PivotTable) -> list[list[int]]:
    """The places of columns, those below one of the widest headings together."""
    found, place = [], 0
    for heading in table.head[0]:
        found.append(list(range(place, place + heading.span)))
        place += heading.span
    return found


def is_grouped(table: PivotTable) -> bool:
    """Whether lines stand below a line of their own with what is the first of their labels."""
    return len(table.labels) > 1


def label_widths(table: PivotTable) -> list[float]:
    """Points that each column of labels takes."""
    first = 1 if is_grouped(table) else 0
    columns = zip(table.labels, *(line.labels for line in table.lines), strict=True)
    return [min(max(map(width, texts)), LABEL) for texts in [*columns][first:]]


def table_width(table: PivotTable) -> float:
    """Points that all of it takes."""
    return sum(one + GAP for one in (*label_widths(table), *column_widths(table)))


def column_widths(table: PivotTable) -> list[float]:
    """Points that each column of values takes, between numbers and headings."""
    bodies = [sum(parts) for parts in body_widths(table)]
    for level in table.head:
        place = 0
        for heading in level:
            word = max((width(p) for w in heading.text.split() for p in pieces(w)), default=0.0)
            for column in range(place, place + heading.span):
                bodies[column] = max(bodies[column], word / heading.span)
            place += heading.span
    return bodies


def body_widths(table: PivotTable) -> list[tuple[float, float]]:
    """Of each column of values the points that its numbers take, and what stands beside them."""
    columns = zip(*(line.values for line in table.lines), strict=True)
    return [(max(map(_main, column)), max(map(_rest, column))) for column in columns]


def _main(value: Value) -> float:
    return width(value.text) * (1.15 if value.bold else 1.0)


def _rest(value: Value) -> float:
    marks = ",".join(value.marks)
    beside = width(f" {SIGNS[value.verdict]}") if value.verdict else 0.0
    beside += width(f" {value.aside}", SCRIPT) if value.aside else 0.0
    return beside + 0.8 * width(marks)


def _picked(table: PivotTable, places: Sequence[int]) -> PivotTable:
    """The table with these of its columns only."""
    head = []
    above: list[tuple[int, ...]] = [()] * len(table.titles)
    for level in table.head:
        texts = [(n, h.text) for n, h in enumerate(level) for _ in range(h.span)]
        above = [(*path, number) for path, (number, _) in zip(above, texts, strict=True)]
        groups = [[*group] for _, group in groupby(places, key=above.__getitem__)]
        head.append(tuple(Heading(texts[group[0]][1], len(group)) for group in groups))
    lines = (
        replace(
            line,
            values=tuple(line.values[place] for place in places),
            rows=tuple(line.rows[place] for place in places),
        )
        for line in table.lines
    )
    return replace(table, head=tuple(head), lines=tuple(lines))
