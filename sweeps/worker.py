"""A worker takes cells from the ledger until none is left that it could run.

Any number of workers may share a plan: the lock of a cell decides who runs it, so that a slow cell
holds nobody else, and a cell that another worker finished is simply found done.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from sweeps.cell import Cell
from sweeps.claim import Busy
from sweeps.context import Context
from sweeps.execute import execute
from sweeps.ledger import Ledger
from sweeps.readiness import Readiness, readiness
from sweeps.record import Record

POLL_S = 0.5
"""How long a worker waits when every cell that is left is another's."""


def work(
    cells: Sequence[Cell],
    context: Context,
    *,
    started: Callable[[Cell], None] | None = None,
    finished: Callable[[Cell, Record], None] | None = None,
) -> None:
    """Run cells until each has a record or a failed parent.

    Args:
        cells: parents before their children, otherwise in the order in which they are preferred.
        started, finished: told of the cells that this worker runs.
    """
    ledger = Ledger(context.ledger)
    left = list(cells)
    while left:
        before = len(left)
        for cell in list(left):
            now = readiness(ledger, cell)
            if now is Readiness.SETTLED or (now is Readiness.UNTIMED and not context.time_latency):
                left.remove(cell)
            elif now in (Readiness.OPEN, Readiness.UNTIMED):
                try:
                    _run(cell, context, started, finished)
                except Busy:
                    continue
                left.remove(cell)
        if len(left) == before:
            time.sleep(POLL_S)


def _run(
    cell: Cell,
    context: Context,
    started: Callable[[Cell], None] | None,
    finished: Callable[[Cell, Record], None] | None,
) -> None:
    if started:
        started(cell)
    record = execute(cell, context)
    if finished:
        finished(cell, record)
