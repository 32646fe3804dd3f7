"""What state each cell of a plan is in, from the ledger alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from sweeps.cell import Cell
from sweeps.claim import is_claimed
from sweeps.ledger import Ledger
from sweeps.provenance import sources
from sweeps.record import Record


class State(StrEnum):
    """``untimed``: done but for its latency; ``blocked``: its dense parent failed."""

    DONE = "done"
    UNTIMED = "untimed"
    RUNNING = "running"
    FAILED = "failed"
    BLOCKED = "blocked"
    PENDING = "pending"


@dataclass(frozen=True)
class Status:
    """One cell as the ledger has it; ``stale`` lists the axes whose source changed since."""

    cell: Cell
    state: State
    record: Record | None = None
    stale: tuple[str, ...] = ()


def survey(ledger: Ledger, cells: Iterable[Cell]) -> list[Status]:
    """The status of every cell, in order; parents stand before their children.

    Raises:
        UserError: a record is damaged or of another schema.
    """
    failed: set[str] = set()
    found = []
    for cell in cells:
        status = _status(ledger, cell, failed)
        if status.state in (State.FAILED, State.BLOCKED):
            failed.add(cell.key)
        found.append(status)
    return found


def _status(ledger: Ledger, cell: Cell, failed: set[str]) -> Status:
    record = ledger.record(cell.key)
    if record and record["status"] == "done":
        state = State.DONE if record["latency"] else State.UNTIMED
        return Status(cell, state, record, _stale(cell, record))
    if is_claimed(ledger.paths(cell.key).lock):
        return Status(cell, State.RUNNING, record)
    if record:
        return Status(cell, State.FAILED, record)
    if cell.parent is not None and cell.parent.key in failed:
        return Status(cell, State.BLOCKED)
    return Status(cell, State.PENDING)


def _stale(cell: Cell, record: Record) -> tuple[str, ...]:
    before = record["provenance"]["sources"]
    return tuple(axis for axis, now in sources(cell).items() if before.get(axis, now) != now)
