"""A ledger made by hand, to be published, and what the server has of it then."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ledgers import ECA, MAGNITUDE, SE, cell, done, failed

from sweeps.cell import Cell
from sweeps.frozen import Plan
from sweeps.ledger import Ledger
from sweeps.mirror import plans
from sweeps.record import Record, write_atomically, write_record
from tests.wandb_server.server import Fault, Server
from tests.wandb_server.store import Run

DENSE, GATED, PRUNED, BROKEN = (
    cell(),
    cell(attention=SE),
    cell(pruning=MAGNITUDE),
    cell(attention=ECA),
)
CELLS = (DENSE, GATED, PRUNED, BROKEN)
PATCH = "diff --git a/x b/x\n"


def rows(one: Cell, count: int = 3, *, loss: float = 1.0) -> list[dict[str, Any]]:
    phase = "fit" if one.is_dense else "refit"
    return [
        {"phase": phase, "epoch": n, "lr": 0.1, "train_loss": loss / (n + 1), "val_accuracy": 0.5}
        for n in range(count)
    ]


def keep(ledger: Ledger, one: Cell, record: Record, history: list[dict[str, Any]]) -> None:
    paths = ledger.paths(one.key)
    write_record(paths, record)
    write_atomically(paths.history, json.dumps(history).encode())


def made(folder: Path, sweep: str = "mine", cells: tuple[Cell, ...] = CELLS) -> Ledger:
    """A ledger of three cells that are done and one that failed; changed code made the first."""
    ledger = Ledger(folder / "runs")
    ledger.freeze(Plan(sweep, "made by hand", cells))
    for n, one in enumerate(one for one in cells if one is not BROKEN):
        keep(ledger, one, done(one, 0.9 + n % 10 / 100), rows(one))
    if BROKEN in cells:
        write_record(ledger.paths(BROKEN.key), failed(BROKEN, "loss is nan"))
    record = done(DENSE, 0.9)
    record["provenance"] |= {"commit": "c0ffee" * 6, "diff": "1.patch"}
    keep(ledger, DENSE, record, rows(DENSE))
    write_atomically(ledger.root / "provenance/1.patch", PATCH.encode())
    return ledger


def runs(server: Server) -> dict[str, Run]:
    """All runs by id, those of plans left out."""
    found = server.store.project("lab", "p")
    return {key: run for key, run in found.items() if run.job_type != plans.JOB_TYPE}


def counted(capsys: pytest.CaptureFixture[str]) -> str:
    """What the last line said, without the address."""
    return capsys.readouterr().out.splitlines()[-1].partition(" -> ")[0]


ALL_NEW = "mine: 4 runs: 4 new, 0 changed, 0 unchanged"
NONE_NEW = "mine: 4 runs: 0 new, 0 changed, 4 unchanged"


def refuse(what: str, status: int) -> Fault:
    """Answer requests of a kind with a status."""
    answer = (status, {"errors": [{"message": "no"}]})
    return lambda _, name: answer if what in name else None
