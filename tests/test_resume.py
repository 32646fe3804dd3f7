"""A run that is killed or stopped anywhere and started again ends in the record of one that was
not."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, TRAINER, cell
from small import At

from lightning_modules.stopping import Stopped
from sweeps.context import Context
from sweeps.execute import execute

ASKED = (
    "data=synthetic",
    "data.size=192",
    "data.image_size=8",
    "data.pad=1",
    "data.flip=true",
    "backbone=wrn16_1",
    "attention=cbam",
    "recipe=digits",
    "recipe.epochs=6",
    "recipe.refit.epochs=6",
    "pruning=taylor",
    "pruning.macs=0.6",
    "pruning.schedule=gradual",
    "pruning.steps=2",
)
SETTINGS = ("tracking=none", "trainer.threads=1", "trainer.latency_seconds=0.05")
MOMENTS = (
    "fit.ckpt",
    "fit.pt",
    "prune-0.pt",
    "refit-0.ckpt",
    "refit-0.pt",
    "refit-1.ckpt",
    "refit-1.pt",
)


def command(ledger: Path) -> list[str]:
    return [sys.executable, str(ROOT / "run.py"), *ASKED, *SETTINGS, f"ledger={ledger}"]


def outcomes(ledger: Path) -> dict[str, Any]:
    """What must be equal: all results by key, metrics, history and the digest of the weights."""
    found = {}
    for path in ledger.glob("*/record.json"):
        record = json.loads(path.read_text())
        history = json.loads((path.parent / "history.json").read_text())
        kept = {name: record[name] for name in ("status", "result")}
        found[record["key"]] = {**kept, "history": history}
    return found


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    ledger = tmp_path_factory.mktemp("whole")
    subprocess.run(command(ledger), check=True, capture_output=True, timeout=300)
    return outcomes(ledger)


def killed_at(moment: str, ledger: Path) -> bool:
    """Start the cell, send SIGKILL as soon as the file is there; whether it was still running."""
    process = subprocess.Popen(
        command(ledger), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    end = time.monotonic() + 240
    while process.poll() is None and not list(ledger.glob(f"*/{moment}")):
        assert time.monotonic() < end, f"no {moment}"
        time.sleep(0.002)
    running = process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    return running


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_run_killed_in_a_phase_ends_in_the_same_record(
    moment: str, tmp_path: Path, uninterrupted: dict[str, Any]
) -> None:
    assert killed_at(moment, tmp_path)
    assert outcomes(tmp_path) != uninterrupted
    subprocess.run(command(tmp_path), check=True, capture_output=True, timeout=300)
    assert outcomes(tmp_path) == uninterrupted
    assert len(uninterrupted) == 2


def test_the_whole_history_is_there_once_after_a_kill(
    tmp_path: Path, uninterrupted: dict[str, Any]
) -> None:
    histories = [outcome["history"] for outcome in uninterrupted.values()]
    epochs = sorted([[row["epoch"] for row in history] for history in histories])
    assert epochs == [[0, 1, 2, 3, 4, 5]] * 2


@pytest.mark.parametrize("seed", [0, 1])
def test_a_run_stopped_at_random_batches_ends_in_the_same_record(
    seed: int, tmp_path: Path, uninterrupted: dict[str, Any]
) -> None:
    child, drawn, stops = cell(*ASKED), random.Random(seed), 0
    assert child.parent is not None
    for one in (child.parent, child):
        while one.key not in outcomes(tmp_path):
            stop = At(drawn.randint(2, 20))
            try:
                execute(one, Context(tmp_path, tmp_path, TRAINER, tracking="none", stop=stop))
            except Stopped:
                stops += 1
    assert stops >= 5
    assert outcomes(tmp_path) == uninterrupted


@pytest.mark.parametrize("name", ["prune-0.pt", "refit-0.pt"])
def test_a_phase_whose_file_is_damaged_is_run_again(
    name: str, tmp_path: Path, uninterrupted: dict[str, Any]
) -> None:
    child = cell(*ASKED)
    assert child.parent is not None
    context = Context(tmp_path, tmp_path, TRAINER, tracking="none")
    execute(child.parent, context)
    path = tmp_path / child.key / name
    with pytest.raises(Stopped):
        execute(child, replace(context, stop=path.exists))
    path.write_bytes(path.read_bytes()[:-100])
    execute(child, context)
    assert path.with_name(f"{name}.damaged").exists()
    assert outcomes(tmp_path) == uninterrupted
