"""Every mistake that can be seen beforehand is said on a real cluster, and all of them at once."""

from __future__ import annotations

import getpass
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sweeps.cluster.checks import Limits, check
from sweeps.cluster.resources import NAMES, Resources
from sweeps.errors import UserError
from sweeps.overrides import CONF, read_yaml
from tests.slurm.cluster import Cluster
from tests.slurm.login import clear, log_in

OPTIONS = read_yaml(CONF / "cluster/slurm.yaml")
PLAIN = Resources(
    **dict.fromkeys(NAMES), nodes=1, gpus=0, cpus=1, memory_gb=1, minutes=5, devices=1
)
SWEEP = ("do=sweep", "sweep=smoke", "cluster=slurm", "data=synthetic", "backbone=resnet8",
         "attention=none", "pruning=none", "cluster.gpus=0", "cluster.cpus=1",
         "cluster.memory_gb=1", "cluster.minutes=5", "cluster.canary=false")  # fmt: skip
Look = Callable[..., Limits]


@pytest.fixture
def shell(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """The cluster, with this process as a shell on its login node; the queue is empty after."""
    assert cluster.own.is_dir()
    log_in(cluster, monkeypatch)
    yield cluster
    clear(cluster)


@pytest.fixture
def look(tmp_path: Path) -> Look:
    """``check`` for one class, a plain one but for what is given by name."""

    def look(options: dict[str, Any] | None = None, ledger: str = "runs", **asked: Any) -> Limits:
        own = replace(PLAIN, **asked)
        return check([own], {**OPTIONS, **(options or {})}, tmp_path / ledger, "odd 'name' ü")

    return look


def problems(look: Look, *arguments: Any, **asked: Any) -> list[str]:
    with pytest.raises(UserError) as refused:
        look(*arguments, **asked)
    return str(refused.value).splitlines()


@pytest.fixture
def grant(shell: Cluster) -> Iterator[Callable[[str], str]]:
    """Change what the accounting grants; the lines given at the end undo it."""
    undo: list[str] = []

    def change(words: str, *, back: str = "") -> str:
        undo.append(back)
        return shell.command("sacctmgr", "-i", *words.split())

    yield change
    for words in reversed([words for words in undo if words]):
        shell.command("sacctmgr", "-i", *words.split())


def test_a_sound_request_passes_and_says_the_limits(shell: Cluster, look: Look) -> None:
    found = look()
    assert found.longest == 1001
    assert 9000 < found.most <= 10000
    shell.command("sbatch", "--hold", "--array=0-9", "--output=/dev/null", "--wrap=true")
    assert look().most <= found.most - 10


def test_the_longest_array_is_the_one_that_slurm_takes(shell: Cluster, look: Look) -> None:
    longest = look().longest
    test = ("sbatch", "--test-only", "--wrap=true")
    shell.command(*test, f"--array=0-{longest - 1}")
    with pytest.raises(RuntimeError, match="Invalid job array"):
        shell.command(*test, f"--array=0-{longest}")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"partition": "mian"}, ["'mian' does not exist; did you mean 'main'?", "short"]),
        ({"partition": "short", "minutes": 6}, ["cluster.minutes=6", "'short' allows 5"]),
        ({"gpus": 1}, ["cluster.gpus=1: partition 'main' has no GPUs", "cluster.gpus=0"]),
        ({"memory_gb": 6}, ["cluster.memory_gb=6: the largest node of partition 'main' has 5 GB"]),
        ({"cpus": 3}, ["cluster.cpus=3: the largest node of partition 'main' has 2 cores"]),
        ({"nodes": 4}, ["cluster.nodes=4: partition 'main' allows 3"]),
        ({"minutes": 2}, ["cluster.notice_seconds=120: must be below the time limit (2 minutes)"]),
        ({"account": "lba"}, ["cluster.account=lba", "Invalid account", "available: lab"]),
        ({"qos": "fast"}, ["cluster.qos=fast", "Invalid qos", "available: normal"]),
        ({"constraint": "a100"}, ["cluster.constraint=a100", "Invalid feature"]),
        (
            {"options": {"sbatch": {"reservation": "x y"}}},
            ["sbatch.reservation=x y", "reservation"],
        ),
        ({"options": {"sbatch": {"colour": "red"}}}, ["sbatch.colour=red", "unrecognized option"]),
        ({"ledger": "50%"}, ["cannot write to a path with a percent sign", "ledger=..."]),
    ],
)
@pytest.mark.usefixtures("shell")
def test_a_mistake_is_named_with_its_option(
    look: Look, asked: dict[str, Any], words: list[str]
) -> None:
    (line,) = problems(look, **asked)
    assert all(word in line for word in words), line


@pytest.mark.usefixtures("shell")
def test_all_mistakes_are_said_at_once(tmp_path: Path) -> None:
    classes = [
        replace(PLAIN, account="a", qos="b", constraint="c", gpus=1, minutes=99),
        replace(PLAIN, partition="d", account="a", memory_gb=64),
        replace(PLAIN, partition="far"),
    ]
    with pytest.raises(UserError) as refused:
        check(classes, OPTIONS, tmp_path / "a\\b", "x")
    lines = str(refused.value).splitlines()
    starts = ("account=a", "qos=b", "constraint=c", "gpus=1", "minutes=99", "partition 'd'")
    assert all(sum(f"cluster.{start}" in line for line in lines) == 1 for start in starts), lines
    assert len(lines) == 8


