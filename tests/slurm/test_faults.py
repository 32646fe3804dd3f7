"""Whatever a cluster does to a sweep: no cell is lost, none is trained twice, and the records are
those of a sweep that nothing happened to."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.slurm.cluster import Cluster
from tests.slurm.sweeping import (
    SWEEPS,
    Sweep,
    copy_project,
    ends,
    has_trained,
    outcomes,
    processes_of,
    trained_twice,
)

Make = Callable[..., Sweep]
Faults = dict[str, int]


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project(tmp_path_factory.mktemp("project"))


@pytest.fixture
def make(cluster: Cluster, project: Path, shared_folder: Path) -> Iterator[Make]:
    made: list[Sweep] = []

    def sweep(
        name: str = "family", *more: str, folder: Path | None = None, epoch_s: float = 0.3
    ) -> Sweep:
        made.append(Sweep(cluster, project, folder or shared_folder, name, more, epoch_s))
        return made[-1]

    yield sweep
    for one in made:
        one.run("do=cancel")


@pytest.fixture(scope="session")
def expected(
    cluster: Cluster, project: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], dict[str, Any]]:
    """The outcomes of a sweep that ran in one process without any fault."""
    found: dict[str, dict[str, Any]] = {}

    def of(name: str) -> dict[str, Any]:
        if name not in found:
            folder = tmp_path_factory.mktemp(f"whole-{name}")
            whole = Sweep(cluster, project, folder, name, ("cluster=here",))
            command = [word for word in whole.command("do=sweep") if "cluster." not in word]
            command = [word for word in command if word != "cluster=slurm"]
            subprocess.run(
                command, env=whole.environment, check=True, capture_output=True, timeout=600
            )
            found[name] = outcomes(whole.ledger)
        return found[name]

    return of


@pytest.fixture
def check(expected: Callable[[str], dict[str, Any]], tally: Faults) -> Callable[..., None]:
    """That nothing was lost, repeated or changed."""

    def whole(sweep: Sweep, fault: str, times: int = 1) -> None:
        wanted, found = expected(sweep.name), outcomes(sweep.ledger)
        assert sorted(found) == sorted(wanted), sweep.story()
        assert found == wanted
        assert trained_twice(sweep.ledger) == []
        tally[fault] = tally.get(fault, 0) + times
        tally["cells"] = tally.get("cells", 0) + len(found)

    return whole


def test_a_task_killed_at_three_random_moments(make: Make, check: Callable[..., None]) -> None:
    sweep = make("long")
    sweep.start()
    draw = random.Random(time.time_ns())
    for _ in range(3):
        job = sweep.running()
        sweep.until(lambda job=job: processes_of(job))
        time.sleep(draw.uniform(1.0, 7.0))
        killed = processes_of(job)
        assert killed
        for process in killed:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        sweep.until(lambda job=job: not processes_of(job))
    sweep.finish()
    check(sweep, "SIGKILL of a task", 3)


def test_a_requeued_job_goes_on_from_its_checkpoint(
    make: Make, check: Callable[..., None], cluster: Cluster
) -> None:
    sweep = make()
    sweep.start()
    sweep.until(has_trained(sweep, 2))
    cluster.command("scontrol", "requeue", sweep.running())
    sweep.finish()
    check(sweep, "scontrol requeue")
    assert "requeue" in ends(sweep.folder_of("none"))


def test_a_time_limit_reached_twice(make: Make, check: Callable[..., None]) -> None:
    sweep = make("long", "cluster.minutes=1", "cluster.notice_seconds=20", epoch_s=0.9)
    sweep.start()  # 90 s of training, of which an attempt has 40 at the most
    sweep.finish(600)
    check(sweep, "time limit", ends(sweep.folder_of("none")).count("time limit"))
    assert ends(sweep.folder_of("none")).count("time limit") >= 2
    record = outcomes(sweep.ledger)
    assert len(record) == 1


def test_a_preempted_job_makes_room_and_comes_back(
    make: Make, check: Callable[..., None], cluster: Cluster
) -> None:
    sweep = make("family", "cluster.partition=low")
    cluster.own  # noqa: B018 - skips where the partitions are not ours
    sweep.start()
    sweep.until(has_trained(sweep, 2))
    other = cluster.submit("sleep 8", "--partition=high", "--nodes=3", "--exclusive")
    cluster.wait(lambda: cluster.state(other) in ("RUNNING", "COMPLETED"), 60)
    sweep.finish()
    check(sweep, "preemption")
    assert "preemption" in ends(sweep.folder_of("none"))


def test_a_node_that_dies_hands_its_job_to_another(
    make: Make, check: Callable[..., None], cluster: Cluster
) -> None:
    sweep = make()
    cluster.own  # noqa: B018
    sweep.start()
    sweep.until(has_trained(sweep, 2))
    job = sweep.running()
    node = cluster.command("squeue", "-h", "-j", job, "-o", "%N")
    cluster.kill_node(node)
    sweep.until(lambda: sweep.running() == job and node not in cluster.command(
        "squeue", "-h", "-j", job, "-o", "%N"), 120)  # fmt: skip
    cluster.start_node(node)
    sweep.finish()
    check(sweep, "node failure")
    assert "node failure" in ends(sweep.folder_of("none"))


def test_the_controller_restarts_while_jobs_run(
    make: Make, check: Callable[..., None], cluster: Cluster
) -> None:
    sweep = make()
    sweep.start()
    sweep.until(has_trained(sweep, 2))
    cluster.restart_controller()
    sweep.finish()
    check(sweep, "slurmctld restart")
    assert ends(sweep.folder_of("none")) == ["done"]


def test_a_cancelled_sweep_is_gone_on_with_by_the_same_command(
    make: Make, check: Callable[..., None]
) -> None:
    sweep = make()
    sweep.start()
    sweep.until(has_trained(sweep, 2))
    cancelled = sweep.run("do=cancel")
    assert cancelled.returncode == 0, cancelled.stderr
    sweep.finish()
    sweep.start()
    sweep.finish()
    check(sweep, "cancelled array")


def test_the_disk_is_full_for_a_while(
    make: Make, check: Callable[..., None], cluster: Cluster, tmp_path: Path
) -> None:
    cluster.own  # noqa: B018
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=60m", "tmpfs", disk], check=True)
    try:
        sweep = make(folder=disk)
        sweep.start()
        sweep.until(has_trained(sweep, 2))
        filler = disk / "filler"
        with filler.open("wb") as file:
            while True:
                try:
                    file.write(bytes(1 << 16))
                    file.flush()
                except OSError:
                    break
        time.sleep(8)
        filler.unlink(missing_ok=True)
        sweep.finish()
        check(sweep, "full disk")
        shutil.copytree(sweep.ledger, tmp_path / "kept")
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_torn_checkpoint_gives_way_to_the_one_before(
    make: Make, check: Callable[..., None]
) -> None:
    sweep = make()
    sweep.start()
    sweep.until(has_trained(sweep, 3))
    sweep.run("do=cancel")
    sweep.finish()
    checkpoint = sweep.folder_of("none") / "fit.ckpt"
    os.truncate(checkpoint, checkpoint.stat().st_size // 2)
    shutil.rmtree(sweep.folder_of("none") / "log.txt", ignore_errors=True)
    (sweep.folder_of("none") / "log.txt").unlink()
    sweep.start()
    sweep.finish()
    check(sweep, "torn checkpoint")
    assert "set aside" in (sweep.folder_of("none") / "log.txt").read_text()


def test_a_torn_record_is_measured_anew_and_nothing_is_trained(
    make: Make, check: Callable[..., None]
) -> None:
    sweep = make()
    sweep.start()
    sweep.finish()
    record = sweep.folder_of("l1") / "record.json"
    os.truncate(record, record.stat().st_size // 2)
    (sweep.folder_of("l1") / "log.txt").unlink()
    sweep.start()
    sweep.finish()
    assert " epoch " not in (sweep.folder_of("l1") / "log.txt").read_text()
    (sweep.folder_of("l1") / "attempts.jsonl").unlink()
    check(sweep, "torn record")


def test_two_sweeps_that_share_cells_are_submitted_at_the_same_time(
    make: Make, check: Callable[..., None]
) -> None:
    one, other = make(), make("relatives")
    both = [
        subprocess.Popen(
            sweep.command("do=sweep"),
            env=sweep.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for sweep in (one, other)
    ]
    for process in both:
        _, errors = process.communicate(timeout=200)
        assert process.returncode == 0, errors
    one.finish()
    other.finish()
    check(other, "two sweeps at once")


def test_the_driver_is_killed_while_it_submits(make: Make, check: Callable[..., None]) -> None:
    sweep = make()
    process = subprocess.Popen(
        sweep.command("do=sweep"),
        env=sweep.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    end = time.monotonic() + 120
    while not list(sweep.ledger.glob("submissions/*/jobs/*.sh")) and process.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    sweep.start()
    sweep.finish()
    check(sweep, "driver killed")


def test_the_sweeps_of_this_file_are_planned() -> None:
    assert {"family", "relatives", "long"} <= set(SWEEPS)
