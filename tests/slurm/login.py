"""This process as a shell on a cluster's login node."""

from __future__ import annotations

import os

import pytest

from tests.slurm.cluster import Cluster


def log_in(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this process and those it starts find the cluster, from outside of any job."""
    for name in [name for name in os.environ if name.startswith(("SLURM_", "SBATCH_"))]:
        monkeypatch.delenv(name)
    for name in ("SLURM_CONF", "PATH"):
        monkeypatch.setenv(name, cluster.env[name])


def queued(cluster: Cluster) -> int:
    """How many jobs, and tasks of arrays, have not ended."""
    return len(cluster.command("squeue", "--noheader", "--array").splitlines())


def clear(cluster: Cluster) -> None:
    """Cancel all jobs; returns when the queue is empty."""
    cluster.command("scancel", "--me")
    cluster.wait(lambda: queued(cluster) == 0)
