"""What is known to be wrong before anything is sent: the parts that need no SLURM."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from sweeps.cluster.checks import check
from sweeps.cluster.disk import LOCAL, filesystem
from sweeps.cluster.refusals import flags, script
from sweeps.cluster.resources import NAMES, Resources
from sweeps.errors import UserError
from sweeps.overrides import CONF, read_yaml

OPTIONS = read_yaml(CONF / "cluster/slurm.yaml")
PLAIN = Resources(
    **dict.fromkeys(NAMES), nodes=1, gpus=0, cpus=2, memory_gb=4, minutes=10, devices=1
)
MOUNTS = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /home rw shared:2 - nfs4 server:/home rw
31 30 0:41 / /home/me/my\040disk rw - xfs /dev/sdb rw
32 22 0:42 / /scratch rw - autofs systemd-1 rw
33 22 0:43 / /scratch rw master:3 propagate_from:2 - lustre mds:/x rw
34 22 0:44 / /home2 rw - tmpfs tmpfs rw
""".strip()


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/data/runs", "ext4"),
        ("/home", "nfs4"),
        ("/home/me/runs", "nfs4"),
        ("/home/me/my disk/runs", "xfs"),
        ("/home/me/my disks", "nfs4"),
        ("/home2/runs", "tmpfs"),
        ("/scratch/me", "lustre"),
    ],
)
def test_the_longest_and_latest_mount_point_decides_the_file_system(folder: str, kind: str) -> None:
    assert filesystem(Path(folder), MOUNTS) == kind


def test_a_link_is_followed_to_the_file_system_behind_it(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/home/me")
    assert filesystem(tmp_path / "link/runs", MOUNTS) == "nfs4"


def test_this_machine_says_the_file_system_of_proc_and_an_unknown_one_is_not_local() -> None:
    assert filesystem(Path("/proc/self")) == "proc"
    assert filesystem(Path("/x"), "") == ""
    shared = ("nfs", "nfs4", "lustre", "gpfs", "beegfs", "ceph", "cifs", "fuse.sshfs", "9p", "")
    assert not set(shared) & set(LOCAL)
    assert {"tmpfs", "ext4", "xfs", "btrfs", "overlay", "zfs", "f2fs"} <= set(LOCAL)


def test_the_script_that_is_tried_has_the_flags_of_a_job() -> None:
    own = replace(PLAIN, partition="a,b", gpus=4, devices=4, cpus=10, nodes=2)
    text = script(flags(own, {**OPTIONS, "sbatch": {"exclude": "n 1", "exclusive": True}}))
    lines = [shlex.split(line)[1:] for line in text.splitlines()[1:]]
    assert lines == [
        ["--partition=a,b"], ["--time=10"], ["--nodes=2"], ["--ntasks-per-node=4"],
        ["--cpus-per-task=2"], ["--gpus-per-node=4"], ["--mem=4GB"], ["--signal=USR2@120"],
        ["--exclude=n 1"], ["--exclusive"],
    ]  # fmt: skip


def test_a_machine_without_slurm_is_told_with_all_else_that_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sbatch").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("SBATCH_PARTITION", "x")
    monkeypatch.setenv("SBATCH_TIMELIMIT", "5")
    classes = {PLAIN, replace(PLAIN, partition="y")}
    with pytest.raises(UserError) as refused:
        check(classes, OPTIONS, tmp_path / "50%" / "a\\b", "a\nb")
    lines = str(refused.value).splitlines()
    assert "a percent sign and a backslash" in lines[0]
    assert "no line break" in lines[1]
    assert "inside SLURM job 7" in lines[2]
    assert "SBATCH_PARTITION=x in this shell would win over cluster.partition" in lines[3]
    assert "SBATCH_TIMELIMIT=5 in this shell would win over cluster.minutes" in lines[4]
    assert "(srun, squeue, scontrol, scancel not found)" in lines[5]
    assert "CLUSTER=local" in lines[5]


def test_what_the_shell_sets_alike_or_where_nothing_is_asked_is_no_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("SBATCH_ACCOUNT", "lab")
    monkeypatch.setenv("SBATCH_QOS", "wide")
    monkeypatch.setenv("SBATCH_EXPORT", "NONE")
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    with pytest.raises(UserError) as refused:
        check({PLAIN, replace(PLAIN, account="lab")}, OPTIONS, tmp_path, "odd ünï % \\ 'name'")
    assert len(str(refused.value).splitlines()) == 1
