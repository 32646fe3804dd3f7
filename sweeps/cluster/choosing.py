"""Which cell a pack takes next: its own first, then, for a while, any of its resource class."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from enum import Enum

from sweeps.cell import Cell
from sweeps.claim import is_claimed
from sweeps.ledger import Ledger
from sweeps.record import Damaged, Record


class Look(Enum):
    """What the ledger says of a cell: ``SETTLED``: nothing is to be done; ``OPEN``: it can start;
    ``UNTIMED``: only its latency is missing; ``WAITS``: its parent is open; ``TAKEN``: another
    process runs it, or its parent."""

    SETTLED = 0
    OPEN = 1
    UNTIMED = 2
    WAITS = 3
    TAKEN = 4


class Choosing:
    """The cells that a pack may take.

    Args:
        cells: every cell of the submission by key.
        mine: those that this task answers for.
        others: further ones that it may take, in the order in which they are preferred.
    """

    def __init__(
        self, ledger: Ledger, cells: Mapping[str, Cell], mine: Sequence[str], others: Sequence[str]
    ) -> None:
        self._ledger, self._cells = ledger, cells
        self.mine, self.others = list(mine), list(others)
        self.not_before: dict[str, float] = {}

    def next(self, running: Sequence[str], *, more: bool, timing: bool) -> Cell | None:
        """A cell that can start now.

        Args:
            running: keys that this pack runs.
            more: take others than its own too.
            timing: nothing else runs here: latency may be measured.
        """
        wanted = (Look.OPEN, Look.UNTIMED) if timing else (Look.OPEN,)
        for look in wanted:
            for keys in (self.mine, self.others) if more else (self.mine,):
                found = self._first(keys, running, look)
                if found is not None:
                    return found
        return None

    def give_up(self, key: str) -> None:
        """Take a cell no more."""
        self.mine = [one for one in self.mine if one != key]
        self.others = [one for one in self.others if one != key]

    def unsettled(self) -> list[str]:
        """Those of its own that are not settled."""
        self.mine = [key for key in self.mine if self.look(key) is not Look.SETTLED]
        return self.mine

    def _first(self, keys: list[str], running: Sequence[str], wanted: Look) -> Cell | None:
        for key in list(keys):
            if key in running or self._pauses(key):
                continue
            look = self.look(key)
            if look is Look.SETTLED:
                keys.remove(key)
            elif look is wanted:
                return self._cells[key]
            elif look is Look.WAITS and wanted is Look.OPEN:
                parent = self._cells[key].parent
                if parent and self._may(parent, running):
                    return parent
        return None

    def _may(self, parent: Cell, running: Sequence[str]) -> bool:
        """Whether a parent that nobody runs may be taken: not one of another resource class."""
        allowed = parent.key in (*self.mine, *self.others) or parent.key not in self._cells
        free = parent.key not in running and not self._pauses(parent.key)
        return allowed and free and self.look(parent.key) is Look.OPEN

    def _pauses(self, key: str) -> bool:
        return self.not_before.get(key, 0.0) > time.monotonic()

    def look(self, key: str) -> Look:
        """What the ledger says of a cell now."""
        record = self._record(key)
        if record is not None:
            if record["status"] == "failed" or record["latency"]:
                return Look.SETTLED
            return Look.TAKEN if self._claimed(key) else Look.UNTIMED
        if self._claimed(key):
            return Look.TAKEN
        cell = self._cells.get(key)
        parent = cell.parent if cell else None
        if parent is None:
            return Look.OPEN
        before = self._record(parent.key)
        if before is not None:
            return Look.SETTLED if before["status"] == "failed" else Look.OPEN
        return Look.TAKEN if self._claimed(parent.key) else Look.WAITS

    def _claimed(self, key: str) -> bool:
        return is_claimed(self._ledger.paths(key).lock)

    def _record(self, key: str) -> Record | None:
        try:
            return self._ledger.record(key)
        except Damaged:
            return None
