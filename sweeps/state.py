"""What state each cell of a plan is in: from the ledger, and from what SLURM has queued."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sweeps import attempts
from sweeps.attempts import Attempt
from sweeps.cell import Cell
from sweeps.claim import is_claimed
from sweeps.ledger import Ledger
from sweeps.provenance import sources
from sweeps.record import Damaged, Record

DAMAGED = "record damaged, measured anew at the next sweep"


class State(StrEnum):
    """``untimed``: done but for its latency; ``queued``: open, and a job of SLURM answers for it;
    ``blocked``: its dense parent failed; ``pending``: open, and nobody does."""

    DONE = "done"
    UNTIMED = "untimed"
    RUNNING = "running"
    QUEUED = "queued"
    FAILED = "failed"
    BLOCKED = "blocked"
    PENDING = "pending"


OPEN = (State.PENDING, State.RUNNING, State.UNTIMED)
"""States of cells that are not over and that no job waits for."""


def shares(counts: Mapping[State, int]) -> str:
    """How many cells are in each state: ``3 done, 1 failed``."""
    return ", ".join(f"{counts[state]} {state}" for state in State if counts[state])


@dataclass(frozen=True)
class Status:
    """One cell as the ledger has it.

    Args:
        stale: the axes whose source changed since.
        attempts: every start of it, oldest first.
        note: what else is to be said of it.
    """

    cell: Cell
    state: State
    record: Record | None = None
    stale: tuple[str, ...] = ()
    attempts: Sequence[Attempt] = ()
    note: str = ""


@dataclass(frozen=True)
class _Survey:
    ledger: Ledger
    queued: Collection[str]
    running: Collection[str]
    again: Collection[str]
    begun: Collection[str]
    failed: set[str]

    def status(self, cell: Cell) -> Status:
        if cell.key not in self.begun:
            return Status(cell, self._waiting(cell))
        record, note = self._record(cell.key)
        if record and record["status"] == "done":
            return Status(
                cell, self._done(cell, record), record, _stale(cell, record), _noted(record)
            )
        tries = attempts.read(self.ledger.paths(cell.key).attempts)
        return Status(cell, self._open(cell, record, tries), record, attempts=tries, note=note)

    def _done(self, cell: Cell, record: Record) -> State:
        if record["latency"]:
            return State.DONE
        return State.RUNNING if self._is_claimed(cell) else State.UNTIMED

    def _is_claimed(self, cell: Cell) -> bool:
        return is_claimed(self.ledger.paths(cell.key).lock)

    def _record(self, key: str) -> tuple[Record | None, str]:
        try:
            return None if key in self.again else self.ledger.record(key), ""
        except Damaged:
            return None, DAMAGED

    def _open(self, cell: Cell, record: Record | None, tries: Sequence[Attempt]) -> State:
        if self._is_claimed(cell) or self._is_run_elsewhere(tries):
            return State.RUNNING
        return State.FAILED if record else self._waiting(cell)

    def _waiting(self, cell: Cell) -> State:
        if cell.parent is not None and cell.parent.key in self.failed:
            return State.BLOCKED
        return State.QUEUED if cell.key in self.queued else State.PENDING

    def _is_run_elsewhere(self, tries: Sequence[Attempt]) -> bool:
        """Some cluster file systems keep locks to a node: a job that runs may hold this cell."""
        return bool(tries) and "ended" not in tries[-1] and tries[-1].get("job") in self.running


def survey(
    ledger: Ledger,
    cells: Iterable[Cell],
    queued: Collection[str] = (),
    running: Collection[str] = (),
    *,
    again: Collection[str] = (),
) -> list[Status]:
    """The status of every cell, in order; parents stand before their children.

    Args:
        queued: keys of cells that a job of SLURM answers for.
        running: ids of jobs that run, as they know them themselves.
        again: keys of cells whose record is about to be set aside: they count as open.

    Raises:
        UserError: a record is of another schema.
    """
    look = _Survey(ledger, queued, running, frozenset(again), ledger.begun(), set())
    found = []
    for cell in cells:
        status = look.status(cell)
        if status.state in (State.FAILED, State.BLOCKED):
            look.failed.add(cell.key)
        found.append(status)
    return found


def _stale(cell: Cell, record: Record) -> tuple[str, ...]:
    before = record["provenance"]["sources"]
    return tuple(axis for axis, now in sources(cell).items() if before.get(axis, now) != now)


def _noted(record: Record) -> Sequence[Attempt]:
    noted = record["provenance"].get("attempts")
    return noted if isinstance(noted, list) else ()
