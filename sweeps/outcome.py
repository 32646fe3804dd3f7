"""What becomes of an attempt: a record of success, or of a failure by its kind."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from sweeps import attempts
from sweeps.attempts import Attempt
from sweeps.cell import Cell
from sweeps.failure import DiskTrouble, Failure, classify
from sweeps.provenance import code, sources
from sweeps.record import Record, RunPaths, write_record


class LostAgain(RuntimeError):
    """The cell was lost several times in a row without getting anywhere."""


def failed(cell: Cell, paths: RunPaths, error: Exception, made: Sequence[Attempt]) -> Record | None:
    """Note what an attempt failed of and write the record; None if it may be tried once more.

    Raises:
        DiskTrouble: the cell stays open.
    """
    kind = Failure.LOST if isinstance(error, LostAgain) else classify(error)
    note_end(paths, kind)
    if kind is Failure.DISK:
        raise disk_trouble(paths, error) from error
    first = not any(one.get("ended") == Failure.MEMORY for one in made[:-1])
    if kind is Failure.MEMORY and first and may_shrink(attempts.read(paths.attempts)[-1:], cell):
        return None
    trace = "".join(traceback.format_exception(error))
    origin = code(paths.ledger) | {"sources": sources(cell)}
    origin["attempts"] = attempts.brief(attempts.read(paths.attempts))
    record = made_record(cell, "failed", None, None, {}, origin)
    text = {"type": type(error).__name__, "message": str(error), "traceback": trace}
    record["error"] = {**text, "kind": str(kind)}
    write_record(paths, record)
    return record


def note_end(paths: RunPaths, why: str) -> None:
    """Note how the last attempt ended, if the disk takes it."""
    with suppress(OSError):
        attempts.end(paths.attempts, str(why))


def disk_trouble(paths: RunPaths, error: Exception) -> DiskTrouble:
    """The error for a disk that takes nothing."""
    return DiskTrouble(
        f"cannot write below {paths.folder} ({' '.join(str(error).split())[:160]}); free space or "
        "choose another folder with ledger=..., then run again: what was finished is kept"
    )


def lost_text(made: Sequence[Attempt]) -> str:
    """Why a cell is given up that was lost again and again."""
    ends = ", ".join(str(one.get("ended")) for one in made[:-1][-attempts.barren(made) :])
    return (
        f"{attempts.barren(made)} attempts in a row ended without getting anywhere ({ends}); "
        "look at its log, give it more memory or time, then run it again with: make retry"
    )


def made_record(
    cell: Cell,
    status: str,
    result: Mapping[str, Any] | None,
    timed: Mapping[str, Any] | None,
    seconds: Mapping[str, float],
    origin: Mapping[str, Any],
) -> Record:
    """A record as ``sweeps.record`` describes it, without an error."""
    return {
        "cell": cell.json(),
        "status": status,
        "result": result,
        "latency": timed,
        "seconds": seconds,
        "provenance": origin,
        "error": None,
    }


def may_shrink(last: Sequence[Attempt], cell: Cell) -> bool:
    """Whether the last attempt ran out of memory with the batch large enough to be cut."""
    size = cell.recipe.options["batch_size"]
    return any(a.get("ended") == Failure.MEMORY and 2 * a["accumulate"] <= size for a in last)
