"""One process at a time runs a cell: an advisory lock that the kernel drops when its owner dies.

The file says whose it is until its owner lets go. Found free but signed by a SLURM job of another
machine, the queue is asked as well: some cluster file systems keep locks to a node.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sweeps.cluster import slurm
from sweeps.errors import UserError
from sweeps.failure import FULL, DiskTrouble


class Busy(Exception):
    """Another process holds the lock; the message says which."""


@contextmanager
def claim(path: Path) -> Iterator[None]:
    """Hold the lock at ``path``.

    Raises:
        Busy: another process holds it.
        UserError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o664)
    except OSError as error:
        kind = DiskTrouble if error.errno in FULL else UserError
        raise kind(
            f"cannot write to {path.parent} ({error.strerror}); "
            "choose a folder you can write with ledger=..., or free space there"
        ) from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(describe(path)) from None
        if _signed_elsewhere(path):
            raise Busy(describe(path))
        os.ftruncate(handle, 0)
        _sign(handle)
        try:
            yield
        finally:
            os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def _sign(handle: int) -> None:
    with suppress(OSError):  # a full disk: the lock itself holds
        os.pwrite(handle, json.dumps(identity()).encode(), 0)


def _signed_elsewhere(path: Path) -> bool:
    owner = _owner(path)
    job, host = owner.get("job"), owner.get("host")
    if not job or host == socket.gethostname() or job == slurm.own_job():
        return False
    return slurm.is_running(job)


def is_claimed(path: Path) -> bool:
    """Whether a living process holds the lock."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(handle)


def identity() -> dict[str, Any]:
    """Who this process is."""
    return {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "job": slurm.own_job(),
        "restart": int(os.environ.get("SLURM_RESTART_COUNT", 0)),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def describe(path: Path) -> str:
    """Who holds the lock, in words."""
    owner = _owner(path)
    if not owner:
        return "another process"
    job = f" (SLURM job {owner['job']})" if owner.get("job") else ""
    return f"process {owner['pid']} on {owner['host']}{job}, since {owner['since']}"


def _owner(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_bytes()))
    except (OSError, ValueError):
        return {}
