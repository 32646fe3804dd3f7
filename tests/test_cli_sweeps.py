"""A sweep, as a person runs it: done, failed, stopped, changed and retried."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import QUICK, ROOT, TINY
from processes import refused, until

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
    until(lambda: list((tiny / "stopped").glob("*/fit.ckpt")), 120)
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
