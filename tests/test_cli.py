"""One command, as a person types it: cells, a multirun, their cost, and Ctrl-C."""

from __future__ import annotations

import json
import signal
from pathlib import Path

from conftest import QUICK, TINY, Run
from processes import refused, start, until


def test_hydras_own_multirun_writes_to_the_same_ledger(run: Run, tmp_path: Path) -> None:
    done = run("-m", *TINY, "attention=se,eca", "seed=0,1", *QUICK)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "runs").glob("*/record.json"))) == 4


def test_a_failure_in_a_multirun_leaves_the_others_and_ends_in_status_one(
    run: Run, tmp_path: Path
) -> None:
    done = run("-m", *TINY, "recipe.lr=1e30,0.01", *QUICK)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.count("failed: TrainingDiverged") == 1
    assert len(list((tmp_path / "runs").glob("*/record.json"))) == 2


def test_a_pruned_cell_trains_its_dense_parent_first(run: Run, tmp_path: Path) -> None:
    done = run(*TINY, "pruning=magnitude", "pruning.sparsity=0.5", *QUICK)
    assert done.returncode == 0, done.stderr
    records = [json.loads(p.read_text()) for p in (tmp_path / "runs").glob("*/record.json")]
    assert {record["cell"]["pruning"]["name"] for record in records} == {"none", "magnitude"}


def test_cost_needs_no_training_and_no_data(run: Run, tmp_path: Path) -> None:
    done = run(
        "do=cost", "backbone=resnet164", "attention=dia", "data=cifar100", "format=json", *QUICK
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["cost"]["params"] == 1_946_132
    assert not (tmp_path / "runs").exists()


def test_a_cell_that_another_process_runs_is_refused(run: Run, tmp_path: Path) -> None:
    slow = [*TINY, "recipe.epochs=2000", *QUICK]
    first = start(tmp_path, *slow)
    try:
        until(lambda: list((tmp_path / "runs").glob("*/fit.ckpt")), 60)
        refused(run(*slow), f"is being run by process {first.pid}", "wait for it or stop it")
    finally:
        first.kill()
        first.communicate()


def test_ctrl_c_says_how_to_go_on_and_keeps_the_last_epoch(run: Run, tmp_path: Path) -> None:
    first = start(tmp_path, *TINY, "recipe.epochs=2000", *QUICK)
    until(lambda: list((tmp_path / "runs").glob("*/fit.ckpt")), 60)
    first.send_signal(signal.SIGINT)
    _, errors = first.communicate(timeout=60)
    assert first.returncode == 130, errors
    assert "interrupted; the same command goes on" in errors
    assert "Traceback" not in errors
    assert list((tmp_path / "runs").glob("*/fit.ckpt"))
    assert not list((tmp_path / "runs").glob("*/record.json"))
