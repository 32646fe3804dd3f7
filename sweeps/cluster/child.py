"""One cell in a forked child of a warm process, with its own log, signals and end."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from types import FrameType
from typing import Any

from sweeps.cell import Cell
from sweeps.cluster.notice import NOTICES
from sweeps.context import Context
from sweeps.record import RunPaths

ENDED, BUSY, STOPPED, DISK, REFUSED = 0, 3, 4, 5, 6
"""Exit statuses: a record is written (done or failed); another process has the cell; it left at a
checkpoint; the disk took nothing; the ledger cannot be used."""


@dataclass
class Flag:
    """Raised by a signal, asked for after every batch."""

    up: bool = False

    def __call__(self) -> bool:
        return self.up

    def listen(self) -> None:
        for number in NOTICES:
            signal.signal(number, self._raise)

    def _raise(self, number: int, frame: FrameType | None) -> None:
        self.up = True


@dataclass
class Child:
    """A running child.

    Args:
        pipe: where it says, at its end, how much of a GPU it used.
        since: monotonic seconds when it began.
    """

    cell: Cell
    pid: int
    pipe: int
    since: float = field(default_factory=time.monotonic)

    def stop(self) -> None:
        """Ask it to leave at a checkpoint."""
        os.kill(self.pid, signal.SIGTERM)

    def reap(self) -> Ended | None:
        """How it ended; None while it runs."""
        pid, status, usage = os.wait4(self.pid, os.WNOHANG)
        if not pid:
            return None
        with os.fdopen(self.pipe, "rb") as pipe:
            told = pipe.read()
        said: dict[str, float] = json.loads(told) if told.endswith(b"}") else {}
        code = os.waitstatus_to_exitcode(status)
        return Ended(code, time.monotonic() - self.since, usage.ru_maxrss / 1024, said)


@dataclass(frozen=True)
class Ended:
    """The end of a child: its exit status (negative: the signal that killed it), seconds, peak
    memory in MiB, and ``gpu_peak_mib`` and ``gpu_total_mib`` if it used one."""

    code: int
    seconds: float
    peak_mib: float
    gpu: dict[str, float]


def start(cell: Cell, context: Context, is_leaving: Callable[[], bool]) -> Child:
    """Fork a child that runs a cell.

    Args:
        is_leaving: asked once in the child, for a notice that came while it was being made.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return Child(cell, pid, reading)
    code = REFUSED
    try:
        os.close(reading)
        flag = Flag(is_leaving())
        flag.listen()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        to_log(RunPaths(context.ledger, cell.key))
        code = run(cell, replace(context, stop=flag, on_epoch=say_epoch))
        os.write(writing, json.dumps(_gpu()).encode())
    except BaseException:
        with suppress(OSError):
            traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
        os._exit(code)


def run(cell: Cell, context: Context) -> int:
    """Run a cell in this process and say how it ended (see the exit statuses)."""
    from lightning_modules.stopping import Stopped
    from sweeps.claim import Busy
    from sweeps.errors import UserError
    from sweeps.execute import execute
    from sweeps.failure import DiskTrouble

    try:
        execute(cell, context)
    except Busy as owner:
        return _said(BUSY, f"busy: {owner}")
    except Stopped as where:
        return _said(STOPPED, f"stopped: {where}")
    except DiskTrouble as error:
        return _said(DISK, str(error))
    except UserError as error:
        return _said(REFUSED, f"error: {error}")
    return ENDED


def say_epoch(row: Mapping[str, Any]) -> None:
    """One line of an epoch into the cell's log."""
    known = {name: f"{row[name]:.4g}" for name in ("train_loss", "val_accuracy") if name in row}
    numbers = " ".join(f"{name}={value}" for name, value in known.items())
    with suppress(OSError):  # a full disk: the run is worth more than its log
        print(f"{row['phase']} epoch {row['epoch']}: {numbers}", flush=True)


def _said(code: int, text: str) -> int:
    with suppress(OSError):
        print(text, file=sys.stderr)
    return code


def to_log(paths: RunPaths) -> None:
    """Output goes to the cell's log; nowhere if the disk does not take it."""
    try:
        paths.folder.mkdir(parents=True, exist_ok=True)
        log = os.open(paths.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o664)
    except OSError:
        log = os.open(os.devnull, os.O_WRONLY)
    os.dup2(log, 1)
    os.dup2(log, 2)


def _gpu() -> dict[str, Any]:
    import torch

    from sweeps.workbench import uses_gpu

    if not uses_gpu():
        return {}
    total = torch.cuda.get_device_properties(0).total_memory
    return {
        "gpu_peak_mib": torch.cuda.max_memory_reserved() / 2**20,
        "gpu_total_mib": total / 2**20,
    }
