"""A report before it has a format: the frame of a sweep, its rows and its tables."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import pandas as pd

from reports.gather import gather, progress
from reports.protocol import difference, setups, stamped
from reports.rows import aggregate
from reports.tables import Table, tabulate
from sweeps.errors import UserError
from sweeps.source import Source


@dataclass(frozen=True)
class Document:
    """All that a report says.

    Args:
        sweep, about: the sweep's name and its one line.
        frame: a line for every cell, see `reports.gather.gather`.
        rows: a line for every row of a table, see `reports.rows.aggregate`.
        tables: one for each protocol.
    """

    sweep: str
    about: str
    frame: pd.DataFrame
    rows: pd.DataFrame
    tables: tuple[Table, ...]

    @classmethod
    def of(
        cls, source: Source, sweep: str, reconstructions: AbstractSet[str] = frozenset()
    ) -> Document:
        """Gather a sweep's records.

        Raises:
            UserError: the sweep is not in the source, its plan is empty, or finished runs of one
                table saw different images.
        """
        plan = source.plan(sweep)
        if not plan.cells:
            raise UserError(f"sweep '{plan.sweep}' plans no cell that could be reported")
        frame = stamped(gather(plan, source.record))
        rows = aggregate(frame)
        tables = tuple(tabulate(frame, rows, reconstructions))
        return cls(plan.sweep, plan.about, frame, rows, tables)

    @property
    def progress(self) -> str:
        """How many cells are in which state, in words."""
        return progress(self.frame)

    @property
    def protocols(self) -> str:
        """How the protocols of its tables differ, in words; nothing of a single one."""
        found = setups(self.rows)
        if len(found) < 2:
            return ""
        said = difference(*found.values())
        return f"{len(found)} protocols, which share no table: {said}"
