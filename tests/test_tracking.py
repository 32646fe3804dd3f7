"""A cell's W&B run while it trains, on a server of this machine: it is the published one."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import ROOT, TINY, cell
from followed import DENSE, DONE, PLACE, live_in, published, rows, run_of, tracked, trained
from ledgers import failed
from processes import until

from lightning_modules.stopping import Stopped
from sweeps.execute import execute
from sweeps.ledger import Ledger
from sweeps.mirror import entry
from sweeps.mirror.live import Tracker
from sweeps.origin import git
from sweeps.record import RunPaths
from tests.wandb_server.server import Server


def test_a_live_run_is_the_run_that_publishing_would_make(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = live_in(tmp_path)
    record = execute(DENSE, here)
    run = run_of(server)
    assert (run.state, run.group, run.job_type) == ("finished", "mine", "dense")
    assert run.tags == ["synthetic", "resnet8", "none", "smoke", "sweep:mine"]
    assert rows(run) == trained(here)
    assert len(run.history) == 3
    assert run.summary["accuracy"] == record["result"]["accuracy"]
    assert run.summary["latency.ratio"] == record["latency"]["ratio"]
    assert published(here, DENSE, capsys) == DONE


def test_a_live_run_knows_its_code_and_its_machine(server: Server, tmp_path: Path) -> None:
    here = live_in(tmp_path)
    origin = execute(DENSE, here)["provenance"]
    run = run_of(server)
    assert run.commit == origin["commit"] == (git(ROOT, "rev-parse", "HEAD").strip() or None)
    patches = {path.name: path.read_bytes() for path in here.ledger.glob("provenance/*.patch")}
    assert run.files.get("diff.patch") == patches.get(origin["diff"])
    assert {"wandb-metadata.json", "requirements.txt"} <= set(run.files)
    assert json.loads(run.files["wandb-metadata.json"])["cpu_count_logical"] == os.cpu_count()
    assert run.events  # system metrics


def test_an_epoch_is_there_before_the_next_one_ends(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL", "1")
    seen = []

    def wait(row: object) -> None:
        if not seen:
            until(lambda: len(run_of(server).history) == 1)
            seen.append(run_of(server).state)

    execute(DENSE, live_in(tmp_path, on_epoch=wait))
    assert seen == ["running"]


def test_a_cell_that_fails_is_a_failed_run_with_the_error(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken, here = cell(*TINY, "recipe.lr=1e30"), live_in(tmp_path)
    assert execute(broken, here)["status"] == "failed"
    run = run_of(server, broken)
    assert (run.state, run.summary["status"]) == ("failed", "failed")
    assert run.summary["error"]["type"] == "TrainingDiverged"
    assert published(here, broken, capsys) == DONE


def test_a_cell_that_goes_on_sends_what_was_lost_of_its_curves(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here, ended = live_in(tmp_path), []
    with pytest.raises(Stopped):
        execute(DENSE, replace(here, on_epoch=ended.append, stop=lambda: len(ended) == 2))
    assert run_of(server).state == "preempted"
    run_of(server).history.pop()  # as if it had been killed before that was sent
    run_of(server).summary["_step"] = 0
    execute(DENSE, here)
    assert rows(run_of(server)) == trained(here)
    assert run_of(server).state == "finished"
    assert published(here, DENSE, capsys) == DONE


def test_latency_that_is_measured_later_for_another_sweep_adds_to_the_run(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = live_in(tmp_path)
    execute(DENSE, replace(here, time_latency=False))
    assert "latency.ratio" not in run_of(server).summary
    execute(DENSE, replace(here, sweep="other"))
    run = run_of(server)
    assert "latency.ratio" in run.summary
    assert run.tags[-2:] == ["sweep:mine", "sweep:other"]
    assert len(run.history) == 3
    assert published(here, DENSE, capsys) == DONE


def test_artifacts_are_sent_live_when_asked_for(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = live_in(tmp_path, wandb={**PLACE, "artifacts": ["model"]})
    execute(DENSE, here)
    (model,) = server.store.artifacts.values()
    assert (model.name, model.type) == (f"{DENSE.key}-model", "model")
    assert model.files["fit.pt"] == RunPaths(here.ledger, DENSE.key).weights("fit").read_bytes()
    assert published(here, DENSE, capsys) == DONE


def test_an_attempt_after_a_failure_shows_none_of_it(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = live_in(tmp_path)
    paths = RunPaths(here.ledger, DENSE.key)
    tracked("wandb", paths, record=failed(DENSE, "loss is nan"))
    assert run_of(server).summary["status"] == "failed"
    Ledger(here.ledger).set_aside(DENSE.key)
    with Tracker(DENSE, paths, "wandb", sweep="mine", wandb=PLACE):
        pass  # killed before it came to anything
    assert not {"status", "error", entry.RECORD, entry.DIGEST} & set(run_of(server).summary)
    assert rows(run_of(server))[0]["train_loss"] == 1.0
    tracked("wandb", paths)
    assert published(here, DENSE, capsys) == DONE
