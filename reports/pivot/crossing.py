"""Rows put where lines and columns of a pivot meet: one in each place, of one protocol."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import isfinite, isnan, nan
from typing import Any

import pandas as pd

from reports.columns import NUMBERS
from reports.document import Document
from reports.names import PARTS
from reports.pivot.asked import Pivot
from reports.pivot.entries import LATENCY, Entry, entries
from reports.pivot.fields import heading_of, text_of
from reports.pivot.file import DEVICE, PROTOCOL
from reports.protocol import check_one_device, check_one_protocol
from sweeps.errors import UserError

Labels = tuple[str | None, ...]
"""What lines, columns or tables are called, a text for each of their fields."""


@dataclass(frozen=True)
class Crossing:
    """One table of a pivot, before it reads like one.

    Args:
        split: what it is called.
        lines, columns: in their order.
        entries: what stands where they meet; nothing where no row is planned.
    """

    pivot: Pivot
    split: Labels
    lines: tuple[Labels, ...]
    columns: tuple[Labels, ...]
    entries: Mapping[tuple[Labels, Labels], Entry]

    @property
    def any(self) -> Entry:
        """One of its rows: all are of one protocol."""
        return next(iter(self.entries.values()))


def all_crossings(document: Document, pivots: Iterable[Pivot]) -> dict[str, list[Crossing]]:
    """The tables of several pivots, by their name.

    Raises:
        UserError: everything that keeps a pivot from being made.
    """
    found, problems = {}, []
    for pivot in pivots:
        try:
            found[pivot.name] = crossings(document, pivot)
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError("\n".join(problems))
    return found


def crossings(document: Document, pivot: Pivot) -> list[Crossing]:
    """The tables of a pivot.

    Raises:
        UserError: it asks for what is not there, would have several rows in one place, or would
            put side by side what cannot be compared.
    """
    tables: dict[Labels, list[Entry]] = {}
    for entry in entries(document, pivot):
        tables.setdefault(_labels(entry, pivot.split), []).append(entry)
    first = {split: found[0] for split, found in tables.items()}
    return [_crossing(pivot, split, tables[split]) for split in _sorted(pivot, pivot.split, first)]


def number_of(entry: Entry, value: str) -> float:
    """A value as a number; NaN if there is none."""
    if value == LATENCY.key:
        return float(entry.timed.get("latency_ms", nan))
    if value == "published":
        return max((one.accuracy for one in entry.row[value]), default=nan)
    name = NUMBERS.get(value, value)
    return float(next((entry.row[n] for n in (f"{name}_mean", name) if n in entry.row), nan))


def _crossing(pivot: Pivot, split: Labels, found: Sequence[Entry]) -> Crossing:
    _check(pivot, found)
    places: dict[tuple[Labels, Labels], list[Entry]] = {}
    for entry in found:
        place = _labels(entry, pivot.rows), _labels(entry, pivot.columns)
        places.setdefault(place, []).append(entry)
    if full := [several for several in places.values() if len(several) > 1]:
        raise UserError(_clash(pivot, full))
    only = {place: one for place, (one,) in places.items()}
    lines = {line: one for (line, _), one in only.items()}
    return Crossing(
        pivot=pivot,
        split=split,
        lines=_sorted(pivot, pivot.rows, lines),
        columns=_sorted(pivot, pivot.columns, {column: one for (_, column), one in only.items()}),
        entries=only,
    )


def _labels(entry: Entry, fields: Iterable[str]) -> Labels:
    return tuple(entry.fields[field] for field in fields)


def _check(pivot: Pivot, found: Sequence[Entry]) -> None:
    """Refuse to put side by side what was made or measured in several ways."""
    what = f"table {pivot.name}"
    rows = pd.DataFrame([{**entry.row, "latency_setting": entry.device} for entry in found])
    try:
        check_one_protocol(rows, what)
    except UserError as error:
        raise UserError(f"{error} with where, or add {PROTOCOL} to split") from None
    if LATENCY.key in pivot.values and DEVICE not in pivot.fields:
        try:
            check_one_device(rows, what)
        except UserError as error:
            raise UserError(f"{error}; or add {DEVICE} to rows, columns or split") from None


def _clash(pivot: Pivot, full: Sequence[Sequence[Entry]]) -> str:
    """Which rows would stand in one place, by what they differ, and what tells them apart."""
    several = full[0]
    place = ", ".join(heading_of(f, several[0].fields[f]) for f in pivot.fields)
    fields = [field for field in (*PARTS, PROTOCOL, DEVICE) if field not in pivot.fields]
    texts = {f: [text_of(one.row, one.device, f, ()) for one in several] for f in fields}
    apart = {f: list(dict.fromkeys(found)) for f, found in texts.items() if len({*found}) > 1}
    said = "; ".join(f"{field}: {' | '.join(map(str, found))}" for field, found in apart.items())
    enough = _enough(texts, list(apart))
    example = ", ".join(f"{field}: {texts[field][0]}" for field in enough)
    numbers = ", ".join(dict.fromkeys(str(one.line.number) for one in several))
    return (
        f"table {pivot.name} would have several rows in {len(full)} of its places: in {place} "
        f"the rows {numbers} of the report, which differ in {said}. Nothing is averaged unasked: "
        f"add {' and '.join(enough)} to rows, columns or split, or choose one, as with "
        f"where: {{{example}}}"
    )


def _enough(texts: Mapping[str, Sequence[str | None]], fields: Sequence[str]) -> list[str]:
    """The first field that tells all rows apart; or as many as it takes."""
    count = len(texts[fields[0]])
    alone = [[field] for field in fields if len({*texts[field]}) == count]
    together = [list(fields[:several]) for several in range(2, len(fields) + 1)]
    for chosen in (*alone, *together):
        if len({*zip(*(texts[field] for field in chosen), strict=True)}) == count:
            return chosen
    return list(fields)


def _sorted(
    pivot: Pivot, fields: Sequence[str], found: Mapping[Labels, Entry]
) -> tuple[Labels, ...]:
    """Tables, lines or columns as the pivot orders them; else as the report does, by field."""
    keys = list(found)
    for place in reversed(range(len(fields))):
        ranks = {text: rank for rank, text in enumerate(dict.fromkeys(k[place] for k in found))}
        keys = _by({key: ranks[key[place]] for key in keys})
    for name, descending in reversed([*pivot.order.items()]):
        if name in fields:
            place = fields.index(name)
            keys = _by({key: _natural(key[place]) for key in keys}, descending=descending)
        elif name in pivot.values and fields == pivot.rows:
            keys = _by({key: _number(found[key], name) for key in keys}, descending=descending)
    return tuple(keys)


def _by(sizes: Mapping[Labels, Any], *, descending: bool = False) -> list[Labels]:
    """Keys by their size; equal ones stay as they are, those without any come last."""
    there = [key for key, size in sizes.items() if size is not None]
    left = [key for key, size in sizes.items() if size is None]
    return [*sorted(there, key=sizes.__getitem__, reverse=descending), *left]


def _natural(text: str | None) -> list[str | float] | None:
    """What texts are sorted by: the numbers in them by size, resnet8 before resnet20, or the one
    number that they are: 1e-05 before 0.001, -2 before 1."""
    if text is None:
        return None
    with suppress(ValueError):
        if isfinite(number := float(text)):
            return ["", number]
    return [float(x) if n % 2 else x for n, x in enumerate(re.split(r"(\d+(?:\.\d+)?)", text))]


def _number(entry: Entry, value: str) -> float | None:
    number = number_of(entry, value)
    return None if isnan(number) else number
