"""One limit for jobs at the same time over all arrays of a submission.

SLURM limits each array by itself. So every array gets a share, those that come first the most; and
each task, when it starts, shares anew what arrays that have ended or still wait do not use.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from sweeps.cluster import slurm
from sweeps.cluster.slurm import Job
from sweeps.cluster.submission import Submission
from sweeps.errors import UserError

HELD = ("Dependency", "DependencyNeverSatisfied", "BeginTime")


def shares(asked: Sequence[int], limit: int) -> list[int]:
    """At least one each, the rest in order; more than ``limit`` only if there are more arrays."""
    left = max(limit - len(asked), 0)
    found = []
    for want in asked:
        extra = min(max(want - 1, 0), left)
        left -= extra
        found.append(1 + extra)
    return found


def rebalance(submission: Submission) -> None:
    """Share the limit among the arrays as the queue is now; SLURM's refusals are no harm."""
    limit = int(submission.options["max_running"])
    arrays = {job: array for array, job in _limited(submission, limit).items()}
    if not arrays:
        return
    try:
        asked = wanted(slurm.queue(), arrays)
        for job, share in zip(asked, shares(list(asked.values()), limit), strict=True):
            slurm.run("scontrol", "update", f"JobId={job}", f"ArrayTaskThrottle={share}")
    except UserError:
        return


def _limited(submission: Submission, limit: int) -> Mapping[int, str]:
    jobs = submission.jobs
    sizes = [len(array.tasks) for array in submission.arrays]
    if sum(sizes) <= limit:
        return {}
    return {n: jobs[str(n)] for n, size in enumerate(sizes) if size > 1 and str(n) in jobs}


def wanted(queue: Sequence[Job], arrays: Mapping[str, int]) -> dict[str, int]:
    """Tasks that run or could run, by array, in the order of the submission."""
    count = Counter(job.number for job in queue if job.reason not in HELD)
    alive = {job.number for job in queue}
    ordered = sorted((array for array in arrays if array in alive), key=arrays.__getitem__)
    return {array: count[array] for array in ordered}
