"""What a person sees who asks a real cluster for what it cannot give: words, and status 2."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import QUICK, ROOT, Run

from sweeps.ledger import Ledger
from tests.slurm.cluster import Cluster
from tests.slurm.login import clear, log_in, queued

SMALL = ("cluster.gpus=0", "cluster.cpus=1", "cluster.memory_gb=2", "cluster.minutes=10")
SWEEP = ("do=sweep", "sweep=smoke", "cluster=slurm", *QUICK)
ODD = """it's "ü" $1"""
Refused = Callable[..., list[str]]


@pytest.fixture
def shell(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """The cluster, with this process as a shell on its login node; the queue is empty after."""
    assert cluster.own.is_dir()
    log_in(cluster, monkeypatch)
    yield cluster
    clear(cluster)


@pytest.fixture
def refused(run: Run, tmp_path: Path) -> Refused:
    """The problems that a sweep's command line is refused for, with nothing left behind."""

    def refused(*arguments: str, ledger: str = "runs") -> list[str]:
        done = run(*SWEEP, *arguments, f"ledger={tmp_path}/{ledger}")
        assert done.returncode == 2, done.stderr
        assert "Traceback" not in done.stderr
        left = {path.name for path in (tmp_path / ledger).glob("*")}
        assert left <= {"ledger.json"}
        return [line for line in done.stderr.splitlines() if line.startswith("error: ")]

    return refused


def test_the_shipped_options_are_too_much_for_this_cluster_and_each_is_named(
    shell: Cluster, refused: Refused
) -> None:
    lines = refused("cluster.account=nobody", "cluster.qos=fast")
    for name in ("gpus=1", "cpus=8", "memory_gb=32", "minutes=240", "account=nobody", "qos=fast"):
        assert sum(f"cluster.{name}:" in line for line in lines) == 1, lines
    assert len(lines) == 6
    assert queued(shell) == 0


@pytest.mark.parametrize(
    ("ledger", "arguments", "words"),
    [
        ("runs", ["cluster.partition=mian"], "'mian' does not exist; did you mean 'main'?"),
        ("runs", ["cluster.partition=far"], "node 'elsewhere' does not see"),
        ("runs", ["+cluster.sbatch.colour=red"], "unrecognized option"),
        ("runs", ["cluster.notice_seconds=600"], "must be below the time limit (10 minutes)"),
        ("50%", [], "SLURM cannot write to a path with a percent sign"),
    ],
)
def test_a_mistake_ends_in_status_2_with_nothing_submitted(
    shell: Cluster, refused: Refused, ledger: str, arguments: list[str], words: str
) -> None:
    (line,) = refused(*SMALL, *arguments, ledger=ledger)
    assert words in line
    assert queued(shell) == 0


def test_a_sweep_from_inside_a_job_is_refused(
    shell: Cluster, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    assert "inside SLURM job 7" in refused(*SMALL)[0]
    assert queued(shell) == 0


def test_a_machine_without_slurm_says_where_to_start(
    refused: Refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/git").symlink_to(shutil.which("git") or "/nothing")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (line,) = refused(*SMALL)
    assert "this machine has no SLURM" in line
    assert "CLUSTER=local" in line


def test_a_full_quota_is_told_and_nothing_is_added(shell: Cluster, refused: Refused) -> None:
    quota = ["sacctmgr", "-i", "modify", "user", getpass.getuser(), "where", "account=lab", "set"]
    shell.command("sbatch", "--hold", "--output=/dev/null", "--array=0-1", "--wrap=true")
    shell.command(*quota, "MaxSubmitJobs=3")
    try:
        (line,) = refused(*SMALL)
    finally:
        shell.command(*quota, "MaxSubmitJobs=-1")
    assert "1 more jobs now (MaxSubmitJobs of this user in account 'lab': 3, 2 in" in line
    assert queued(shell) == 2


def test_a_cluster_without_accounting_is_refused(
    cluster_without_accounting: Cluster, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(cluster_without_accounting, monkeypatch)
    assert "cluster.accounting=false" in refused(*SMALL)[0]
    assert queued(cluster_without_accounting) == 0


@pytest.mark.slow
def test_a_sweep_and_a_ledger_with_spaces_quotes_and_the_like_run(
    shell: Cluster, tmp_path: Path
) -> None:
    copy = tmp_path / "my copy"
    for name in ("conf", "lightning_modules", "datamodules", "sweeps", "reports"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "run.py", copy)
    (copy / f"conf/sweep/{ODD}.yaml").write_text(
        "about: odd\nblocks: [[recipe=smoke, data=synthetic]]\n"
    )
    name = "'" + ODD.replace("'", r"\'") + "'"
    places = (f"sweep={name}", f"ledger={name}", "results=results", "cluster.canary=false")
    subprocess.run(
        [sys.executable, "run.py", *SWEEP, *SMALL, *places],
        cwd=copy,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    shell.wait(lambda: queued(shell) == 0, 180)
    ledger = Ledger(copy / ODD)
    (cell,) = ledger.plan(ODD).cells
    record = ledger.record(cell.key)
    assert record is not None
    assert record["status"] == "done"
    assert (copy / "results" / ODD / "table.md").exists()
