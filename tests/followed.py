"""A cell that is followed in W&B while it trains, and its run there."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import TINY, TRAINER, cell
from ledgers import done

from sweeps.cell import Cell
from sweeps.context import Context
from sweeps.frozen import Plan
from sweeps.ledger import Ledger
from sweeps.mirror.live import Tracker
from sweeps.record import RunPaths, read_history, read_record, write_atomically, write_record
from tests.wandb_server.client import send
from tests.wandb_server.server import Server
from tests.wandb_server.store import Run as Stored

PLACE = {"entity": None, "project": "p"}
DENSE = cell(*TINY, "recipe.epochs=3")
HISTORY: list[dict[str, Any]] = [
    {"phase": "fit", "epoch": n, "train_loss": 1 / (n + 1), "val_accuracy": 0.5} for n in range(2)
]
DONE = "mine: 1 runs: 0 new, 0 changed, 1 unchanged"


def live_in(folder: Path, **changes: Any) -> Context:
    """Where and how cells run live."""
    here = Context(folder / "runs", folder, TRAINER, "wandb", sweep="mine", wandb=PLACE)
    return replace(here, **changes)


def published(here: Context, one: Cell, capsys: pytest.CaptureFixture[str]) -> str:
    """Publish the cell; what was counted."""
    ledger = Ledger(here.ledger)
    ledger.freeze(Plan("mine", "", (one,)))
    assert send(ledger, **here.wandb) == 0
    return capsys.readouterr().out.splitlines()[-1].partition(" -> ")[0]


def run_of(server: Server, one: Cell = DENSE) -> Stored:
    return server.store.project("lab", "p")[one.key]


def rows(run: Stored) -> list[dict[str, Any]]:
    """The history without what W&B adds, and without its phase."""
    told = [{name: row[name] for name in row if "/" in name} for row in run.history]
    return [{name.partition("/")[2]: row[name] for name in row} for row in told]


def trained(here: Context, one: Cell = DENSE) -> list[dict[str, Any]]:
    """The history on disk, without its phase."""
    found = read_history(RunPaths(here.ledger, one.key))
    return [{name: row[name] for name in row if name != "phase"} for row in found]


def tracked(mode: str, paths: RunPaths, **more: Any) -> Tracker:
    """An attempt at a cell, as far as W&B is concerned, that ends in a record."""
    paths.folder.mkdir(parents=True, exist_ok=True)
    wanted = PLACE | {"artifacts": more.get("artifacts", [])}
    with Tracker(DENSE, paths, mode, sweep="mine", wandb=wanted) as tracker:
        for row in HISTORY:
            tracker.epoch(row)
        write_atomically(paths.history, json.dumps(HISTORY).encode())
        write_record(paths, more.get("record") or done(DENSE, 0.9))
        tracker.finish(read_record(paths) or {})
    return tracker


VARIABLES = {
    "WANDB_MODE": "foo",
    "WANDB_PROJECT": "a/b",
    "WANDB_INIT_TIMEOUT": "abc",
    "WANDB_BASE_URL": "foo",
    "WANDB_FINISH_TIMEOUT": "soon",
}
