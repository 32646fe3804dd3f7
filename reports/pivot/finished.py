"""What comes of a pivot: tables that are ready to be written in any format."""

from __future__ import annotations

from dataclasses import dataclass

from reports.columns import Value

NOTHING = 0
"""Stands for the number of a row where none is planned."""


@dataclass(frozen=True)
class Heading:
    """One cell of a table's head, over so many of its columns."""

    text: str
    span: int = 1


@dataclass(frozen=True)
class PivotLine:
    """One line.

    Args:
        labels: what it is called, one text for each of the table's ``labels``.
        values: what stands in it, one for each column.
        rows: for each value the number of the row in the report's tables that it is of, NOTHING
            where none is planned.
    """

    labels: tuple[str, ...]
    values: tuple[Value, ...]
    rows: tuple[int, ...]


@dataclass(frozen=True)
class PivotTable:
    """One table.

    Args:
        name: that of its pivot.
        title: what is the same in all of it.
        about: what it shows, or nothing.
        setting: the protocol in words.
        labels: headings of the columns of labels.
        head: rows of headings above the values, widest first; each covers all columns.
        lines: the lines.
        remarks: what holds for the whole table.
        notes: footnotes, mark and text.
        reading: how to read its values, a sentence or two for each.
    """

    name: str
    title: str
    about: str
    setting: str
    labels: tuple[str, ...]
    head: tuple[tuple[Heading, ...], ...]
    lines: tuple[PivotLine, ...]
    remarks: tuple[str, ...]
    notes: tuple[tuple[str, str], ...]
    reading: tuple[str, ...]

    @property
    def titles(self) -> list[str]:
        """One heading for each column of values: all that stands above it."""
        levels = [[h.text for h in row for _ in range(h.span)] for row in self.head]
        return [": ".join(filter(None, texts)) for texts in zip(*levels, strict=True)]
