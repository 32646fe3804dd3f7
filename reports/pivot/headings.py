"""What tables, lines and columns of a pivot are called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from reports.columns import COLUMNS
from reports.pivot.crossing import Crossing, Labels
from reports.pivot.entries import Entry
from reports.pivot.fields import heading_of
from reports.pivot.file import DEVICE
from reports.pivot.finished import Heading
from reports.pivot.places import NO_SUCH, Place, Values
from reports.schemes import shortened

BY_KEY = {column.key: column for column in COLUMNS}
TITLED = ("protocol", "data", "recipe")
"""Fields that a table's title says anyway."""
DAGGER = "†"

Shown = Mapping[tuple[str, str | None], str]
"""How a text of a field is shown."""
Column = tuple[Labels, str]
"""A column of values: what it is called, and which value stands in it."""


def shown(crossing: Crossing) -> Shown:
    """Reconstructions with a dagger; long connection schemes and devices in short."""
    found: dict[tuple[str, str | None], str] = {}
    entries = crossing.entries.values()
    short = shortened(text or "" for entry in entries for text in entry.fields.values())
    for entry in entries:
        for field, text in entry.fields.items():
            if (field, text) not in found:
                found[field, text] = _shown(entry, field, short[text or ""])
    return found


def _shown(entry: Entry, field: str, text: str) -> str:
    if field == DEVICE:
        return entry.clock
    label = getattr(entry.line, field, None)  # of a part that names a line in the report's tables
    if label is None:
        return text
    return f"{label.name}{DAGGER * label.is_reconstruction}{text.removeprefix(label.name)}"


def title(crossing: Crossing, texts: Shown) -> str:
    """What stands in it by what; the protocol, and what else the table is split by."""
    pivot = crossing.pivot
    split = zip(pivot.split, crossing.split, strict=True)
    own = [_above(field, texts[field, text]) for field, text in split if field not in TITLED]
    said = ", ".join([crossing.any.table.title, *own])
    if not pivot.columns:
        return said
    across = " and ".join(pivot.columns)
    if len(pivot.values) > 1:
        return f"By {across}: {said}"
    value = BY_KEY[pivot.values[0]]
    return f"{value.heading} by {across}{', ' * bool(value.unit)}{value.unit}: {said}"


def labels(fields: Sequence[str]) -> tuple[str, ...]:
    """The headings of the columns that name the lines."""
    return tuple(field if "." in field else field.capitalize() for field in fields)


def columns(crossing: Crossing, values: Mapping[Place, Values]) -> list[Column]:
    """The first value of every column, and of the others those that a row has a number for."""
    names = crossing.pivot.values
    telling = {(column, names[0]) for column in crossing.columns}
    for (line, column), found in values.items():
        if crossing.entries[line, column].row["n"]:
            pairs = zip(names, found, strict=True)
            telling |= {(column, name) for name, value in pairs if value.text != NO_SUCH}
    wanted = [(column, name) for column in crossing.columns for name in names]
    return [column for column in wanted if column in telling]


def head(
    crossing: Crossing, wanted: Sequence[Column], texts: Shown
) -> Iterator[tuple[Heading, ...]]:
    """A row of headings for each field of the columns, and one for their values."""
    pivot = crossing.pivot
    for level, field in enumerate(pivot.columns, start=1):
        spans = [(called, len([*group])) for called, group in groupby(c[:level] for c, _ in wanted)]
        yield tuple(Heading(_above(field, texts[field, c[-1]]), span) for c, span in spans)
    if len(pivot.values) > 1 or not pivot.columns:
        yield tuple(Heading(BY_KEY[name].title) for _, name in wanted)


def _above(field: str, text: str) -> str:
    return heading_of(field, text or None)
