"""End a sweep's jobs. No cell fails by it: what was running is open and goes on the next time."""

from __future__ import annotations

import time
from pathlib import Path

from sweeps.claim import Busy, claim
from sweeps.cluster import slurm
from sweeps.cluster.queue import Live, Standing, recover, standing
from sweeps.cluster.submission import lock
from sweeps.errors import UserError

PATIENCE_S = 60.0
POLL_S = 0.5
NOTHING = "sweep {}: nothing of it is queued or running on SLURM"


def cancel(ledger: Path, sweep: str) -> str:
    """Cancel every job of a sweep's submissions; returns what was done, in words.

    Comes back when SLURM has taken it: jobs that ran may still be leaving.

    Raises:
        UserError: SLURM did not do it, or the sweep is being submitted at this moment.
    """
    if not _known(ledger, sweep).submissions:
        return NOTHING.format(sweep)
    try:
        with claim(lock(ledger)):
            return _cancel(ledger, sweep)
    except Busy as owner:
        raise UserError(
            f"a submission into ledger {ledger} is under way ({owner}); cancel when it is through"
        ) from None


def _cancel(ledger: Path, sweep: str) -> str:
    now = _known(ledger, sweep)
    for submission in now.submissions:
        recover(submission, [one.job for one in now.live])
    gone: set[str] = set()
    end = time.monotonic() + PATIENCE_S
    while left := _there(now):
        if time.monotonic() > end:
            names = ", ".join(sorted({one.job.number for one in left}))
            raise UserError(f"after {PATIENCE_S:.0f} s SLURM still has the jobs {names}; try again")
        gone |= {one.job.name for one in left}
        slurm.cancel(sorted({one.job.number for one in left}))
        time.sleep(POLL_S)
        now = _known(ledger, sweep)
    for submission in now.submissions:
        submission.close("cancelled")
    return _words(sweep, gone)


def _known(ledger: Path, sweep: str) -> Standing:
    now = standing(ledger, sweep)
    if not now.known:
        raise UserError(f"sweep {sweep} cannot be cancelled from here: {now.note}")
    return now


def _there(now: Standing) -> list[Live]:
    return [one for one in now.live if one.job.state != "COMPLETING"]


def _words(sweep: str, gone: set[str]) -> str:
    if not gone:
        return NOTHING.format(sweep)
    jobs = len({name.partition("_")[0] for name in gone})
    return (
        f"sweep {sweep}: {len(gone)} jobs cancelled, {jobs} if an array counts as one; open cells "
        f"stay open, they go on with: make sweep SWEEP={sweep}"
    )
