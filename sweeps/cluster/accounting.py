"""What SLURM's accounting says of tasks that are gone; nothing where none is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sweeps.cluster import slurm
from sweeps.errors import UserError

WORDS = {
    "COMPLETED": "ended",
    "CANCELLED": "cancelled",
    "FAILED": "failed",
    "TIMEOUT": "ended by the time limit",
    "DEADLINE": "ended by the time limit",
    "OUT_OF_MEMORY": "out of memory",
    "NODE_FAIL": "lost with their node",
    "BOOT_FAIL": "lost with their node",
    "PREEMPTED": "preempted",
}
"""How the end of a job reads."""
UNKNOWN = "end unknown"


def ends(tasks: Iterable[str]) -> Mapping[str, str]:
    """How each task ended, in words, by its SLURM name; asks once."""
    wanted = list(tasks)
    arrays = sorted({name.partition("_")[0] for name in wanted})
    return read_ends(wanted, _ask(arrays, "JobID,State") if arrays else [])


def read_ends(tasks: Iterable[str], rows: Iterable[str]) -> Mapping[str, str]:
    """The same from sacct's rows; those that never started share one, as in ``50_[1-4,6-9%1]``."""
    states = dict(_pair(row) for row in rows)
    together = {name.partition("_[")[0]: state for name, state in states.items() if "_[" in name}
    found = {}
    for task in tasks:
        state = states.get(task) or together.get(task.partition("_")[0], "")
        waited = task not in states and state == "PENDING"  # one of them, cancelled by itself
        found[task] = WORDS.get("CANCELLED" if waited else state, UNKNOWN)
    return found


def _ask(jobs: Iterable[str], columns: str) -> list[str]:
    command = ("sacct", "--noheader", "--parsable2", "--allocations")
    try:
        chosen = ("--jobs", ",".join(jobs), f"--format={columns}")
        return slurm.run(*command, *chosen, patience=0.0).splitlines()
    except UserError:
        return []


def _pair(row: str) -> tuple[str, str]:
    first, _, second = row.partition("|")
    return first, second.partition(" ")[0]
