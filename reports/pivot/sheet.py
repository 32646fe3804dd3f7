"""The numbers behind a pivot at full precision, as CSV."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from reports.document import Document
from reports.outcome import ACCURACIES
from reports.pivot.crossing import Crossing
from reports.pivot.entries import LATENCY, Entry
from reports.pivot.fields import heading_of
from reports.pivot.file import VALUES
from reports.sheets import as_csv, table_frame

SEEDS = ("n", "planned")


def pivot_csv(document: Document, found: Sequence[Crossing]) -> str:
    """A line for each line of a pivot's tables, with the names of table.csv.

    Each column of the pivot is several here: ``row`` (number of the row in table.csv), its
    ``state``, and of each value all that table.csv has. They are empty where no row is planned.
    """
    rows = table_frame(document)
    names = {value: _names(value, rows.columns) for value in found[0].pivot.values}
    records: Any = rows.astype(object).to_dict("index")
    lines = [_line(one, line, names, records) for one in found for line in one.lines]
    return as_csv(pd.DataFrame(lines, dtype=object))


def _names(value: str, columns: Iterable[str]) -> list[str]:
    """The columns of table.csv that are about a value."""
    if value == "seeds":
        return list(SEEDS)
    longer = [f"{v}_" for v in (*VALUES, *ACCURACIES) if v.startswith(f"{value}_")]
    mine = [name for name in columns if f"{name}_".startswith(f"{value}_")]
    return [name for name in mine if not f"{name}_".startswith(tuple(longer))]


def _line(
    crossing: Crossing,
    line: Sequence[str | None],
    names: Mapping[str, Sequence[str]],
    records: Mapping[int, Mapping[str, Any]],
) -> dict[str, Any]:
    pivot = crossing.pivot
    found: dict[str, Any] = dict(zip(pivot.split, crossing.split, strict=True))
    found |= dict(zip(pivot.rows, line, strict=True))
    for column in crossing.columns:
        called = " ".join(map(heading_of, pivot.columns, column))
        entry = crossing.entries.get((tuple(line), column))
        content = _content(entry, names, records) if entry else {}
        for name in ("row", "state", *(name for several in names.values() for name in several)):
            found[f"{called} {name}".strip()] = content.get(name)
    return found


def _content(
    entry: Entry,
    names: Mapping[str, Sequence[str]],
    records: Mapping[int, Mapping[str, Any]],
) -> dict[str, Any]:
    record = {**records[entry.line.number], "row": entry.line.number}
    timed = {name: entry.timed.get(name) for name in names.get(LATENCY.key, ())}
    return {**record, **timed}
