"""What a person sees while a sweep runs: one line a finished cell, and a bar with the time left."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from tqdm import tqdm

from sweeps.cell import Cell
from sweeps.ledger import Ledger
from sweeps.record import Record


class Progress:
    """A bar over the cells of a sweep; reads the ledger when others run them.

    Args:
        what: what is being done to them.
        lines: write a line for every cell that ends.
    """

    def __init__(self, cells: Sequence[Cell], what: str, *, lines: bool = True) -> None:
        self._lines = lines
        self._label = ""
        self._cells = {cell.key: cell for cell in cells}
        self._open = dict(self._cells)
        self._bar: tqdm[Any] = tqdm(
            desc=what,
            total=len(cells),
            unit="cell",
            file=sys.stderr,
            dynamic_ncols=True,
            disable=None,
        )

    @property
    def left(self) -> int:
        """How many cells have not ended."""
        return len(self._open)

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.close()

    def started(self, cell: Cell) -> None:
        self._label = f"{cell.backbone} {cell.attention} {cell.pruning} seed={cell.seed}"
        self._bar.set_postfix_str(self._label)

    def epoch(self, row: Mapping[str, Any]) -> None:
        value = row.get("val_accuracy", row["train_accuracy"])
        self._bar.set_postfix_str(f"{self._label} {row['phase']} {row['epoch'] + 1}: {value:.1%}")

    def finished(self, cell: Cell, record: Record) -> None:
        if self._open.pop(cell.key, None) is not None:
            self._bar.update()
            if self._lines:
                tqdm.write(line(cell, record), file=sys.stderr)

    def read(self, ledger: Ledger, *, timed: bool) -> None:
        """Report what others have finished since the last look."""
        for key, cell in list(self._open.items()):
            record = ledger.sound_record(key)
            if record and (record["status"] == "failed" or record["latency"] or not timed):
                self.finished(cell, record)


def line(cell: Cell, record: Record) -> str:
    """A finished cell in one line."""
    spent = sum(record["seconds"].values())
    if record["status"] == "failed":
        error = record["error"]
        end = f"FAILED {error['type']}: {error['message'].splitlines()[0][:80]}"
    else:
        end = f"{record['result']['accuracy']:7.2%}  {spent:6.1f} s"
    return f"{cell.key}  {cell!s:<58} {end}"
