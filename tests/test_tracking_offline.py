"""Offline runs, read back with W&B's own reader, and the place that a run goes to."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import TINY, cell
from followed import DENSE, live_in

from sweeps.execute import execute
from sweeps.mirror.live import Tracker
from sweeps.mirror.place import PROJECT, Place
from sweeps.record import RunPaths


def offline_run(ledger: Path) -> dict[str, Any]:
    (file,) = ledger.glob("*/wandb/offline-run-*/*.wandb")
    command = [str(Path(sys.executable).with_name("wandb")), "leet", "inspect"]
    done = subprocess.run(
        [*command, "--summary", "--json", str(file)], capture_output=True, text=True, timeout=60
    )
    return dict(json.loads(done.stdout))


def test_an_offline_run_has_the_cell_as_config_and_the_record_as_summary(tmp_path: Path) -> None:
    gated = cell(*TINY, "attention=se")
    here = live_in(tmp_path, tracking="offline")
    record = execute(gated, here)
    found = offline_run(here.ledger)
    assert found["config"]["key"] == gated.key
    assert found["config"]["attention"] == "se"
    assert found["config"]["attention.reduction"] == 16
    text = json.dumps(found)
    for name in ("fit/train_loss", "fit/val_accuracy", "cost.macs", "latency.ratio", "accuracy"):
        assert f'"{name}"' in text, name
    assert str(record["result"]["accuracy"]) in text


def test_a_run_goes_to_the_entity_and_the_project_of_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WANDB_ENTITY", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    where = {"entity": "my-team", "project": "mine"}
    paths = RunPaths(tmp_path, DENSE.key)
    paths.folder.mkdir()
    with Tracker(DENSE, paths, "offline", wandb=where):
        pass
    found = offline_run(tmp_path)
    assert {name: found[name] for name in where} == where


def test_the_variables_of_wandb_win_over_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WANDB_ENTITY", "WANDB_PROJECT"):
        monkeypatch.setenv(name, "")
    assert Place.of({}) == Place(None, PROJECT)
    assert Place.of({"entity": "team", "project": "a"}) == Place("team", "a")
    monkeypatch.setenv("WANDB_ENTITY", "other")
    monkeypatch.setenv("WANDB_PROJECT", "b")
    assert Place.of({"entity": "team", "project": "a"}) == Place("other", "b")


def test_without_tracking_no_wandb_folder_appears(tmp_path: Path) -> None:
    here = live_in(tmp_path, tracking="none")
    assert execute(DENSE, here)["status"] == "done"
    assert not list(here.ledger.glob("*/wandb"))
