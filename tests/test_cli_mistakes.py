"""Every mistake a person makes, and what a disk does, in one message."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import QUICK, TINY, Run
from processes import refused

from sweeps.cell import SCHEMA


@pytest.mark.parametrize(
    ("arguments", "texts"),
    [
        (["attention=ses"], ["attention 'ses' does not exist; did you mean 'se'?", "Available"]),
        (["attention=se", "attention.reductoin=8"], ["did you mean 'reduction'?"]),
        (["attention=se", "attention.reduction=x"], ["must be int, came str"]),
        (["sed=0"], ["setting 'sed' does not exist; did you mean 'seed'?"]),
        (["do=swep"], ["do 'swep' does not exist; did you mean 'sweep'?"]),
        (["do=plan", "sweep=dmo"], ["sweep 'dmo' does not exist; did you mean 'demo'?"]),
        (["do=plan"], ["needs a sweep"]),
        (["do=sweep", "sweep=demo", "cluster=locl"], ["cluster 'locl' does not exist"]),
        (["do=status", "sweep=demo"], ["make sweep SWEEP=demo"]),
        (["do=report", "sweep=demo"], ["make sweep SWEEP=demo"]),
        (["do=report", "sweep=../demo"], ["sweep=../demo: must be a name of letters"]),
        (["do=plan", "sweep=demo", "seed=range(3,0)"], ["is empty"]),
        (["data=cifar10"], ["cifar-10-batches-py"]),
        (["do=sweep", "sweep=demo", "data=cifar100", "cluster=here"], ["cifar-100-python"]),
        (["backbone=vit_micro", "attention=se"], ["inapplicable", "reads maps"]),
        (["pruning=l1"], ["exactly one of sparsity, macs, params"]),
        (["tracking=onlin"], ["tracking 'onlin' does not exist"]),
        (["-m", "attention=se,ecaa"], ["attention 'ecaa' does not exist"]),
        (["do=cost", "pruning=l1", "pruning.macs=0.5"], ["not pruned"]),
        (["attention=se", "attention.reduction=0"], ["reduction is at least 1; came 0"]),
        (["do=sweep", "sweep=demo", "cluster=local", "cluster.workers=x"], ["cluster.workers=x"]),
        (["trainer.threads=x"], ["trainer.threads=x: must be a number from 0"]),
        (["data.num_classes=5"], ["must be from 0 to 4"]),
        (["trainer.devices=two"], ["trainer options", "devices"]),
    ],
    ids=lambda value: "_".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_message_and_nothing_starts(
    run: Run, tmp_path: Path, arguments: list[str], texts: list[str]
) -> None:
    refused(run(*arguments), *texts)
    assert not list((tmp_path / "runs").glob("*/record.json"))


def test_a_damaged_record_is_set_aside_and_made_again(run: Run, tmp_path: Path) -> None:
    assert run(*TINY, *QUICK).returncode == 0
    (record,) = (tmp_path / "runs").glob("*/record.json")
    before = json.loads(record.read_text())
    record.write_text('{"schema": 1, "key"')
    assert run(*TINY, *QUICK).returncode == 0
    assert json.loads(record.read_text())["result"] == before["result"]
    assert (record.parent / "damaged-0.json").read_text() == '{"schema": 1, "key"'


def test_a_damaged_checkpoint_fails_with_what_to_do(run: Run, tmp_path: Path) -> None:
    assert run(*TINY, *QUICK).returncode == 0
    (weights,) = (tmp_path / "runs").glob("*/fit.pt")
    weights.write_bytes(weights.read_bytes()[:100])
    done = run(*TINY, "pruning=l1", "pruning.macs=0.7", *QUICK)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert f"checkpoint {weights} is damaged" in done.stderr
    assert "delete it" in done.stderr


def test_a_ledger_of_another_schema_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/ledger.json").write_text(json.dumps({"schema": SCHEMA + 1}))
    for arguments in (TINY, ("do=plan", "sweep=demo"), ("do=sweep", "sweep=demo")):
        refused(run(*arguments), f"schema {SCHEMA + 1}", "ledger=")


def test_a_ledger_that_cannot_be_written_is_refused(run: Run) -> None:
    refused(run(*TINY, "ledger=/proc/nowhere", *QUICK), "cannot write to ledger /proc/nowhere")


def test_results_that_cannot_be_written_are_refused_before_anything_runs(
    run: Run, tmp_path: Path
) -> None:
    done = run("do=sweep", "sweep=demo", "results=/proc/nowhere")
    refused(done, "cannot write to /proc/nowhere")
    assert not list((tmp_path / "runs").glob("*/record.json"))


def test_a_full_disk_loses_nothing(run: Run, tmp_path: Path) -> None:
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("mounting a small disk needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this machine does not let us mount")
    try:
        done = run(*TINY, f"ledger={disk}/runs", *QUICK)
        assert done.returncode in (1, 2)
        assert "Traceback" not in done.stderr
        assert "No space left" in done.stderr or "space" in done.stderr
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        assert run(*TINY, f"ledger={disk}/runs", *QUICK).returncode == 0
    finally:
        subprocess.run(["umount", str(disk)], check=True)
