"""What a sweep on a cluster does when nothing goes wrong, and when its own code does."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.slurm.cluster import Cluster
from tests.slurm.login import log_in
from tests.slurm.sweeping import Sweep, copy_project, ends

BROKEN = """
from torch import Tensor, nn

__all__ = ["Broken"]


class Broken(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        raise RuntimeError(f"this gate is broken at {x.shape[1]} channels")
"""
HEADER = (
    '"""A gate that does not work (nobody, 2026).\n\nDiffers from the authors\' code: none.\n"""\n'
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of the test's own, which it may change."""
    return copy_project(tmp_path / "project")


@pytest.fixture
def make(cluster: Cluster, project: Path, shared_folder: Path) -> Callable[..., Sweep]:
    return lambda name, *more: Sweep(cluster, project, shared_folder, name, more)


def states(sweep: Sweep) -> dict[str, int]:
    counts: dict[str, int] = json.loads(sweep.run("do=status", "format=json").stdout)["counts"]
    return counts


def test_a_sweep_leaves_tables_and_a_word_behind(
    make: Callable[..., Sweep], tmp_path: Path
) -> None:
    word, script = tmp_path / "word", tmp_path / "notify"
    script.write_text(f'#!/bin/sh\necho "$1" > {word}\n')
    script.chmod(0o755)
    sweep = make("tiny", "attention=none,se", "cluster.canary=true", f"cluster.notify={script}")
    said = sweep.start()
    assert "2 cells submitted as 2 jobs in 1 arrays, 2 canaries first" in said
    assert states(sweep) == {"queued": 2}
    assert "jobs for all open cells" in sweep.start() or "every open cell" in sweep.start()
    sweep.finish()
    assert states(sweep) == {"done": 2}
    assert word.read_text() == "sweep tiny ended: 2 done\n"
    assert (sweep.folder / "results/tiny/index.html").exists()
    assert json.loads((sweep.plans()[0].parent / "canaries.json").read_text())["cells"]
    assert list(sweep.ledger.glob("rehearsals/*.json"))


def test_queued_jobs_run_the_code_as_it_was_when_they_were_submitted(
    make: Callable[..., Sweep], project: Path
) -> None:
    sweep = make("tiny")
    sweep.start()
    (project / "sweeps/execute.py").write_text("this is no Python")
    (project / "conf/recipe/smoke.yaml").write_text("epochs: [not, a, number]")
    sweep.finish()
    (record,) = sweep.ledger.glob("*/record.json")
    assert json.loads(record.read_text())["status"] == "done"


def test_canaries_that_fail_alike_keep_the_rest_from_starting(
    make: Callable[..., Sweep], project: Path
) -> None:
    (project / "lightning_modules/attention/broken.py").write_text(HEADER + BROKEN)
    sweep = make("tiny", "attention=broken", "seed=range(0,4)", "cluster.canary=true")
    sweep.start()
    sweep.finish()
    assert not list(sweep.ledger.glob("*/record.json"))
    said = sweep.run("do=status").stdout
    assert said.count("Traceback") == 1, said
    assert "RuntimeError: this gate is broken" in said
    assert "4 cells have no job any more" in said


def test_a_failed_parent_blocks_its_children_and_nothing_else(
    make: Callable[..., Sweep], project: Path
) -> None:
    (project / "lightning_modules/attention/broken.py").write_text(HEADER + BROKEN)
    sweep = make("tiny", "attention=none,broken", "pruning=l1", "pruning.macs=0.7")
    sweep.start()
    sweep.finish()
    assert states(sweep) == {"done": 2, "failed": 1, "blocked": 1}
    retried = sweep.run("do=retry")
    assert retried.returncode == 0, retried.stderr
    sweep.finish()
    assert states(sweep) == {"done": 2, "failed": 1, "blocked": 1}


def test_a_cell_of_two_processes_trains_on_two_tasks_and_resumes(
    make: Callable[..., Sweep], cluster: Cluster
) -> None:
    sweep = make("tiny", "recipe.epochs=40", "trainer.devices=2", "trainer.accelerator=cpu",
                 "cluster.cpus=2", "cluster.setup=['export MASTER_ADDR=127.0.0.1']")  # fmt: skip
    sweep.start()
    log = sweep.until_log(" epoch 5")
    cluster.command("scontrol", "requeue", sweep.running())
    sweep.finish()
    assert states(sweep) == {"done": 1}
    (folder,) = (path.parent for path in sweep.ledger.glob("*/record.json"))
    assert ends(folder) == ["requeue", "done"], log


def test_more_cells_than_an_array_takes_are_several_arrays(make: Callable[..., Sweep]) -> None:
    sweep = make("tiny", "seed=range(0,1100)")
    assert "1100 cells submitted as 1100 jobs" in sweep.start()
    lengths = [len(array["tasks"]) for array in json.loads(sweep.plans()[0].read_text())["arrays"]]
    assert sum(lengths) == 1100
    assert max(lengths) < 1001
    assert sum(states(sweep).values()) == 1100
    assert sweep.run("do=cancel").returncode == 0
    sweep.finish()


def test_a_quota_makes_bigger_packs(make: Callable[..., Sweep], cluster: Cluster) -> None:
    cluster.own  # noqa: B018 - the accounts of a cluster that is not ours stay as they are
    user = cluster.command("id", "-un")
    limit = ("sacctmgr", "-i", "modify", "user", user, "set")
    cluster.command(*limit, "MaxSubmitJobs=6")
    try:
        sweep = make("tiny", "attention=none,se,eca,cbam,sge,dia")
        said = sweep.start()
        assert len(sweep.jobs()) <= 6, said
        sweep.finish()
        assert states(sweep) == {"done": 6}
    finally:
        cluster.command(*limit, "MaxSubmitJobs=-1")


def test_no_more_jobs_run_at_the_same_time_than_asked(make: Callable[..., Sweep]) -> None:
    more = ("attention=none,se,eca", "seed=0,1", "cluster.max_running=2", "cluster.pack_minutes=0")
    sweep = make("tiny", *more)
    sweep.start()
    most = 0

    def over() -> bool:
        nonlocal most
        jobs = sweep.jobs()
        most = max(most, sum(state == "RUNNING" for _, state, _, _ in jobs))
        return not jobs

    sweep.until(over, 240)
    assert most == 2
    assert states(sweep) == {"done": 6}


def test_what_slurm_took_of_a_refused_submission_is_listed_and_can_be_cancelled(
    make: Callable[..., Sweep], cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sweeps.cluster.send import Sender
    from sweeps.cluster.submission import Submission
    from sweeps.errors import UserError

    sweep = make("tiny", "attention=none,se")
    sweep.start()
    assert sweep.run("do=cancel").returncode == 0
    sweep.finish()
    (first,) = sweep.plans()
    whole = Submission.read(first.parent)
    (array,) = whole.arrays
    wrong = replace(array, resources=replace(array.resources, partition="nowhere"))
    half = replace(whole, folder=first.parents[1] / "half", arrays=(array, wrong))
    half.write()
    log_in(cluster, monkeypatch)
    with pytest.raises(UserError, match=r"a part of the sweep only: .*nowhere|invalid partition"):
        Sender(half).send()
    assert list(half.jobs) == ["0"]
    assert {name.partition("_")[0] for name, _, _, _ in sweep.jobs()} == set(half.jobs.values())
    assert sweep.run("do=cancel").returncode == 0
    sweep.finish()
