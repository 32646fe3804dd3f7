"""What SLURM has of a ledger's submissions: who answers for which cell, and what is gone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sweeps.cluster import slurm
from sweeps.cluster.slurm import Job
from sweeps.cluster.submission import MARK, Submission, submissions
from sweeps.errors import UserError

STARTED = ("RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "CONFIGURING", "STAGE_OUT")
WITHOUT_COMMANDS = "this machine has no SLURM commands"


@dataclass(frozen=True)
class Live:
    """A task of a submission that SLURM has not ended.

    Args:
        array: the number of its array, ``canary`` or ``report``.
        keys: the cells that it answers for.
    """

    job: Job
    submission: Submission
    array: str
    keys: tuple[str, ...] = ()

    @property
    def runs(self) -> bool:
        return self.job.state in STARTED


@dataclass(frozen=True)
class Standing:
    """Submissions as SLURM sees them.

    Args:
        submissions: those that are not over, oldest first.
        live: their tasks in the queue.
        note: why SLURM could not be asked; empty if it could.
    """

    submissions: tuple[Submission, ...] = ()
    live: tuple[Live, ...] = ()
    note: str = ""

    @property
    def known(self) -> bool:
        """Whether SLURM could be asked: if not, nothing is said of what is in the queue."""
        return not self.note

    @cached_property
    def tasks(self) -> Mapping[str, Job]:
        """The task that answers for each cell, by key; one that runs before one that waits."""
        running_last = sorted(self.live, key=lambda one: one.runs)
        return {key: one.job for one in running_last for key in one.keys}

    @cached_property
    def running(self) -> frozenset[str]:
        """The names of the jobs that run."""
        return frozenset(one.job.name for one in self.live if one.runs)

    def of(self, sweep: str, keys: Collection[str] = ()) -> tuple[Live, ...]:
        """The tasks of a sweep, and those of others that answer for one of its cells."""
        mine = frozenset(keys)
        return tuple(
            one
            for one in self.live
            if one.submission.sweep == sweep or not mine.isdisjoint(one.keys)
        )

    def ended(self, submission: Submission) -> list[str]:
        """The tasks of a submission that were accepted and are gone, by their SLURM names."""
        alive = {one.job.name for one in self.live if one.submission is submission}
        return [name for name, _ in submission.tasks() if name not in alive]


def standing(ledger: Path, sweep: str | None = None) -> Standing:
    """Ask SLURM, with one command, for what it has of a ledger's submissions, or of one sweep's."""
    found = tuple(submissions(ledger, sweep))
    if not found:
        return Standing()
    if not slurm.exists():
        return Standing(found, note=WITHOUT_COMMANDS)
    try:
        jobs = slurm.queue((one.user for one in found if one.user), patience=0.0)
    except UserError as error:
        return Standing(found, note=str(error))
    return Standing(found, live(found, jobs))


def live(found: Sequence[Submission], jobs: Iterable[Job]) -> tuple[Live, ...]:
    """The jobs that belong to a submission: by their comment or, where a site writes comments of
    its own, by the id that was noted."""
    by_comment = {one.comment: one for one in found}
    by_id = {job: (one, array) for one in found for array, job in one.jobs.items()}
    made = []
    for job in jobs:
        comment, _, name = job.comment.rpartition(":")
        index = job.name.partition("_")[2]
        if comment in by_comment:
            owner = by_comment[comment], name
        elif job.number in by_id and not job.comment.startswith(MARK):
            owner = by_id[job.number]
        else:
            continue
        made.append(Live(job, *owner, _pack(*owner, int(index or 0))))
    return tuple(made)


def _pack(submission: Submission, array: str, index: int) -> tuple[str, ...]:
    if not array.isdecimal() or int(array) >= len(submission.arrays):
        return ()
    tasks = submission.arrays[int(array)].tasks
    return tasks[index] if index < len(tasks) else ()


def recover(submission: Submission, jobs: Iterable[Job]) -> list[str]:
    """Write down arrays that SLURM accepted before anyone could note their ids.

    Only for the one who submits, under the ledger's lock.

    Returns:
        Names of the arrays that were found.
    """
    noted, found = submission.jobs, dict[str, str]()
    for job in jobs:
        comment, _, name = job.comment.rpartition(":")
        if comment == submission.comment and name not in noted:
            found.setdefault(name, job.number)
    for name, number in found.items():
        submission.accepted(name, number)
    return list(found)
