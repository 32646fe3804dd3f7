"""The numbers at full precision, as CSV: accuracies in [0, 1], latencies in ms, no rounding."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd

from reports.document import Document
from reports.names import PARTS
from reports.outcome import COSTS
from reports.timing import apart
from sweeps.published import Published

INNER = [*(f"{part}_setup" for part in PARTS), "is_search", "published"]
LONG = ("phases", "attempts", "traceback")
"""Columns of the frame that the page shows and no csv does."""
WHOLE = (
    *COSTS,
    *("epochs", "selected_epoch", "best_epoch"),
    *("plugged", "blocks", "search_evaluations"),
)
"""Numbers of a cell that count something."""
PRINTED = {
    "published": "accuracy",
    "published_epoch": "epoch",
    "published_n": "n",
    "published_params": "params_count",
    "published_source": "source",
}
"""Columns of table.csv on what papers print, and the fields of Published that they hold."""


def table_csv(document: Document) -> str:
    """One line for every row of the tables; ``keys`` names the runs that it is made of."""
    rows = apart(table_frame(document), document.frame)
    return as_csv(rows.reset_index(names="row"))


def table_frame(document: Document) -> pd.DataFrame:
    """The columns of table.csv, a line for each number of a row."""
    rows = document.rows
    printed = {name: rows["published"].map(partial(_printed, name)) for name in PRINTED}
    return rows.drop(columns=INNER).assign(**printed)


def runs_csv(document: Document) -> str:
    """One line for every cell of the sweep; ``row`` is the row of the tables that it is part of,
    0 for the supernets of searches."""
    cells = document.frame.drop(columns=[*INNER, *LONG])
    return as_csv(cells.astype(dict.fromkeys(WHOLE, "Int64")))


def _printed(name: str, printed: Sequence[Published]) -> Any:
    """One value of what papers print for a row; several are set apart by a semicolon."""
    found = [getattr(one, PRINTED[name]) for one in printed]
    texts = ["" if value is None else str(value) for value in found]
    return "; ".join(texts) if any(texts) else ""


def as_csv(frame: pd.DataFrame) -> str:
    """A frame as text."""
    return str(frame.to_csv(index=False, lineterminator="\n"))
