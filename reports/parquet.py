"""The report's numbers for people's own notebooks: typed, every option in a column of its own.

``pandas.read_parquet("results/demo/frame.parquet")`` has a line for every cell, ``rows.parquet``
one for every row of the tables; ``attrs`` of each says of which sweep, and the schema of its
ledger. Accuracies are shares in [0, 1], latencies milliseconds, as in the csv files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from reports.document import Document
from reports.gather import STATES
from reports.names import PARTS
from reports.pivot.fields import BITS, option_field
from reports.sheets import WHOLE
from reports.timing import apart
from sweeps.cell import SCHEMA
from sweeps.published import Published

CATEGORIES = ("protocol", *PARTS, *(f"{part}_options" for part in PARTS), "latency_setting")


def frame_parquet(document: Document) -> bytes:
    """A line for every cell of the sweep, as in runs.csv, with all there is to tell of it."""
    return _parquet(document, document.frame.astype(dict.fromkeys(WHOLE, "Int64")))


def rows_parquet(document: Document) -> bytes:
    """A line for every row of the tables, as in table.csv."""
    rows = apart(document.rows, document.frame)
    return _parquet(document, rows.reset_index(names="row"))


def _parquet(document: Document, frame: pd.DataFrame) -> bytes:
    setups = [f"{part}_setup" for part in PARTS]
    options = dict(item for part in PARTS for item in _options(part, frame[f"{part}_setup"]))
    plain = frame.drop(columns=setups).assign(published=frame["published"].map(_published))
    kinds = {name: pd.CategoricalDtype(_known(frame[name])) for name in CATEGORIES}
    plain = plain.astype({**kinds, "state": pd.CategoricalDtype([*STATES], ordered=True)})
    found = pd.concat([plain, pd.DataFrame(options, index=frame.index)], axis=1)
    found.attrs = {"sweep": document.sweep, "about": document.about, "schema": SCHEMA}
    content: bytes = found.to_parquet(None, index=False)
    return content


def _known(texts: pd.Series) -> list[str]:
    """In the order of the report."""
    return list(texts.dropna().drop_duplicates())


def _options(part: str, setups: pd.Series) -> Iterator[tuple[str, Any]]:
    """A column for each option of a part: numbers, truth values, or text."""
    lines = {setup: dict(setup) for setup in dict.fromkeys(setups)}
    for name in dict.fromkeys(name for line in lines.values() for name in line):
        field = option_field(part, name)
        values = {setup: line.get(name) for setup, line in lines.items()}
        kind = "str" if field == BITS else _kind([v for v in values.values() if v is not None])
        read = {setup: _read(text, kind) for setup, text in values.items()}
        column: Any = [read[setup] for setup in setups]
        yield field, pd.Series(column, index=setups.index, dtype=kind)


def _kind(texts: Sequence[str]) -> str:
    """Of which type all of them are."""
    values = [_value(text) for text in texts]
    kinds = set(map(type, values))
    if kinds == {bool}:
        return "boolean"
    if kinds == {int}:
        return "Int64" if all(abs(value) < 2**63 for value in values) else "str"
    return "float64" if kinds <= {int, float} else "str"


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _read(text: str | None, kind: str) -> Any:
    if text is None:
        return float("nan") if kind == "float64" else None
    return text if kind == "str" else _value(text)


def _published(printed: Sequence[Published]) -> str:
    """What papers print for it, as JSON; empty if nothing."""
    return json.dumps([asdict(one) for one in printed]) if printed else ""
