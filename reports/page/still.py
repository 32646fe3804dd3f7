"""What of the page needs no script: as much of its tables and lists as a page can hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from reports.gather import NO_ROW
from reports.notes import first_line
from reports.outcome import SOURCES
from reports.tables import Table
from reports.units import percent

MOST_ROWS = 200
"""Rows of all tables together; a sweep of more is shown shortened, and says so."""
MOST_RUNS = 400
MOST_TROUBLES = 60
"""Different failures that are told in full."""
MOST_KEYS = 12
"""Runs that are named under one of them."""
TROUBLED = ("failed", "damaged", "blocked")
SHOWN = [
    *("key", "row", "state", "seed", "accuracy", "scheme", "reason", "traceback"),
    *("commit", "hardware"),
    *(f"{part}{what}" for part in SOURCES for what in ("", "_options")),
]


@dataclass(frozen=True)
class Part:
    """A table, or its beginning.

    Args:
        table: what is shown, with the footnotes of that.
        left_out: rows that are not.
        has_verdicts: whether there are signs of tests to explain.
    """

    table: Table
    left_out: int
    has_verdicts: bool


@dataclass(frozen=True)
class Trouble:
    """Runs that ended in the same way, or the same for want of the same."""

    state: str
    reason: str
    details: str
    runs: tuple[tuple[str, str], ...]

    @property
    def named(self) -> tuple[tuple[str, str], ...]:
        """Key and name of the first of its runs."""
        return self.runs[:MOST_KEYS]


def part(table: Table, tables: Sequence[Table]) -> Part:
    """As much of a table as there is room for beside the others."""
    total = sum(len(one.lines) for one in tables)
    room = len(table.lines) if total <= MOST_ROWS else max(5, MOST_ROWS * len(table.lines) // total)
    lines = table.lines[:room]
    values = [value for line in lines for value in line.values]
    left_out = len(table.lines) - len(lines)
    if left_out:
        used = {mark for value in values for mark in value.marks} | {"†"}
        notes = tuple(note for note in table.notes if note[0] in used)
        table = replace(table, lines=lines, notes=notes)
    return Part(table, left_out, any(value.verdict for value in values))


def runs(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Every run of a sweep, or none if they are too many."""
    return list(map(_run, _lines(frame))) if len(frame) <= MOST_RUNS else []


def supernets(frame: pd.DataFrame) -> Counter[str]:
    """How many cells of each state are no row's: what searches run on."""
    return Counter(frame.loc[frame["row"] == NO_ROW, "state"])


def troubles(frame: pd.DataFrame) -> tuple[list[Trouble], int]:
    """What went wrong, equal failures together, and how many more kinds of failures there are."""
    found: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
    for line in _lines(frame[frame["state"].isin(TROUBLED)]):
        run = _run(line)
        kind = (run["state"], run["reason"], f"{line['reason']}\n{line['traceback']}".strip())
        found.setdefault(kind, []).append((run["key"], f"{run['name']}, seed {run['seed']}"))
    made = [Trouble(*kind, tuple(named)) for kind, named in found.items()]
    return made[:MOST_TROUBLES], max(len(made) - MOST_TROUBLES, 0)


def _lines(frame: pd.DataFrame) -> list[Mapping[str, Any]]:
    found: list[Any] = frame[SHOWN].to_dict("records")
    return found


def _run(line: Mapping[str, Any]) -> dict[str, Any]:
    parts = [f"{line[part]} {line[f'{part}_options']}".strip() for part in SOURCES]
    parts += [f"plugged {line['scheme']}"] if line["scheme"] else []
    kept = ("key", "row", "state", "seed", "commit", "hardware")
    return {
        **{name: line[name] for name in kept},
        "name": " · ".join(parts),
        "accuracy": percent(line["accuracy"]),
        "reason": first_line(line["reason"]),
    }
