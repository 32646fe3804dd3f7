"""SLURM's signals, owned by one object: why a job is to leave, and being queued again."""

from __future__ import annotations

import os
import signal
import time
from types import FrameType

from sweeps.cluster import slurm
from sweeps.errors import UserError

NOTICES = (signal.SIGTERM, signal.SIGUSR2)


class Notice:
    """Told to leave by USR2 (the time limit is near) or TERM (anything else).

    Attributes:
        number: the first signal that came; 0 if none has.
    """

    def __init__(self) -> None:
        self.number = 0
        self.job = slurm.own_job() or ""

    def listen(self) -> None:
        """From here on no other handler of this process sees the signals."""
        for number in NOTICES:
            signal.signal(number, self._note)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.signal(signal.SIGCONT, signal.SIG_DFL)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.number = self.number or number

    def __call__(self) -> bool:
        return bool(self.number)

    def why(self) -> str | None:
        """Why the job has to leave, as an attempt's end; None if only SLURM's accounting knows.

        A job that is asked to leave and still counts as running is in the grace time of a
        preemption.
        """
        if self.number == signal.SIGUSR2:
            return "time limit"
        return "preemption" if slurm.state(self.job) == "RUNNING" else None

    def queue_again(self, wait_minutes: int = 0) -> None:
        """Queue this job again if SLURM would not do so by itself.

        Args:
            wait_minutes: not to start before.
        """
        if slurm.state(self.job) != "RUNNING":
            return
        slurm.requeue(self.job)
        if wait_minutes:
            start = f"StartTime=now+{wait_minutes}minutes"
            try:
                slurm.run("scontrol", "update", f"JobId={self.job}", start)
            except UserError:
                return


def restarts() -> int:
    """How often this job was started before."""
    return int(os.environ.get("SLURM_RESTART_COUNT", 0))


def say(text: str) -> None:
    """One line into the job's output; a disk that takes none is no reason to end."""
    try:
        print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)
    except OSError:
        return
