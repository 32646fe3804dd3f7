"""Whether a cell can start, from the ledger alone: what workers and packs decide by."""

from __future__ import annotations

from enum import Enum

from sweeps.cell import Cell
from sweeps.claim import is_claimed
from sweeps.ledger import Ledger


class Readiness(Enum):
    """``SETTLED``: nothing is to be done; ``OPEN``: it can start; ``UNTIMED``: only its latency is
    missing; ``WAITS``: its parent is open; ``TAKEN``: another process runs it, or its parent."""

    SETTLED = 0
    OPEN = 1
    UNTIMED = 2
    WAITS = 3
    TAKEN = 4


def readiness(ledger: Ledger, cell: Cell) -> Readiness:
    """What the ledger says of a cell now; a damaged record counts as none."""
    record = ledger.sound_record(cell.key)
    if record is not None:
        if record["status"] == "failed" or record["latency"]:
            return Readiness.SETTLED
        return Readiness.TAKEN if _claimed(ledger, cell) else Readiness.UNTIMED
    if _claimed(ledger, cell):
        return Readiness.TAKEN
    if cell.parent is None:
        return Readiness.OPEN
    before = ledger.sound_record(cell.parent.key)
    if before is not None:
        return Readiness.SETTLED if before["status"] == "failed" else Readiness.OPEN
    return Readiness.TAKEN if _claimed(ledger, cell.parent) else Readiness.WAITS


def _claimed(ledger: Ledger, cell: Cell) -> bool:
    return is_claimed(ledger.paths(cell.key).lock)
