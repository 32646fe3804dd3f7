"""What kind of failure an exception is; the kind decides whether a cell is tried again."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from enum import StrEnum

from sweeps.errors import UserError


class Failure(StrEnum):
    """``code``: an error of the cell's own, not tried again; ``memory``: tried once more in smaller
    pieces; ``data``: something to read is missing; ``disk``: what was to be written could not be,
    the cell stays open; ``lost``: it vanished again and again without getting anywhere."""

    CODE = "error in the code"
    MEMORY = "out of memory"
    DATA = "missing data"
    DISK = "disk full or gone"
    LOST = "lost"


class DiskTrouble(UserError):
    """The disk did not take what was to be written; the cell is open and can go on."""


FULL = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE, errno.EROFS)
MEMORY_WORDS = ("out of memory", "can't allocate memory", "not enough memory", "ALLOC_FAILED")
DISK_WORDS = ("PytorchStreamWriter failed writing", "unexpected pos", "No space left on device")


def classify(error: BaseException) -> Failure:
    """The kind of a failure, from the exception and what caused it."""
    chain = list(_chain(error))
    for one in chain:
        if isinstance(one, OSError) and one.errno in FULL:
            return Failure.DISK
        if isinstance(one, MemoryError) or type(one).__name__ == "OutOfMemoryError":
            return Failure.MEMORY
        if isinstance(one, RuntimeError):
            if any(word in str(one) for word in DISK_WORDS):
                return Failure.DISK
            if any(word in str(one) for word in MEMORY_WORDS):
                return Failure.MEMORY
    if any(type(one).__name__ == "DataError" for one in chain):
        return Failure.DATA
    return Failure.CODE


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
