"""The cluster of these tests is a real one: jobs, accounts, requeues, crashes, and no traces."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.slurm.cluster import ROOT, Cluster

COUNT = "echo $SLURM_RESTART_COUNT >> {}; sleep {}"


def accounts(cluster: Cluster, job: str) -> str:
    """What accounting has of a job: a line for each run."""
    columns = "--format=State,ExitCode,Account"
    options = ("--noheader", "--parsable2", "--allocations", "--duplicates", columns)
    return cluster.command("sacct", *options, f"--jobs={job}")


def users(text: str) -> list[int]:
    """The processes whose environment contains a text."""
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            if text.encode() in environ.read_bytes():
                found.append(int(environ.parent.name))
        except OSError:
            continue
    return found


def test_three_nodes_answer(cluster: Cluster) -> None:
    assert cluster.own.is_dir()
    nodes = cluster.command("srun", "--nodes=3", "sh", "-c", "echo $SLURMD_NODENAME")
    assert sorted(nodes.split()) == ["n1", "n2", "n3"]


def test_accounting_knows_a_finished_job(cluster: Cluster) -> None:
    job = cluster.submit("exit 3")
    cluster.wait(lambda: accounts(cluster, job).startswith("FAILED|3:0|"))
    assert cluster.folder is None or accounts(cluster, job) == "FAILED|3:0|lab"


def test_a_requeued_job_runs_again(cluster: Cluster, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    job = cluster.submit(COUNT.format(runs, 5), "--requeue")
    cluster.wait(runs.exists)
    cluster.command("scontrol", "requeue", job)
    cluster.release(job)
    cluster.wait(lambda: cluster.state(job) == "COMPLETED")
    assert runs.read_text().split("\n") == ["", "1", ""]


def test_a_job_goes_on_while_the_controller_restarts(cluster: Cluster) -> None:
    job = cluster.submit("sleep 8")
    cluster.wait(lambda: cluster.state(job) == "RUNNING")
    cluster.restart_controller()
    assert cluster.state(job) == "RUNNING"
    cluster.wait(lambda: cluster.state(job) == "COMPLETED")
    cluster.wait(lambda: accounts(cluster, job).startswith("COMPLETED|0:0|"))


@pytest.mark.slow
def test_a_killed_node_goes_down_and_comes_back(cluster: Cluster, tmp_path: Path) -> None:
    mark = f"MARK={tmp_path}"
    job = cluster.submit(f"env {mark} setsid sleep 99 & env {mark} sleep 99", "--nodelist=n2")
    cluster.wait(lambda: len(users(mark)) == 2)
    cluster.kill_node("n2")
    assert users(mark) == []
    cluster.wait(lambda: cluster.node("n2") == "down*", 60)
    cluster.wait(lambda: cluster.state(job) == "PENDING")
    cluster.wait(lambda: accounts(cluster, job).startswith("NODE_FAIL|"))
    cluster.start_node("n2")
    cluster.wait(lambda: cluster.node("n2") == "idle")
    cluster.release(job)
    cluster.wait(lambda: cluster.state(job) == "RUNNING")
    cluster.command("scancel", job)


def test_a_cluster_without_accounting_runs_jobs_and_says_that_it_keeps_none(
    cluster_without_accounting: Cluster,
) -> None:
    job = cluster_without_accounting.submit("true")
    cluster_without_accounting.wait(lambda: cluster_without_accounting.state(job) == "COMPLETED")
    with pytest.raises(RuntimeError, match="accounting storage is disabled"):
        cluster_without_accounting.command("sacct")


def test_a_cluster_ends_with_its_jobs_when_the_process_that_started_it_is_killed(
    cluster: Cluster,
) -> None:
    assert cluster.own.is_dir()
    code = """
        from tests.slurm.cluster import start
        cluster = start(("n1",), accounting=False)
        job = cluster.submit("setsid sleep 99 & sleep 99")
        cluster.wait(lambda: cluster.state(job) == "RUNNING")
        print(cluster.folder, flush=True)
        input()
    """
    command = [sys.executable, "-c", "if True:" + code]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        assert len(users(f"{folder}/slurm.conf")) > 6
        process.send_signal(signal.SIGKILL)
    cluster.wait(lambda: users(f"{folder}/slurm.conf") == [])
    cluster.wait(lambda: not list(folder.parent.glob(f"{folder.name}*")))
