"""Tables as they are read: one for each protocol, ready to be written in any format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from reports.clocks import Clocks
from reports.columns import COLUMNS, Column, Value
from reports.gather import NO_ROW, progress
from reports.names import PARTS
from reports.notes import (
    Notes,
    mixtures,
    other_params,
    published,
    reasons,
    setting,
    supernets,
    unled,
)
from reports.schemes import shortened
from reports.timing import timings
from reports.values import values


@dataclass(frozen=True)
class Label:
    """A variant's name, its options that vary, and a dagger if it is a reconstruction."""

    name: str
    options: str = ""
    is_reconstruction: bool = False

    def __str__(self) -> str:
        return f"{self.name}{'†' * self.is_reconstruction} {self.options}".rstrip()


@dataclass(frozen=True)
class Line:
    """One row: its number, what it is called, its values in the order of the table's columns."""

    number: int
    backbone: Label
    attention: Label
    pruning: Label
    values: tuple[Value, ...]
    keys: tuple[str, ...]
    state: str


@dataclass(frozen=True)
class Table:
    """The rows that were made under one protocol.

    Args:
        title: data and recipe by name.
        setting: what that means.
        columns: those that hold something.
        lines: the rows, backbone by backbone.
        remarks: what holds for the whole table.
        notes: footnotes, mark and text.
    """

    title: str
    setting: str
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    remarks: tuple[str, ...]
    notes: tuple[tuple[str, str], ...]

    @property
    def backbones(self) -> dict[Label, list[Line]]:
        found: dict[Label, list[Line]] = {}
        for line in self.lines:
            found.setdefault(line.backbone, []).append(line)
        return found


def tabulate(
    frame: pd.DataFrame, rows: pd.DataFrame, reconstructions: AbstractSet[str] = frozenset()
) -> list[Table]:
    """One table for every protocol; rows of different protocols never share one.

    Args:
        frame: of `reports.gather.gather`.
        rows: of `reports.rows.aggregate`.
        reconstructions: names of variants and recipes not confirmed by their authors' work.
    """
    tabled = frame[frame["row"] != NO_ROW]
    why, timed = reasons(frame), timings(tabled)
    found = []
    for protocol, cells in tabled.groupby("protocol", sort=False):
        ours = rows.loc[cells["row"].unique()]
        clocks = Clocks.of(timed[timed["protocol"] == protocol])
        table = _table(cells, _records(ours), clocks, why, reconstructions)
        found.append(replace(table, remarks=(*table.remarks, *supernets(cells, frame))))
    return found


def reading(tables: Iterable[Table]) -> list[str]:
    """How to read the columns that these tables have, a sentence or two for each."""
    used = {column.kind for table in tables for column in table.columns}
    return [f"{column.heading}: {column.about}" for column in COLUMNS if column.key in used]


def _records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    found: list[Any] = rows.reset_index(names="row").to_dict("records")
    return found


def _table(
    frame: pd.DataFrame,
    rows: Sequence[Mapping[str, Any]],
    clocks: Clocks,
    why: Mapping[int, list[str]],
    reconstructions: AbstractSet[str],
) -> Table:
    notes = Notes()
    found = [_values(row, notes, why, clocks) for row in rows]
    offered = [
        c for one in COLUMNS for c in (clocks.columns(one) if one.key == "latency" else [one])
    ]
    columns = tuple(
        c for c in offered if not c.optional or any(not one[c.key].is_empty for one in found)
    )
    short = shortened(row[f"{part}_options"] for row in rows for part in PARTS)
    lines = tuple(
        _line(row, tuple(line[c.key] for c in columns), reconstructions, short)
        for row, line in zip(rows, found, strict=True)
    )
    counted = [] if (frame["state"] == "done").all() else [f"{progress(frame)}."]
    ours = _unconfirmed(rows[0]["recipe"], reconstructions)
    return Table(
        title=rows[0]["protocol"],
        setting=setting(frame, rows),
        columns=columns,
        lines=lines,
        remarks=(*counted, *clocks.remarks, *mixtures(frame), *unled(rows), *ours),
        notes=(*((mark, text) for text, mark in notes.marks.items()), *_dagger(lines)),
    )


def _unconfirmed(recipe: str, reconstructions: AbstractSet[str]) -> list[str]:
    ours = f"The recipe {recipe} is a reconstruction: not all of it could be confirmed."
    return [ours] if recipe in reconstructions else []


def _values(
    row: Mapping[str, Any], notes: Notes, why: Mapping[int, list[str]], clocks: Clocks
) -> dict[str, Value]:
    """A row's values by column, with the marks of its footnotes."""
    found = values(row)
    timed = clocks.values(row)
    found |= timed if row["state"] != "inapplicable" else dict.fromkeys(timed, Value())
    found["accuracy"] = _marked(found["accuracy"], notes, why.get(row["row"], []))
    found["published"] = _marked(found["published"], notes, published(row))
    found["params"] = _marked(found["params"], notes, other_params(row))
    return found


def _marked(value: Value, notes: Notes, texts: Iterable[str]) -> Value:
    return replace(value, marks=(*value.marks, *map(notes.mark, texts)))


def _line(
    row: Mapping[str, Any],
    texts: tuple[Value, ...],
    reconstructions: AbstractSet[str],
    short: Mapping[str, str],
) -> Line:
    def label(part: str, more: str = "") -> Label:
        options = f"{short[row[f'{part}_options']]} {more}".strip()
        return Label(row[part], options, row[part] in reconstructions)

    return Line(
        number=row["row"],
        backbone=label("backbone"),
        attention=label("attention"),
        pruning=label("pruning", row["refit_options"]),
        values=texts,
        keys=tuple(row["keys"].split()),
        state=row["state"],
    )


def _dagger(lines: Iterable[Line]) -> list[tuple[str, str]]:
    labels = {label for x in lines for label in (x.backbone, x.attention, x.pruning)}
    if not any(label.is_reconstruction for label in labels):
        return []
    return [("†", "A reconstruction: not all of it could be confirmed from the authors' work.")]
