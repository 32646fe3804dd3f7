"""Every verb as a person types it, and every mistake a person makes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import QUICK, ROOT, TINY, Run

from sweeps.cell import SCHEMA

SWEEP = """# Tiny: for tests (ours).
about: two attentions, one pruning
common: [data=synthetic, data.size=64, data.image_size=8, recipe=smoke, backbone=resnet8]
blocks: [["attention=none,eca"], [pruning=l1, pruning.macs=0.7]]
"""


BROKEN = """# Broken: its learning rate diverges (ours).
about: fails on purpose
common: [data=synthetic, data.size=64, data.image_size=8, recipe=smoke, backbone=resnet8]
blocks: [[recipe.lr=1e30, "seed=0,1"], [recipe.lr=1e30, pruning=l1, pruning.macs=0.7]]
"""


def refused(done: subprocess.CompletedProcess[str], *texts: str) -> None:
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert all(text in done.stderr for text in texts), done.stderr


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project that has a tiny sweep."""
    copy = tmp_path_factory.mktemp("project")
    for name in ("conf", "lightning_modules", "datamodules", "sweeps", "reports"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "run.py", copy)
    (copy / "conf/sweep/tiny.yaml").write_text(SWEEP)
    (copy / "conf/sweep/broken.yaml").write_text(BROKEN)
    return copy


def in_copy(copy: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "run.py", *arguments],
        cwd=copy,
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_a_sweep_runs_reports_and_then_has_nothing_to_do(tiny: Path) -> None:
    first = in_copy(tiny, "do=sweep", "sweep=tiny", "cluster=here", *QUICK)
    assert first.returncode == 0, first.stderr
    assert "resnet8" in first.stdout
    made = {path.name for path in (tiny / "results/tiny").iterdir()}
    assert {"table.md", "table.csv", "table.tex", "index.html", "pareto_macs.png"} <= made
    records = sorted((tiny / "runs").glob("*/record.json"))
    assert len(records) == 3
    times = [path.stat().st_mtime_ns for path in records]

    second = in_copy(tiny, "do=sweep", "sweep=tiny", "cluster=here", *QUICK)
    assert second.returncode == 0
    assert "nothing left to run" in second.stderr
    assert [path.stat().st_mtime_ns for path in records] == times

    lost = records[0]
    lost.unlink()
    third = in_copy(tiny, "do=sweep", "sweep=tiny", "cluster=here", *QUICK)
    assert third.returncode == 0
    assert lost.exists()
    assert [path.stat().st_mtime_ns for path in records[1:]] == times[1:]

    status = json.loads(in_copy(tiny, "do=status", "sweep=tiny", "format=json").stdout)
    assert status["counts"] == {"done": 3}
    tables = in_copy(tiny, "do=report", "sweep=tiny")
    assert tables.returncode == 0
    assert "resnet8" in tables.stdout


def test_worker_processes_run_a_sweep_and_time_it_alone_at_the_end(tiny: Path) -> None:
    done = in_copy(
        tiny, "do=sweep", "sweep=tiny", "cluster=local", "cluster.workers=2", "ledger=two", *QUICK
    )
    assert done.returncode == 0, done.stderr
    records = [json.loads(p.read_text()) for p in (tiny / "two").glob("*/record.json")]
    assert [record["status"] for record in records] == ["done"] * 3
    assert all(record["latency"]["ratio"] > 0 for record in records)


def test_a_failure_is_shown_once_and_retry_runs_it_again(tiny: Path) -> None:
    first = in_copy(tiny, "do=sweep", "sweep=broken", "cluster=here", "ledger=bad", *QUICK)
    assert first.returncode == 1, first.stderr
    assert "2 cells failed, 1 blocked by them" in first.stderr
    status = in_copy(tiny, "do=status", "sweep=broken", "ledger=bad")
    assert status.stdout.count("TrainingDiverged: ") == 2  # the line, and the traceback's last
    assert "failed, 2 cells: TrainingDiverged" in status.stdout
    again = in_copy(tiny, "do=sweep", "sweep=broken", "cluster=here", "ledger=bad", *QUICK)
    assert again.returncode == 1
    assert not list((tiny / "bad").glob("*/failed-0.json"))
    retried = in_copy(tiny, "do=retry", "sweep=broken", "cluster=here", "ledger=bad", *QUICK)
    assert retried.returncode == 1
    assert len(list((tiny / "bad").glob("*/failed-0.json"))) == 2


