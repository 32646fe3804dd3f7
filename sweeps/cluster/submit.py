"""Hand a sweep's open cells to SLURM and return: canaries, arrays of packs, then the report.

Everything is looked at before anything is sent. One submission at a time goes on in a ledger, so
that two sweeps that share cells see each other's jobs: what one has queued the other waits for.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sweeps import snapshot
from sweeps.cell import Cell
from sweeps.claim import Busy, claim
from sweeps.cluster import slurm
from sweeps.cluster.arrays import Array, count
from sweeps.cluster.checks import check
from sweeps.cluster.layout import lay_out
from sweeps.cluster.queue import Standing, recover, standing
from sweeps.cluster.resources import of_cells
from sweeps.cluster.send import Sender
from sweeps.cluster.submission import Submission, lock, new_folder, submissions, whoami
from sweeps.errors import UserError
from sweeps.forecast import Forecast, check_budget
from sweeps.ledger import Ledger
from sweeps.order import Order

PATIENCE_S = 300.0


class Submitter:
    """One order, looked at.

    Raises:
        UserError: all that would keep SLURM from running it; nothing has been sent.
    """

    def __init__(self, order: Order) -> None:
        self._order = order
        self._ledger = Ledger(order.context.ledger.absolute())
        self._sweep = order.context.sweep or "cells"
        self._resources = of_cells(order.cluster, order.context.trainer, order.resources)
        classes = set(map(self._resources, order.cells))
        self._limits = check(classes, order.cluster, self._ledger.root, self._sweep)
        self._forecast = Forecast.of(self._ledger)
        asked = order.cells, self._resources, order.budget
        check_budget(self._forecast, *asked, verb=order.verb)

    def submit(self) -> str:
        """Send what no job answers for yet; returns what was sent, in words.

        Raises:
            UserError: SLURM refused some of it; the message lists what it had accepted.
        """
        with _turn(self._ledger.root):
            stillborn = _stillborn(self._ledger.root)
            now = standing(self._ledger.root)
            _close(now)
            queued = {k: job.name for k, job in now.tasks.items() if job.number not in stillborn}
            cells = [cell for cell in self._order.cells if cell.key not in queued]
            if not cells:
                return f"sweep {self._sweep}: jobs for all open cells are in the queue: make status"
            self._clean()
            submission = self._plan(cells, queued)
            submission.write()
            Sender(submission).send()
        return _sent(submission)

    def _plan(self, cells: Sequence[Cell], queued: dict[str, str]) -> Submission:
        arrays, canaries = self._layout(cells, queued)
        return Submission(
            folder=new_folder(self._ledger.root),
            sweep=self._sweep,
            code=snapshot.take(self._ledger.root).digest,
            options=dict(self._order.cluster),
            context=self._order.context.json(),
            results=str(self._order.results.absolute()),
            cells=tuple(cells),
            arrays=tuple(arrays),
            canaries=tuple(cell.key for cell in canaries),
            user=whoami(),
            tables=tuple(self._order.tables),
        )

    def _layout(
        self, cells: Sequence[Cell], queued: dict[str, str]
    ) -> tuple[list[Array], tuple[Cell, ...]]:
        """The arrays of cells, and the canaries before them, as many as SLURM takes."""
        most = self._limits.for_cells
        arrays, canaries = lay_out(
            cells,
            self._resources,
            self._order.cluster,
            self._forecast,
            longest=self._limits.longest,
            most=most,
            queued=queued,
        )
        if count(arrays) > most:
            raise UserError(
                f"the sweep needs {count(arrays)} jobs at least, SLURM takes {most} now beside the "
                "canaries and the report: wait until others have ended, or leave out some cells"
            )
        return arrays, canaries

    def _clean(self) -> None:
        needed = {one.code for one in submissions(self._ledger.root)}
        snapshot.clean(self._ledger.root, needed)


def _stillborn(ledger: Path) -> set[str]:
    """Cancel the jobs of a submission that died before it had told them what to do.

    Others whose numbers it could not note are noted here and stay.
    """
    jobs, found = slurm.queue(), set[str]()
    for earlier in submissions(ledger):
        for name in recover(earlier, jobs):
            number = earlier.jobs[name]
            if not list(earlier.logs.glob(f"{number}_*submitted.pkl")):
                found.add(number)
    if found:
        slurm.cancel(found)
    return found


def _close(now: Standing) -> None:
    """Submissions that have no job any more are over, whatever became of their last one."""
    alive = {one.submission.id for one in now.live}
    for submission in now.submissions if now.known else ():
        if submission.id not in alive:
            submission.close("has no job left")


@contextmanager
def _turn(ledger: Path) -> Iterator[None]:
    """Wait for another submission into the same ledger to be through."""
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            with claim(lock(ledger)):
                yield
                return
        except Busy as owner:
            if time.monotonic() > end:
                raise UserError(
                    f"another submission into ledger {ledger} is under way ({owner}); try again"
                ) from None
            time.sleep(0.5)


def _sent(submission: Submission) -> str:
    tasks = sum(len(array.tasks) for array in submission.arrays)
    canaries = f", {len(submission.canaries)} canaries first" if submission.canaries else ""
    return (
        f"sweep {submission.sweep}: {len(submission.cells)} cells submitted as {tasks} jobs in "
        f"{len(submission.arrays)} arrays{canaries}.\n"
        f"Follow it with: make status SWEEP={submission.sweep} WATCH=1; tables come by themselves "
        f"to {submission.results}/{submission.sweep}"
    )
