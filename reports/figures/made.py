"""All figures of a report that have something to show."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from reports.figures.curves import Read, curves
from reports.figures.grid import grid
from reports.figures.panels import label
from reports.figures.pareto import LATENCY, MACS, PARAMS, measured, pareto
from reports.figures.pruning import MACS_LEFT, SPARSITY, pruning
from reports.figures.settings import in_settings
from reports.marks import Marks

COSTS = {"macs": MACS, "params": PARAMS, "latency": LATENCY}
SHARES = {"sparsity": SPARSITY, "macs": MACS_LEFT}
SHOWN = [
    *("protocol", "is_search", "state", "n", "planned", "accuracy_mean", "accuracy_std"),
    *("macs", "params", "latency_ms", "latency_setting", "sparsity", "refit_options"),
    *(
        f"{part}{what}"
        for part in ("backbone", "attention", "pruning")
        for what in ("", "_options")
    ),
]
"""Of the rows; all others would be carried along through every step."""


def figures(frame: pd.DataFrame, rows: pd.DataFrame, read: Read) -> dict[str, Figure]:
    """The figures by the names of their files; a colour or a marker means the same in all.

    Args:
        frame, rows: of a `reports.document.Document`.
        read: the training curves of a cell, by its key.
    """
    rows = rows[SHOWN]
    marks = Marks.of(label(rows, "attention"), rows["pruning"])
    shown = dict.fromkeys(COSTS, rows) | {"latency": in_settings(rows, frame)}
    found = {
        f"pareto_{name}": pareto(shown[name], cost, marks)
        for name, cost in COSTS.items()
        if len(measured(shown[name], cost))
    }
    others = {
        "grid": grid(rows),
        "curves": curves(frame, read, marks),
        **{f"pruning_{name}": pruning(rows, share, marks) for name, share in SHARES.items()},
    }
    return found | {name: figure for name, figure in others.items() if figure is not None}