@pytest.mark.usefixtures("shell")
def test_a_sweep_started_inside_a_job_is_refused(
    look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    (line,) = problems(look)
    assert "inside SLURM job 7" in line
    assert "login node" in line
    command = line.rpartition(": ")[2] + '; echo "$SLURM_JOB_ID-$SLURM_CONF"'
    said = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == f"-{os.environ['SLURM_CONF']}"


def test_a_variable_that_wins_over_an_option_is_refused(
    shell: Cluster, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SBATCH_PARTITION", "far")
    assert "SBATCH_PARTITION=far" in problems(look, partition="main")[0]
    assert "'elsewhere' does not see" in problems(look)[0]


def test_a_ledger_that_the_nodes_do_not_see_is_refused_unless_it_is_said_to_be_shared(
    shell: Cluster, look: Look
) -> None:
    (line,) = problems(look, partition="far", ledger="here")
    assert "/here is on a disk of this machine (" in line
    assert "node 'elsewhere' does not see" in line
    assert "ledger=..." in line
    assert "cluster.shared=true" in line
    assert look({"shared": True}, partition="far").longest == 1001


def test_nodes_that_are_down_for_now_are_no_mistake(shell: Cluster, look: Look) -> None:
    nodes = "NodeName=n1,n2,n3"
    shell.command("scontrol", "update", nodes, "State=DRAIN", "Reason=test")
    try:
        assert look().longest == 1001
        assert len(problems(look, account="nobody", cpus=9)) == 2
    finally:
        shell.command("scontrol", "update", nodes, "State=RESUME")
        shell.wait(lambda: all(shell.node(n) == "idle" for n in ("n1", "n2", "n3")))


@pytest.mark.slow
def test_a_controller_that_does_not_answer_is_told(
    shell: Cluster, look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shell.folder is not None
    lines = (shell.folder / "slurm.conf").read_text().splitlines()
    dead = ["SlurmctldPort=1" if line.startswith("SlurmctldPort") else line for line in lines]
    (tmp_path / "slurm.conf").write_text("\n".join(dead))
    monkeypatch.setenv("SLURM_CONF", str(tmp_path / "slurm.conf"))
    first, second = problems(look, ledger="50%")
    assert "percent sign" in first
    assert "Unable to contact slurm controller" in second


def test_a_cluster_without_accounting_is_refused_until_that_is_accepted(
    cluster_without_accounting: Cluster, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(cluster_without_accounting, monkeypatch)
    (line,) = problems(look)
    assert "AccountingStorageType=" in line
    assert "cluster.accounting=false" in line
    assert look({"accounting": False}).most == 10000


def test_a_quota_on_jobs_bounds_a_sweep_and_one_too_small_refuses_it(
    shell: Cluster, look: Look, grant: Callable[..., str]
) -> None:
    mine = f"modify user {getpass.getuser()} where account=lab set MaxSubmitJobs="
    grant(mine + "5", back=mine + "-1")
    shell.wait(lambda: look().most == 5)
    shell.command("sbatch", "--hold", "--array=0-1", "--output=/dev/null", "--wrap=true")
    assert look().most == 3
    shell.command("sbatch", "--hold", "--output=/dev/null", "--wrap=true")
    (line,) = problems(look)
    assert "2 more jobs now (MaxSubmitJobs of this user in account 'lab': 5, 3 in" in line
    assert "needs 3 at least" in line
    assert look({"canary": False}).most == 2
    shell.command("sbatch", "--hold", "--array=0-1", "--output=/dev/null", "--wrap=true")
    assert len(problems(look)) == 1


def test_the_quotas_of_the_account_and_of_a_qos_bound_a_sweep(
    shell: Cluster, look: Look, grant: Callable[..., str]
) -> None:
    lab = "modify account lab set GrpSubmitJobs="
    grant(lab + "4", back=lab + "-1")
    shell.wait(lambda: look().most == 4)
    user = f"modify user {getpass.getuser()} where account=lab set QOS"
    grant("add qos tiny MaxSubmitJobsPerUser=6 GrpSubmitJobs=9 MaxWall=6", back="delete qos tiny")
    grant(f"{user}+=tiny", back=f"{user}=normal")
    shell.wait(lambda: "tiny" in shell.command("scontrol", "show", "assoc_mgr", "flags=qos"))
    shell.wait(lambda: look(qos="tiny").most == 6)
    shell.command("sbatch", "--qos=tiny", "--hold", "--time=1", "--array=0-5", "--wrap=true")
    assert "(MaxSubmitJobsPU of QOS 'tiny': 6, 6 in the queue)" in problems(look, qos="tiny")[0]
    assert "QOS 'tiny' allows 6" in " ".join(problems(look, qos="tiny", minutes=7))


def test_a_partition_that_shuts_the_account_out_is_told(shell: Cluster, look: Look) -> None:
    shell.command("scontrol", "update", "PartitionName=short", "AllowAccounts=others")
    try:
        (line,) = problems(look, partition="short")
    finally:
        shell.command("scontrol", "update", "PartitionName=short", "AllowAccounts=ALL")
    assert "cluster.account=lab: partition 'short' would never start it" in line
