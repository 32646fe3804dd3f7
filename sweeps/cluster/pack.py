"""What a job of a submission does: one warm process that forks a child for each cell.

It runs the cells it answers for, then takes further ones from the ledger for a while. It ends when
its own are settled. When SLURM wants it to leave, its children leave at a checkpoint and the job is
queued again; whatever a child dies of is that child's alone.
"""

from __future__ import annotations

import os
import signal
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

from sweeps import attempts
from sweeps.cell import Cell
from sweeps.cluster import child
from sweeps.cluster.child import Child, Ended
from sweeps.cluster.choosing import Choosing
from sweeps.cluster.notice import Notice, restarts, say
from sweeps.cluster.room import Room
from sweeps.cluster.submission import Submission
from sweeps.cluster.throttle import rebalance
from sweeps.context import Context
from sweeps.ledger import Ledger
from sweeps.readiness import Readiness

POLL_S = 0.2
IDLE_S = 30.0
"""How long a job waits for cells that others run before it makes room."""
AWAY_MIN = 10
"""When it comes back then."""
DISK_PAUSE_S = (5, 10, 20, 40, 60)
"""Pauses before a cell is tried again whose files could not be written; the last one repeats."""
DISK_PATIENCE_S = 900.0
MOST_RESTARTS = 200


def run_task(folder: str, array: int, task: int) -> None:
    """The function that SLURM's task ``task`` of array ``array`` runs.

    Raises:
        SystemExit: with a status other than 0 when cells of its own are left that nobody runs.
    """
    notice = Notice()
    notice.listen()
    submission = _read(Path(folder))
    own = submission.arrays[array]
    resources = own.resources
    if resources.processes > 1:
        from sweeps.cluster.together import run_together

        run_together(submission, own, own.tasks[task][0], notice)
        return
    others = [
        key
        for one in submission.arrays
        if one.resources == resources
        for pack in one.tasks
        for key in pack
    ]
    order = {key: n for n, key in enumerate(submission.by_key)}
    others.sort(key=order.__getitem__)
    choosing = Choosing(Ledger(submission.ledger), submission.by_key, own.tasks[task], others)
    if not choosing.unsettled():
        say("every cell of this task is settled")
        return
    rebalance(submission)
    Pack(submission, choosing, notice, Room(submission.options, resources)).run()


def _read(folder: Path) -> Submission:
    try:
        return Submission.read(folder)
    except FileNotFoundError:
        sys.exit(
            f"error: node {os.uname().nodename} does not see {folder}; the ledger must lie on a "
            "file system that every node mounts: choose one with ledger=..."
        )


