"""Which task of a SLURM job this process is, from srun's variables (standard library only)."""

from __future__ import annotations

import os

__all__ = ["rank", "world"]


def world() -> int:
    """Processes that were started together; 1 outside SLURM."""
    return int(os.environ.get("SLURM_NTASKS", 1)) if "SLURM_JOB_ID" in os.environ else 1


def rank() -> int:
    """The number of this process among them, from 0: the leader."""
    return int(os.environ.get("SLURM_PROCID", 0)) if world() > 1 else 0
