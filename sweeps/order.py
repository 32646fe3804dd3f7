"""What a dispatcher is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeps.cell import Cell
from sweeps.context import Context


@dataclass(frozen=True)
class Order:
    """Cells to run, and where.

    Args:
        cells: parents before their children, in the order in which they are preferred.
        cluster: its options.
        resources: by key, what a block of the sweep sets of the cluster's options for its cells.
        results: where the report goes.
        budget: GPU-hours that the cells may cost; None is no limit.
        verb: what was asked: sweep, which may be about a part of it, or retry, which is not.
        tables: further tables of the report, see `sweeps.tables.tables`.
    """

    cells: Sequence[Cell]
    context: Context
    cluster: Mapping[str, Any]
    resources: Mapping[str, Mapping[str, Any]]
    results: Path
    budget: float | None = None
    verb: str = "sweep"
    tables: Sequence[Mapping[str, Any]] = ()
