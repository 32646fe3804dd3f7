"""The rows of a report that a pivot is about, each with what it is called in the pivot's fields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from reports.clocks import Clocks
from reports.columns import COLUMNS, Value
from reports.document import Document
from reports.gather import progress
from reports.pivot.asked import Pivot
from reports.pivot.fields import BITS, Row, answers, options, text_of
from reports.pivot.file import DEVICE, FIELDS
from reports.tables import Line, Table
from reports.timing import timings
from sweeps.errors import UserError, near_miss

LATENCY = next(column for column in COLUMNS if column.key == "latency")
GLOB = "*?["
Meant = dict[str | None, set[str | None]]
"""The texts of a field that each wanted value means."""


@dataclass(frozen=True)
class Entry:
    """A row, on one device where the pivot tells devices apart.

    Args:
        row, line, table: what the report says of it.
        values: what stands in the columns of its table, by their kind.
        device: the setting of its latency; empty if it has none.
        clock: the same as short as the report has it.
        timed: its line of `reports.timing.timings` on that device; empty if there is none.
        fields: what it is called, by field of the pivot; None where it has no such option.
    """

    row: Row
    line: Line
    table: Table
    values: Mapping[str, Value]
    device: str
    clock: str
    timed: Mapping[str, Any]
    fields: Mapping[str, str | None]


def entries(document: Document, pivot: Pivot) -> list[Entry]:
    """All rows that ``where`` does not leave out, in the order of the report.

    Raises:
        UserError: the pivot asks for options or values that the report has nowhere, or nothing is
            left.
    """
    rows: list[Any] = document.rows.reset_index(names="row").to_dict("records")
    by_number: dict[int, Row] = {row["row"]: row for row in rows}
    timed = timings(document.frame)
    found: list[Entry] = []
    for table in document.tables:
        clocks = Clocks.of(timed[timed["protocol"] == table.title])
        ours = replace(table, remarks=_general(document, table, clocks))
        for line in table.lines:
            found += _of_line(pivot, ours, line, by_number[line.number], clocks)
    if not (problems := list(_unknown_options(pivot, rows))):
        meant = {field: _meant(found, field, wanted) for field, wanted in pivot.where.items()}
        problems = list(_unmatched(meant, found))
    if problems:
        raise UserError("\n".join(f"table {pivot.name}: {problem}" for problem in problems))
    left = found
    for field, texts in meant.items():
        some = set[str | None]().union(*texts.values())
        left = [one for one in left if not some.isdisjoint(_answers(one, field))]
    if not left:
        said = ", ".join(f"{field}: {_said(wanted)}" for field, wanted in pivot.where.items())
        raise UserError(f"table {pivot.name}: where {{{said}}} leaves no row")
    return left


def _general(document: Document, table: Table, clocks: Clocks) -> tuple[str, ...]:
    """A table's remarks that hold for any part of it: not its counts, nor its devices."""
    cells = document.frame[document.frame["row"].isin([line.number for line in table.lines])]
    own = {*clocks.remarks, f"{progress(cells)}."}
    return tuple(remark for remark in table.remarks if remark not in own)


def _of_line(pivot: Pivot, table: Table, line: Line, row: Row, clocks: Clocks) -> Iterator[Entry]:
    """The row once; once for each device of its table where the pivot speaks of devices."""
    columns = {column.key: value for column, value in zip(table.columns, line.values, strict=True)}
    keys = [column.key for column in clocks.columns(LATENCY)]
    places = dict(zip(clocks.headings, keys, strict=False))
    own = str(row["latency_setting"]) if row["latency_n"] > 0 else ""
    is_apart = bool(places) and DEVICE in (*pivot.fields, *pivot.where)
    for device in places if is_apart else (own,):
        latency = columns.get(places.get(device, LATENCY.key), Value())
        yield Entry(
            row=row,
            line=line,
            table=table,
            values=columns | {LATENCY.key: latency},
            device=device,
            clock=_short(clocks, device),
            timed=clocks.times.get((line.number, device), {}),
            fields={field: text_of(row, device, field, pivot.fields) for field in pivot.fields},
        )


def _short(clocks: Clocks, device: str) -> str:
    is_only = len(clocks.headings) < 2
    return device if is_only else clocks.headings.get(device, "").removeprefix("Latency on ")


def _unknown_options(pivot: Pivot, rows: Sequence[Row]) -> Iterator[str]:
    """Fields that are an option which no row of the report has."""
    for field in dict.fromkeys((*pivot.fields, *pivot.where)):
        part = field.partition(".")[0]
        if field not in FIELDS and field not in (known := options(rows, part)):
            yield near_miss("field", field, known)


def _unmatched(meant: Mapping[str, Meant], found: Sequence[Entry]) -> Iterator[str]:
    """Wanted values that no row has; a glob may match nothing."""
    for field, wanted in meant.items():
        for pattern, texts in wanted.items():
            is_glob = pattern is not None and not set(GLOB).isdisjoint(pattern)
            if not is_glob and not texts:
                known = {text for one in found for text in _answers(one, field) if text}
                yield near_miss(field, "null" if pattern is None else pattern, known)


def _answers(entry: Entry, field: str) -> list[str | None]:
    return answers(entry.row, entry.device, field)


def _meant(found: Iterable[Entry], field: str, wanted: Iterable[str | None]) -> Meant:
    """The texts of a field that each wanted value means."""
    there = {text for one in found for text in _answers(one, field)}
    return {pattern: _matches(pattern, there, field) for pattern in wanted}


def _matches(pattern: str | None, there: AbstractSet[str | None], field: str) -> set[str | None]:
    """The text that is written like that; where there is none, those that fit it as a glob, or are
    the same number."""
    if pattern in there or pattern is None:
        return {pattern} & there
    texts = filter(None, there)
    return {t for t in texts if fnmatchcase(t, pattern) or (field != BITS and _equal(t, pattern))}


def _equal(text: str, pattern: str) -> bool:
    try:
        return float(text) == float(pattern)
    except ValueError:
        return False


def _said(wanted: Iterable[str | None]) -> str:
    return " or ".join("null" if one is None else one for one in wanted)
