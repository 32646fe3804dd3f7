"""One process at a time runs a cell: an advisory lock that the kernel drops when its owner dies."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sweeps.errors import UserError


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
        raise UserError(
            f"cannot write to {path.parent} ({error.strerror}); "
            "choose a folder you can write with ledger=..., or free space there"
        ) from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(describe(path)) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps(identity()).encode(), 0)
        yield
    finally:
        os.close(handle)


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
        "job": os.environ.get("SLURM_JOB_ID"),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def describe(path: Path) -> str:
    """Who holds the lock, in words."""
    try:
        owner = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return "another process"
    return f"process {owner['pid']} on {owner['host']}, since {owner['since']}"
