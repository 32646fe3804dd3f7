"""Runs in W&B that show a failure which the ledger has set aside since, to run its cell again."""

from __future__ import annotations

import json
from collections.abc import Iterator

from sweeps.cell import Cell
from sweeps.claim import is_claimed
from sweeps.mirror import entry
from sweeps.mirror.read import UNFINISHED, Listed
from sweeps.mirror.session import Session
from sweeps.record import Record, RunPaths


def is_outdated(cell: Cell, run: Listed, paths: RunPaths) -> bool:
    """Whether a run that is over shows a record which this ledger has set aside, and the cell is
    not running now. A record that this ledger never had may be another ledger's, and counts."""
    if entry.RECORD not in run.summary or run.state in UNFINISHED or is_claimed(paths.lock):
        return False
    texts = (entry.record_text(cell.key, record) for record in earlier_records(paths))
    return run.summary[entry.RECORD] in texts


def earlier_records(paths: RunPaths) -> Iterator[Record]:
    """The failed records of a cell that were set aside, so that it runs again."""
    for path in paths.folder.glob("failed-*.json"):
        try:
            record = json.loads(path.read_bytes())
        except (OSError, ValueError):
            continue
        if isinstance(record, dict):
            yield record


class Emptied:
    """What is left of a run when the record that it shows was set aside: the cell is open again."""

    code = 1

    def send(self, session: Session) -> None:
        session.say({})
        session.leave()
