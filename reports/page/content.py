"""All that the page's scripts need to know, as plain JSON: each text once, columns by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd

from reports.columns import NUMBERS, SIGNS, Value
from reports.document import Document
from reports.figures.panels import label
from reports.gather import NO_ROW, STATES
from reports.names import PARTS
from reports.outcome import ORIGINS, SOURCES
from reports.page.measures import measures
from reports.page.packed import packed
from reports.page.points import points
from reports.tables import Table
from reports.timing import timings
from sweeps.curves import SHOWN, Curves

Content = dict[str, Any]
UNUSED = ["published", "is_search", "reference_row"]
"""Columns of the frame that no reader asks for."""
COLUMN = ("key", "kind", "heading", "unit", "about")
"""What the page says of a column of a table."""
NUMBER = re.compile(r"([+−-]?\d+(?:\.\d+)?) ?([kMG]?)")
FACTORS = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}


def content(document: Document, curves: Callable[[str], Curves] | None = None) -> Content:
    """What a report says, for the scripts.

    Args:
        document: the report.
        curves: gives the training curves of a key.
    """
    frame, rows = document.frame, document.rows
    done = frame["key"][frame["state"] == "done"]
    timed = timings(frame[frame["row"] != NO_ROW])
    return {
        "states": STATES,
        "signs": SIGNS,
        "parts": PARTS,
        "origins": ORIGINS,
        "sources": SOURCES,
        "tables": [_table(table, rows, timed) for table in document.tables],
        "measures": [one.json() for one in measures(frame)],
        "runs": packed(dict(frame.drop(columns=UNUSED).items())),
        "curves": _curves(done, curves) if curves else {"epochs": [], "of": {}},
        "points": points(rows),
    }


def _table(table: Table, rows: pd.DataFrame, timed: pd.DataFrame) -> Content:
    rows = rows.loc[[line.number for line in table.lines]]
    rows = rows.assign(**_latencies(rows.index, timed))
    values = {
        column.key: [line.values[place] for line in table.lines]
        for place, column in enumerate(table.columns)
    }
    return {
        "title": table.title,
        "setting": table.setting,
        "notes": table.notes,
        "remarks": table.remarks,
        "columns": [{name: getattr(column, name) for name in COLUMN} for column in table.columns],
        "lines": packed(_lines(table, rows)),
        "values": packed({key: map(_value, found) for key, found in values.items()}),
        "numbers": {key: _numbers(key, found, rows) for key, found in values.items()},
    }


def _lines(table: Table, rows: pd.DataFrame) -> Content:
    """Its lines but for their values, a list for each thing that is said of them."""
    return {
        "number": [line.number for line in table.lines],
        "state": [line.state for line in table.lines],
        "mark": label(rows, "attention"),
        "symbol": rows["pruning"],
        **{axis: [str(getattr(line, axis)) for line in table.lines] for axis in SOURCES},
    }


def _value(value: Value) -> tuple[Any, ...]:
    """Its fields, as few as say all of it."""
    fields = (value.text, value.aside, value.verdict, value.marks, value.bold)
    used = [place for place, field in enumerate(fields, 1) if field]
    return fields[: max(used, default=0)]


def _latencies(rows: pd.Index, timed: pd.DataFrame) -> dict[str, pd.Series]:
    """The numbers of a table's latencies by the key of their column, see `reports.clocks`."""
    ours = timed[timed["row"].isin(rows)]
    settings = ours.groupby("latency_setting", sort=False)
    return {
        f"latency@{place}" if place > 1 else "latency": found.set_index("row")["latency_ms"]
        for place, (_, found) in enumerate(settings, start=1)
    }


def _numbers(key: str, values: Iterable[Value], rows: pd.DataFrame) -> list[float | None]:
    """What a column is sorted by: the rows' own numbers, else those that its texts begin with."""
    name = NUMBERS.get(key, key)
    name = f"{name}_mean" if f"{name}_mean" in rows else name
    if name not in rows or not pd.api.types.is_numeric_dtype(rows[name]):
        return [_first_number(value.text) for value in values]
    pairs = zip(values, rows[name], strict=True)
    return [None if value.is_empty or pd.isna(n) else float(n) for value, n in pairs]


def _first_number(text: str) -> float | None:
    found = NUMBER.search(text)
    return float(found[1].replace("−", "-")) * FACTORS[found[2]] if found else None


def _curves(keys: Iterable[str], curves: Callable[[str], Curves]) -> Content:
    """phase -> [place of its epochs among all different ones, losses, accuracies], by key."""
    epochs: dict[tuple[Any, ...], int] = {}
    found: dict[str, Any] = {}
    for key in keys:
        if phases := curves(key):
            found[key] = {
                phase: [
                    epochs.setdefault(tuple(of["epoch"]), len(epochs)),
                    *(of[name] for name in SHOWN),
                ]
                for phase, of in phases.items()
            }
    return {"epochs": list(epochs), "of": found}
