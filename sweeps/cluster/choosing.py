"""Which cell a pack takes next: its own first, then, for a while, any of its resource class."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from sweeps.cell import Cell
from sweeps.ledger import Ledger
from sweeps.readiness import Readiness, readiness


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
        order = (Readiness.OPEN, Readiness.UNTIMED) if timing else (Readiness.OPEN,)
        for wanted in order:
            for keys in (self.mine, self.others) if more else (self.mine,):
                found = self._first(keys, running, wanted)
                if found is not None:
                    return found
        return None

    def give_up(self, key: str) -> None:
        """Take a cell no more."""
        self.mine = [one for one in self.mine if one != key]
        self.others = [one for one in self.others if one != key]

    def unsettled(self) -> list[str]:
        """Those of its own that are not settled."""
        self.mine = [key for key in self.mine if not self._is_settled(key)]
        return self.mine

    def _is_settled(self, key: str) -> bool:
        return self.readiness(self._cells[key]) is Readiness.SETTLED

    def _first(self, keys: list[str], running: Sequence[str], wanted: Readiness) -> Cell | None:
        for key in list(keys):
            if key in running or self._pauses(key):
                continue
            found = self.readiness(self._cells[key])
            if found is Readiness.SETTLED:
                keys.remove(key)
            elif found is wanted:
                return self._cells[key]
            elif found is Readiness.WAITS and wanted is Readiness.OPEN:
                parent = self._cells[key].parent
                if parent and self._may(parent, running):
                    return parent
        return None

    def _may(self, parent: Cell, running: Sequence[str]) -> bool:
        """Whether a parent that nobody runs may be taken: not one of another resource class."""
        allowed = parent.key in (*self.mine, *self.others) or parent.key not in self._cells
        free = parent.key not in running and not self._pauses(parent.key)
        return allowed and free and self.readiness(parent) is Readiness.OPEN

    def _pauses(self, key: str) -> bool:
        return self.not_before.get(key, 0.0) > time.monotonic()

    def readiness(self, cell: Cell) -> Readiness:
        """What the ledger says of a cell now: one of these, or the parent of one."""
        return readiness(self._ledger, cell)
