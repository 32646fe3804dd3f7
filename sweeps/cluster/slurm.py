"""SLURM's own commands, read into plain values. Standard library only; submits nothing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sweeps.errors import UserError

COMMANDS = ("sbatch", "srun", "squeue", "scontrol", "scancel")
"""What a machine must have to submit."""

PASSING = (
    "Unable to contact slurm controller",
    "Socket timed out",
    "Connection refused",
    "slurmdb",
)
"""What a command says while a daemon restarts: asked again until ``patience`` is over."""

LOSSES = {
    "NODE_FAIL": "node failure",
    "BOOT_FAIL": "node failure",
    "PREEMPTED": "preemption",
    "REQUEUED": "requeue",
    "TIMEOUT": "time limit",
    "DEADLINE": "time limit",
    "CANCELLED": "cancellation",
    "OUT_OF_MEMORY": "out of memory",
}
"""How SLURM's end states read in a record."""


@dataclass(frozen=True)
class Job:
    """A job, or a task of an array, in the queue.

    Args:
        name: ``<array>_<index>``, or the id of a job that is no array.
        id: the id that SLURM knows it by inside.
        state: PENDING, RUNNING, COMPLETING, ...
        reason: why it pends.
        comment: who submitted it (see ``sweeps.cluster.submit``).
    """

    name: str
    id: str
    state: str
    reason: str
    comment: str

    @property
    def number(self) -> str:
        """Of the whole array, or of a job that is none."""
        return self.name.partition("_")[0]


def exists() -> bool:
    """Whether this machine has SLURM's commands."""
    return not missing()


def missing() -> list[str]:
    """The commands of SLURM that this machine lacks."""
    return [name for name in COMMANDS if not shutil.which(name)]


def run(*command: str, patience: float = 10.0, seconds: float = 60.0) -> str:
    """The output of a SLURM command.

    Args:
        patience: seconds to go on asking while a daemon does not answer.

    Raises:
        UserError: it failed; the message is SLURM's.
    """
    done = _done(command, "", patience, seconds)
    if done.returncode:
        raise UserError(f"'{' '.join(command[:3])}' failed: {' '.join(done.stderr.split())}")
    return done.stdout


def refusal(script: str) -> str:
    """What SLURM has against a batch script, in its own words; empty if it would take it.

    Raises:
        UserError: it does not answer.
    """
    done = _done(("sbatch", "--test-only"), script, 10.0, 60.0)
    text = re.sub(r"sbatch: (error: )?|allocation failure: ", "", " ".join(done.stderr.split()))
    if done.returncode and _passes(text):
        raise UserError(f"'sbatch' failed: {text}")
    return text if done.returncode else ""


def _done(
    command: Sequence[str], stdin: str, patience: float, seconds: float
) -> subprocess.CompletedProcess[str]:
    """A command's end, asked again until then while a daemon does not answer."""
    end = time.monotonic() + patience
    while True:
        try:
            done = subprocess.run(command, input=stdin, capture_output=True, encoding="utf-8",
                                  errors="replace", timeout=seconds)  # fmt: skip
        except FileNotFoundError:
            raise UserError(f"'{command[0]}' is not on the PATH of this machine") from None
        except subprocess.TimeoutExpired:
            raise UserError(f"'{' '.join(command)}' gave no answer in {seconds:.0f} s") from None
        if not done.returncode or time.monotonic() > end or not _passes(done.stderr):
            return done
        time.sleep(1)


def _passes(text: str) -> bool:
    return any(sign in text for sign in PASSING)


def queue(users: Iterable[str] = (), *, patience: float = 10.0) -> list[Job]:
    """Every job of these users (of this one if none is given) that has not ended."""
    chosen = ",".join(sorted(set(users)))
    whose = ("--user", chosen) if chosen else ("--me",)
    form = "--format=%F|%K|%A|%T|%r|%k"
    rows = run("squeue", "--noheader", "--array", *whose, form, patience=patience).splitlines()
    return [_job(row) for row in rows if row.count("|") >= 5]


