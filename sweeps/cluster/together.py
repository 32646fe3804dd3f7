"""A cell of several processes (several GPUs or nodes): every task of the job is one of them."""

from __future__ import annotations

import sys
from dataclasses import replace

from sweeps import attempts
from sweeps.cluster import child
from sweeps.cluster.arrays import Array
from sweeps.cluster.notice import Notice, say
from sweeps.cluster.submission import Submission
from sweeps.ledger import Ledger
from sweeps.ranks import rank
from sweeps.readiness import Readiness, readiness


def run_together(submission: Submission, array: Array, key: str, notice: Notice) -> None:
    """Run one cell; the first process leads, the others take part in its training.

    Raises:
        SystemExit: with a status other than 0 if the cell is left to do.
    """
    cell, ledger = submission.by_key[key], Ledger(submission.ledger)
    if readiness(ledger, cell) is Readiness.SETTLED:
        return
    context = replace(submission.run_context(array.resources), stop=notice)
    if rank():
        from sweeps.follow import follow

        follow(cell, ledger.paths(key), context)
        return
    child.to_log(ledger.paths(key))
    code = child.run(cell, replace(context, on_epoch=child.say_epoch))
    if notice() and code == child.STOPPED:
        if why := notice.why():
            attempts.end(ledger.paths(key).attempts, why)
        say(f"{key} {cell} leaves for {why or 'what SLURM decides'}")
        notice.queue_again()
    elif code != child.ENDED:
        sys.exit(f"error: cell {key} could not run; see the job's log")
