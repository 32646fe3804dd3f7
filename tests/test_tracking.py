"""W&B mirrors the ledger: read back from the offline files with W&B's own reader."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import QUICK, TINY, Run, cell

from sweeps.mirror.live import PROJECT, Tracker, place
from sweeps.record import RunPaths


def offline_run(ledger: Path) -> dict:
    (file,) = ledger.glob("*/wandb/offline-run-*/*.wandb")
    command = [str(Path(sys.executable).with_name("wandb")), "leet", "inspect"]
    done = subprocess.run(
        [*command, "--summary", "--json", str(file)], capture_output=True, text=True, timeout=60
    )
    return json.loads(done.stdout)


def test_an_offline_run_has_the_cell_as_config_and_the_record_as_summary(
    run: Run, tmp_path: Path
) -> None:
    done = run(*TINY, "attention=se", *QUICK, "tracking=offline")
    assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "runs").glob("*/record.json")
    record = json.loads(path.read_text())
    found = offline_run(tmp_path / "runs")
    assert found["config"]["key"] == record["key"]
    assert found["config"]["attention"] == "se"
    assert found["config"]["attention.reduction"] == 16
    text = json.dumps(found)
    for name in ("fit/train_loss", "fit/val_accuracy", "cost.macs", "latency.ratio", "accuracy"):
        assert f'"{name}"' in text, name


def test_a_run_goes_to_the_entity_and_the_project_of_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WANDB_ENTITY", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    where = {"entity": "my-team", "project": "mine"}
    paths = RunPaths(tmp_path, cell().key)
    paths.folder.mkdir()
    with Tracker(cell(), paths, "offline", None, where):
        pass
    found = offline_run(tmp_path)
    assert {name: found[name] for name in where} == where


def test_the_variables_of_wandb_win_over_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WANDB_ENTITY", "WANDB_PROJECT"):
        monkeypatch.setenv(name, "")
    assert place({}) == {"entity": None, "project": PROJECT}
    assert place({"entity": "team", "project": "a"}) == {"entity": "team", "project": "a"}
    monkeypatch.setenv("WANDB_ENTITY", "other")
    monkeypatch.setenv("WANDB_PROJECT", "b")
    assert place({"entity": "team", "project": "a"}) == {"entity": "other", "project": "b"}


def test_without_tracking_no_wandb_folder_appears(run: Run, tmp_path: Path) -> None:
    assert run(*TINY, *QUICK).returncode == 0
    assert not list((tmp_path / "runs").glob("*/wandb"))


def test_online_without_a_key_is_refused_and_says_what_to_do(run: Run, tmp_path: Path) -> None:
    done = run(*TINY, *QUICK, "tracking=wandb", timeout=120)
    assert done.returncode == 2
    assert "wandb login" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "runs").glob("*/record.json"))