def _job(row: str) -> Job:
    array, index, own, state, reason, comment = row.strip().split("|", 5)
    name = f"{array}_{index}" if index.isdecimal() else array
    return Job(name, own, state, reason, comment)


def state(job: str, *, patience: float = 60.0) -> str:
    """RUNNING, COMPLETING, ... of one job; empty when SLURM has forgotten it."""
    try:
        return run("squeue", "--noheader", "--jobs", job, "--format=%T", patience=patience).strip()
    except UserError:
        return ""


def is_running(job: str) -> bool:
    """Whether SLURM says that the job runs; no when it does not answer."""
    return exists() and state(job, patience=5.0) in ("RUNNING", "COMPLETING", "SUSPENDED")


def requeue(job: str) -> None:
    """Queue a job again from within it, through a restart of the controller.

    Raises:
        UserError: SLURM refused.
    """
    run("scontrol", "requeue", job, patience=300.0)


def cancel(jobs: Iterable[str]) -> None:
    """Cancel jobs, arrays or tasks; one that has ended meanwhile is no error."""
    names = list(jobs)
    for first in range(0, len(names), 500):
        run("scancel", "--quiet", *names[first : first + 500])


def config() -> Mapping[str, str]:
    """``scontrol show config``: MaxArraySize, MaxJobCount, AccountingStorageType, ..."""
    rows = (line.partition("=") for line in run("scontrol", "show", "config").splitlines())
    return {name.strip(): value.strip() for name, _, value in rows if value}


def partitions() -> Mapping[str, Mapping[str, str]]:
    """Every partition by name: Default, MaxTime, Nodes, State, ..."""
    return {row["PartitionName"]: row for row in shown("partition")}


def nodes(partition: str | None = None) -> list[Mapping[str, str]]:
    """Every node, of one partition if it is given: NodeName, NodeHostName, Partitions, ..."""
    found = shown("nodes")
    return [n for n in found if partition in (None, *n.get("Partitions", "").split(","))]


def shown(*what: str) -> list[dict[str, str]]:
    """The records of ``scontrol show``, hidden partitions included."""
    lines = run("scontrol", "--all", "--oneliner", "show", *what).splitlines()
    return [
        dict(part.split("=", 1) for part in line.split() if "=" in part)
        for line in lines
        if "=" in line
    ]


def endings(job: str) -> Iterator[tuple[str, str, str]]:
    """(start, end, state) of each run of a job, restarts included, from the accounting."""
    try:
        rows = run("sacct", "--noheader", "--parsable2", "--allocations", "--duplicates",
                   "--jobs", job, "--format=Start,End,State", patience=0.0)  # fmt: skip
    except UserError:
        return
    for row in rows.splitlines():
        start, end, text = row.split("|")
        yield start, end, text.split(" ")[0]


def minutes(text: str) -> float:
    """SLURM's ``days-hours:minutes:seconds`` in minutes; infinity for UNLIMITED."""
    if not text[:1].isdigit():
        return float("inf")
    days, dash, rest = text.rpartition("-")
    parts = [int(part) for part in rest.split(":")]
    if dash:
        hours, mins, seconds = (*parts, 0, 0)[:3]
    else:
        hours, mins, seconds = (
            ([0] * (3 - len(parts)) + parts) if len(parts) > 1 else (0, *parts, 0)
        )
    return (int(days or 0) * 24 + hours) * 60 + mins + seconds / 60


def own_job() -> str | None:
    """The name of the SLURM job that this process is part of, an array's task with its index.

    The number of an array's last task is that of the whole array: whoever requeues it by that
    requeues all of them.
    """
    array, index = (os.environ.get(f"SLURM_ARRAY_{name}") for name in ("JOB_ID", "TASK_ID"))
    return f"{array}_{index}" if array and index else os.environ.get("SLURM_JOB_ID")
