"""The numbers at full precision, as CSV: accuracies in [0, 1], latencies in ms, no rounding."""

from __future__ import annotations

import pandas as pd

from reports.document import Document
from reports.names import PARTS
from reports.outcome import COSTS

INNER = [f"{part}_setup" for part in PARTS]


def table_csv(document: Document) -> str:
    """One line for every row of the tables; ``keys`` names the runs that it is made of."""
    return _csv(document.rows.drop(columns=INNER).reset_index(names="row"))


def runs_csv(document: Document) -> str:
    """One line for every cell of the sweep; ``row`` is the row of the tables that it is part of."""
    whole = dict.fromkeys([*COSTS, "epochs", "selected_epoch"], "Int64")
    return _csv(document.frame.drop(columns=[*INNER, "traceback"]).astype(whole))


def _csv(frame: pd.DataFrame) -> str:
    return str(frame.to_csv(index=False, lineterminator="\n"))
