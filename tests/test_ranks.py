"""Two tasks of a SLURM job train one cell: their variables are set by hand, all else is real."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, TINY, TRAINER, cell
from small import At, Training, same

from lightning_modules.stopping import Stopped
from sweeps import ranks
from sweeps.context import Context
from sweeps.follow import follow
from sweeps.outcome import failed
from sweeps.ranks import LeaderLeft, calling, calls, rank, wait, world
from sweeps.record import RunPaths

PARENT = (*TINY, "data.size=320", "recipe.batch_size=16", "recipe.epochs=2")
CHILD = (
    *PARENT,
    "pruning=taylor",
    "pruning.macs=0.6",
    "pruning.schedule=gradual",
    "pruning.steps=2",
    "recipe.refit.epochs=2",
)
TASK = """
import sys
sys.path[:0] = ["tests"]
from pathlib import Path
from conftest import TRAINER, cell
from lightning_modules.stopping import Stopped
from sweeps.context import Context
from sweeps.execute import execute
from sweeps.follow import follow
from sweeps.ranks import rank
from sweeps.record import RunPaths

ledger, phase, *asked = sys.argv[1:]
asked, ledger = cell(*asked), Path(ledger)
paths = RunPaths(ledger, asked.key)

def marks():
    return [p.stat().st_mtime_ns for p in paths.folder.glob(phase + ".ckpt")]

before = marks()
stop = (lambda: marks() != before) if rank() else None  # only the second task is told to stop
trainer = TRAINER | {"devices": 2, "checkpoint_minutes": 1e-9}
context = Context(ledger, ledger, trainer, tracking="none", stop=stop)
try:
    if rank():
        follow(asked, paths, context)
    else:
        record = execute(asked, context)
        assert record["status"] == "done", record["error"]["traceback"]
except Stopped as where:
    print(where)
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def together(ledger: Path, *asked: str, stop: str = "never") -> str:
    """Run a cell in two tasks until it ends, or the one after the first new checkpoint of a phase
    is written; what the first task said."""
    port = free_port()
    tasks = [start(number, port, ledger, *asked, stop=stop) for number in range(2)]
    said = [task.communicate(timeout=300) for task in tasks]
    assert [task.returncode for task in tasks] == [0, 0], said
    return said[0][0]


def start(
    number: int, port: int, ledger: Path, *asked: str, stop: str = "never", script: str = TASK
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, str(ledger), stop, *asked],
        env={**os.environ, **variables(number, port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def variables(number: int, port: int) -> dict[str, str]:
    return {
        "SLURM_JOB_ID": "77",
        "SLURM_JOB_NAME": "cells",
        "SLURM_NNODES": "1",
        "SLURM_NODEID": "0",
        "SLURM_NTASKS": "2",
        "SLURM_NTASKS_PER_NODE": "2",
        "SLURM_PROCID": str(number),
        "SLURM_LOCALID": str(number),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }


def outcome(ledger: Path, *asked: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    paths = RunPaths(ledger, cell(*asked).key)
    record = json.loads(paths.record.read_text())
    return record["result"], json.loads(paths.history.read_text())


@pytest.mark.slow
def test_two_tasks_that_are_stopped_end_as_two_that_are_not(tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    for asked in (PARENT, CHILD):
        together(whole, *asked)
    assert together(parts, *PARENT, stop="fit") == "fit was stopped in epoch 0, after batch 15\n"
    assert together(parts, *PARENT, stop="fit").startswith("fit was stopped in epoch ")
    together(parts, *PARENT)
    assert outcome(parts, *PARENT) == outcome(whole, *PARENT)
    assert together(parts, *CHILD, stop="refit-0").startswith("refit was stopped")
    together(parts, *CHILD)
    assert outcome(parts, *CHILD) == outcome(whole, *CHILD)
    assert not list(parts.glob("*/*.call"))


@pytest.mark.slow
def test_a_follower_leaves_a_cell_that_failed(tmp_path: Path) -> None:
    port, asked = free_port(), (*PARENT, "recipe.lr=1e30")
    script = TASK.replace('"done"', '"failed"')
    tasks = [start(number, port, tmp_path, *asked, script=script) for number in range(2)]
    said = [task.communicate(timeout=300) for task in tasks]
    assert [task.returncode for task in tasks] == [0, 0], said
    assert "TrainingDiverged" in said[1][1]


@pytest.mark.slow
def test_spawned_processes_stop_too_and_end_as_if_they_had_not(tmp_path: Path) -> None:
    two = {"devices": 2, "checkpoint_minutes": 1e-9}
    recipe = {"batch_size": 4}
    whole = Training(tmp_path / "whole", recipe, two)()
    parts = Training(tmp_path / "parts", recipe, two)
    with pytest.raises(Stopped, match=r"^fit was stopped in epoch \d, after"):
        parts(parts.files.checkpoint.exists)
    assert not parts.files.result.exists()
    assert same(parts(), whole)


def test_outside_of_slurm_a_process_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in variables(0, 0):
        monkeypatch.delenv(name, raising=False)
    assert (rank(), world()) == (0, 1)
    for name, value in variables(1, 0).items():
        monkeypatch.setenv(name, value)
    assert (rank(), world()) == (1, 2)


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunPaths:
    monkeypatch.setattr(ranks, "POLL_S", 0.01)
    return RunPaths(tmp_path, cell(*PARENT).key)


def test_waiting_ends_with_the_file_a_record_a_stop_or_the_time(paths: RunPaths) -> None:
    wait(At(3), paths, "fit")
    with pytest.raises(Stopped, match=r"^stopped while waiting for fit$"):
        wait(At(99), paths, "fit", stop=At(2))
    with pytest.raises(
        LeaderLeft, match=r"^waited 0\.001 minutes for the first task's fit of cell"
    ):
        wait(At(10**9), paths, "fit", minutes=0.001)
    assert failed(cell(*PARENT), paths, RuntimeError("no"), [])
    with pytest.raises(LeaderLeft, match=r"^the first task ended cell .* without fit$"):
        wait(At(99), paths, "fit")


def test_a_damaged_record_is_no_end_of_a_cell(paths: RunPaths) -> None:
    paths.folder.mkdir()
    paths.record.write_text("{")
    wait(At(3), paths, "fit")


def test_every_call_is_answered_once(paths: RunPaths) -> None:
    """The process that calls is this one, while the follower is asked whether to go on waiting."""
    call = paths.folder / "fit.call"
    heard: list[None] = []
    for answer in calls(call, paths, "fit", until=lambda: len(heard) == 2, stop=Caller(call)):
        heard.append(answer)
    assert len(heard) == 2


class Caller:
    """Calls, leaves, and calls again, each a few questions long."""

    def __init__(self, path: Path) -> None:
        self.turns = self.run(path)

    def run(self, path: Path) -> Iterator[None]:
        for _ in range(2):
            with calling(path):
                yield from repeat(None, 4)
            yield from repeat(None, 4)
        raise AssertionError("the second call was not heard")

    def __call__(self) -> bool:
        next(self.turns)
        return False


def test_the_call_of_an_earlier_start_of_the_job_is_not_answered(
    paths: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    with calling(paths.folder / "fit.call"):
        monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
        with pytest.raises(Stopped):
            next(calls(paths.folder / "fit.call", paths, "fit", until=lambda: False, stop=At(5)))
    assert not (paths.folder / "fit.call").exists()


def test_a_cell_with_a_record_is_not_followed(paths: RunPaths) -> None:
    assert failed(cell(*PARENT), paths, RuntimeError("no"), [])
    follow(cell(*PARENT), paths, Context(paths.ledger, paths.ledger, TRAINER))
