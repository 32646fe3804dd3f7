"""What was seen to run: the done cells of a ledger, and the rehearsals that passed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeps.cell import Cell
from sweeps.failure import Failure
from sweeps.ledger import Ledger
from sweeps.record import Record

CPU = "cpu"
"""The device of a rehearsal that used no GPU."""

WHOLE = ("done", *Failure)
"""Ends of attempts that leave the next one everything to do; the clock of a record knows the last
attempt only."""


@dataclass(frozen=True)
class Evidence:
    """A cell that was seen to run.

    Args:
        seconds: how long it takes; None where an interrupted run knows its last part only.
        rehearsed: it was tried for a few steps, and its seconds follow from them.
        on_gpu: whether there was a GPU.
        sources: digest of each variant's source, by axis, as it ran.
    """

    cell: Cell
    seconds: float | None
    rehearsed: bool
    on_gpu: bool
    sources: Mapping[str, str]


def evidence(ledger: Ledger) -> list[Evidence]:
    """Everything in a ledger that ran and passed, whatever sweep it belongs to."""
    return [*_done(ledger), *rehearsed(ledger.root)]


def of_record(record: Record) -> Evidence:
    """What a done record shows."""
    origin = record["provenance"]
    attempts = origin.get("attempts")
    is_whole = not isinstance(attempts, list) or all(a["ended"] in WHOLE for a in attempts)
    return Evidence(
        Cell.from_json(record["cell"]),
        sum(record["seconds"].values()) if is_whole else None,
        rehearsed=False,
        on_gpu=bool(origin.get("hardware", {}).get("gpus")),
        sources=origin["sources"],
    )


def rehearsal(root: Path, key: str) -> Path:
    """Where the rehearsal of a cell is kept."""
    return root / "rehearsals" / f"{key}.json"


def read_rehearsal(path: Path) -> dict[str, Any] | None:
    """A rehearsal's row (see ``sweeps.cluster.rehearsal``); None if it cannot be read."""
    try:
        row = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return row if isinstance(row, dict) else None


def _done(ledger: Ledger) -> Iterator[Evidence]:
    for path in ledger.root.glob("*/record.json"):
        record = ledger.sound_record(path.parent.name)
        if record is not None and record["status"] == "done":
            yield of_record(record)


def rehearsed(root: Path) -> Iterator[Evidence]:
    """The rehearsals below a ledger's folder that passed."""
    for path in (root / "rehearsals").glob("*.json"):
        row = read_rehearsal(path)
        if row is not None and row.get("ok"):
            cell, on_gpu = Cell.from_json(row["cell"]), row["device"] != CPU
            yield Evidence(cell, row["seconds"], True, on_gpu, row["sources"])
