"""The numbers at full precision, as CSV: accuracies in [0, 1], latencies in ms, no rounding."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd

from reports.document import Document
from reports.names import PARTS
from reports.outcome import COSTS
from sweeps.published import Published

INNER = [*(f"{part}_setup" for part in PARTS), "is_search", "published"]
COUNTS = ("plugged", "blocks", "search_evaluations")
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
    rows = document.rows
    printed = {name: rows["published"].map(partial(_printed, name)) for name in PRINTED}
    rows = rows.drop(columns=INNER).assign(**printed)
    return _csv(rows.reset_index(names="row"))


def runs_csv(document: Document) -> str:
    """One line for every cell of the sweep; ``row`` is the row of the tables that it is part of,
    0 for the supernets of searches."""
    whole = dict.fromkeys([*COSTS, "epochs", "selected_epoch", *COUNTS], "Int64")
    return _csv(document.frame.drop(columns=[*INNER, "traceback"]).astype(whole))


def _printed(name: str, printed: Sequence[Published]) -> Any:
    """One value of what papers print for a row; several are set apart by a semicolon."""
    found = [getattr(one, PRINTED[name]) for one in printed]
    texts = ["" if value is None else str(value) for value in found]
    return "; ".join(texts) if any(texts) else ""


def _csv(frame: pd.DataFrame) -> str:
    return str(frame.to_csv(index=False, lineterminator="\n"))