class Pack:
    """The cells of one job."""

    def __init__(
        self, submission: Submission, choosing: Choosing, notice: Notice, room: Room
    ) -> None:
        self._choosing, self._notice, self._room = choosing, notice, room
        self._context = _context(submission, room)
        self._ledger = Ledger(submission.ledger)
        self._minutes = float(submission.options["pack_minutes"])
        self._children: list[Child] = []
        self._seconds: list[float] = []
        self._troubles: dict[str, int] = {}
        self._deaths: dict[str, int] = {}
        self._began = self._active = time.monotonic()

    def run(self) -> None:
        """Until the own cells are settled, or SLURM wants the job to leave."""
        _warm(self._context)
        while not self._notice():
            self._reap()
            self._start()
            if self._children:
                self._active = time.monotonic()
            elif not self._choosing.unsettled():
                return
            elif time.monotonic() - self._active > self._patience():
                self._make_room()
                return
            time.sleep(POLL_S)
        self._leave()

    def _start(self) -> None:
        """Start cells while there is room; latency is measured with nothing beside it."""
        while len(self._children) < self._room.places:
            running = [one.cell.key for one in self._children]
            timing = not running
            cell = self._choosing.next(running, more=self._has_time(), timing=timing)
            if cell is None:
                return
            alone = timing and self._choosing.readiness(cell) is Readiness.UNTIMED
            context = replace(self._context, time_latency=alone or self._room.places == 1)
            say(f"{cell.key} {cell} starts")
            self._children.append(child.start(cell, context, self._notice))
            if alone:
                self._wait_alone()

    def _wait_alone(self) -> None:
        while self._children and not self._notice():
            self._reap()
            time.sleep(POLL_S / 4)

    def _has_time(self) -> bool:
        """Whether another cell than its own would fit into what the job was meant to take."""
        usual = statistics.median(self._seconds) if self._seconds else 0.0
        return time.monotonic() - self._began + usual <= 60 * self._minutes

    def _reap(self) -> None:
        for one in list(self._children):
            if (ended := one.reap()) is not None:
                self._children.remove(one)
                self._note(one.cell, ended)

    def _note(self, cell: Cell, ended: Ended) -> None:
        say(f"{cell.key} {cell} {_words(ended)}, {ended.seconds:.1f} s, {ended.peak_mib:.0f} MiB")
        if ended.code == child.ENDED:
            self._seconds.append(ended.seconds)
            self._room.learn(ended)
        elif ended.code == child.DISK:
            count = self._troubles[cell.key] = self._troubles.get(cell.key, -1) + 1
            pause = DISK_PAUSE_S[min(count, len(DISK_PAUSE_S) - 1)]
            self._choosing.not_before[cell.key] = time.monotonic() + pause
        elif ended.code == child.BUSY:
            self._choosing.not_before[cell.key] = time.monotonic() + POLL_S
        elif ended.code == child.REFUSED:
            sys.exit(f"error: cell {cell.key} could not run; see {self._log(cell)}")
        elif not self._notice():
            self._killed(cell)

    def _killed(self, cell: Cell) -> None:
        """A cell that goes on dying gets a failed record by itself; one that dies while only its
        latency is measured is left for another day."""
        self._end(cell, "kill")
        count = self._deaths[cell.key] = self._deaths.get(cell.key, 0) + 1
        if count > self._context.retries + 1:
            say(f"{cell.key} {cell} is given up here after {count} deaths")
            self._choosing.give_up(cell.key)

    def _patience(self) -> float:
        return DISK_PATIENCE_S if self._troubles else IDLE_S

    def _make_room(self) -> None:
        left = self._choosing.mine
        say(f"others run what is left ({len(left)} cells); back in {AWAY_MIN} minutes")
        if restarts() >= MOST_RESTARTS:
            sys.exit(f"error: {len(left)} cells are still open after {MOST_RESTARTS} restarts")
        self._notice.queue_again(AWAY_MIN)

    def _leave(self) -> None:
        """Every child leaves at a checkpoint; then the job is queued again."""
        say(f"{signal.Signals(self._notice.number).name}: {len(self._children)} cells are told")
        leaving = list(self._children)
        for one in leaving:
            one.stop()
        while self._children:
            self._reap()
            time.sleep(POLL_S / 4)
        why = self._notice.why()
        for one in leaving if why else []:
            self._end(one.cell, str(why))
        say(f"leaves for {why or 'what SLURM decides'}")
        if self._choosing.unsettled():
            self._notice.queue_again()

    def _end(self, cell: Cell, why: str) -> None:
        """Note why an attempt ended that could not say so itself."""
        try:
            attempts.end(self._ledger.paths(cell.key).attempts, why)
        except OSError as error:
            say(f"{cell.key} the end of its attempt could not be written: {error.strerror}")

    def _log(self, cell: Cell) -> Path:
        return self._ledger.paths(cell.key).log


def _words(ended: Ended) -> str:
    known = {child.ENDED: "ended", child.BUSY: "is run by another job", child.DISK: "found no disk",
             child.STOPPED: "stopped at a checkpoint", child.REFUSED: "could not run"}  # fmt: skip
    if ended.code < 0:
        return f"was killed by {signal.Signals(-ended.code).name}"
    return known.get(ended.code, f"ended with status {ended.code}")


def _context(submission: Submission, room: Room) -> Context:
    context = submission.run_context(room.resources)
    trainer = {**context.trainer, "threads": context.trainer["threads"] or room.threads}
    return replace(context, trainer=trainer)


def _warm(context: Context) -> None:
    """Import once what every child needs; CUDA is not touched."""
    import sweeps.execute  # noqa: F401

    if context.tracking != "none":
        import sweeps.mirror.live as tracking

        tracking.warm()