def test_ctrl_c_on_a_sweep_leaves_it_ready_to_go_on(tiny: Path) -> None:
    slow = ["do=sweep", "sweep=tiny", "cluster=local", "cluster.workers=2", "ledger=stopped"]
    command = [sys.executable, "run.py", *slow, "recipe.epochs=3000", *QUICK]
    process = subprocess.Popen(
        command, cwd=tiny, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_for(tiny, "*/fit.ckpt", 120, ledger="stopped")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    counts = json.loads(
        in_copy(tiny, "do=status", "sweep=tiny", "ledger=stopped", "format=json").stdout
    )["counts"]
    assert set(counts) == {"pending"}, counts


def test_a_source_that_changed_makes_its_cells_stale_and_runs_nothing(tiny: Path) -> None:
    in_copy(tiny, "do=sweep", "sweep=tiny", "cluster=here", *QUICK)
    file = tiny / "lightning_modules/attention/eca.py"
    before = file.read_text()
    file.write_text(before + "\n# a change\n")
    try:
        found = in_copy(tiny, "do=plan", "sweep=tiny")
    finally:
        file.write_text(before)
    assert "stale, 1 cells: the source of their attention changed" in found.stdout
    assert "nothing left to run" in found.stdout


def test_an_attention_file_of_twenty_lines_can_be_listed_and_swept(tiny: Path) -> None:
    file = tiny / "lightning_modules/attention/halve.py"
    file.write_text(
        '"""Halving (Nobody, NOWHERE 2026).\n\n    y = x / by\n"""\n\n'
        "from torch import Tensor, nn\n\n__all__ = ['Halve']\n\n\n"
        "class Halve(nn.Module):\n"
        "    def __init__(self, channels: int, *, by: float = 2.0) -> None:\n"
        "        super().__init__()\n        self.by = by\n\n"
        "    def forward(self, x: Tensor) -> Tensor:\n        return x / self.by\n"
    )
    try:
        listed = json.loads(in_copy(tiny, "do=list", "format=json").stdout)
        ran = in_copy(tiny, *TINY, "attention=halve", "attention.by=4", "ledger=halved", *QUICK)
    finally:
        file.unlink()
    assert "halve" in {entry["name"] for entry in listed["attention"]}
    assert ran.returncode == 0, ran.stderr
    assert "halve" in ran.stdout


@pytest.mark.parametrize(
    ("text", "message"),
    [("class X(:\n", "line 1"), ("class X: ...\n", "begins with a docstring")],
)
def test_a_variant_file_that_cannot_be_read_is_named(tiny: Path, text: str, message: str) -> None:
    file = tiny / "lightning_modules/attention/wrong.py"
    file.write_text(text)
    try:
        refused(in_copy(tiny, "do=list"), str(file), message)
    finally:
        file.unlink()


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


def test_a_cell_that_another_process_runs_is_refused(run: Run, tmp_path: Path) -> None:
    slow = [*TINY, "recipe.epochs=2000", *QUICK]
    first = start(tmp_path, *slow)
    try:
        wait_for(tmp_path, "*/fit.ckpt")
        refused(run(*slow), f"is being run by process {first.pid}", "wait for it or stop it")
    finally:
        first.kill()
        first.communicate()


def test_ctrl_c_says_how_to_go_on_and_keeps_the_last_epoch(run: Run, tmp_path: Path) -> None:
    first = start(tmp_path, *TINY, "recipe.epochs=2000", *QUICK)
    wait_for(tmp_path, "*/fit.ckpt")
    first.send_signal(signal.SIGINT)
    _, errors = first.communicate(timeout=60)
    assert first.returncode == 130, errors
    assert "interrupted; the same command goes on" in errors
    assert "Traceback" not in errors
    assert list((tmp_path / "runs").glob("*/fit.ckpt"))
    assert not list((tmp_path / "runs").glob("*/record.json"))


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(ROOT / "run.py"), f"ledger={folder}/runs", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
    )


def wait_for(folder: Path, pattern: str, seconds: float = 60, ledger: str = "runs") -> None:
    end = time.monotonic() + seconds
    while not list((folder / ledger).glob(pattern)):
        assert time.monotonic() < end, f"no {pattern} after {seconds} s"
        time.sleep(0.02)
