"""The tasks of a SLURM job that train one cell together.

The first one leads: it does all that a process alone would do. The others follow: they take part in
every training, and wait for the leader's files in between. Before each training the leader leaves a
call in the cell's folder, so that nobody answers one who has left.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lightning_modules.stopping import Stopped
from lightning_modules.tasks import rank, world
from sweeps.errors import UserError
from sweeps.record import RunPaths, read_record, write_atomically

__all__ = ["LeaderLeft", "calling", "calls", "is_over", "rank", "wait", "world"]

POLL_S = 0.5
LIMIT_MIN = 60.0
"""How long a follower waits for the leader, which may be pruning or reading data meanwhile."""


class LeaderLeft(RuntimeError):
    """The leader does not come back to this cell."""


def is_over(paths: RunPaths) -> bool:
    """Whether the cell has a record, of success or failure."""
    with suppress(UserError):  # the leader sets a damaged one aside
        return read_record(paths) is not None
    return False


@contextmanager
def calling(path: Path) -> Iterator[None]:
    """Call the followers to a training, for as long as it goes."""
    write_atomically(path, f"{_start()} {os.urandom(4).hex()}".encode())
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def calls(
    path: Path,
    paths: RunPaths,
    what: str,
    *,
    until: Callable[[], bool],
    stop: Callable[[], bool] | None = None,
) -> Iterator[None]:
    """Yield for every call of the leader's, until something is there; raises as ``wait``."""
    answered = None
    while not until():
        wait(lambda: until() or _call(path) not in (None, answered), paths, what, stop=stop)
        if not until() and (answered := _call(path)):
            yield


def wait(
    there: Callable[[], bool],
    paths: RunPaths,
    what: str,
    *,
    stop: Callable[[], bool] | None = None,
    minutes: float = LIMIT_MIN,
) -> None:
    """Wait for something of the leader's.

    Raises:
        Stopped: ``stop`` was true meanwhile.
        LeaderLeft: the cell got a record instead, or the time is over.
    """
    end = time.monotonic() + 60 * minutes
    while not there():
        if stop and stop():
            raise Stopped(f"stopped while waiting for {what}")
        if is_over(paths):
            raise LeaderLeft(f"the first task ended cell {paths.key} without {what}")
        if time.monotonic() > end:
            raise LeaderLeft(
                f"waited {minutes:g} minutes for the first task's {what} of cell {paths.key}; "
                f"its log says what became of it: {paths.log}"
            )
        time.sleep(POLL_S)


def _call(path: Path) -> str | None:
    """The leader's call, no two are equal; None if it has not called since this job started."""
    try:
        call = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    return call if call.partition(" ")[0] == _start() else None


def _start() -> str:
    """This start of the job step: the same in all its tasks, another after a restart."""
    names = ("SLURM_JOB_ID", "SLURM_RESTART_COUNT", "SLURM_STEP_ID")
    return ".".join(os.environ.get(name, "0") for name in names)
