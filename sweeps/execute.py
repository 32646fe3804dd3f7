"""Run one cell: fit > prune > refit > measure; a phase whose output is there is not run again.

Whatever kills the process, starting the cell again goes on from the last whole epoch and ends in
the same record.
"""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lightning_modules.keeper import EpochRow
from sweeps.cell import Cell
from sweeps.claim import claim, identity
from sweeps.errors import UserError
from sweeps.measurement import history, latency, results
from sweeps.phases import Phases
from sweeps.provenance import provenance, sources
from sweeps.record import Record, RunPaths, read_record, write_atomically, write_record
from sweeps.tracking import Tracker
from sweeps.workbench import Workbench


@dataclass(frozen=True)
class Context:
    """Where and how cells run; nothing here changes what they compute.

    Args:
        time_latency: measure latency now; off where other cells run on the same machine.
        on_epoch: told of every epoch that ends.
        progress: show Lightning's progress bar.
    """

    ledger: Path
    datasets: Path
    trainer: Mapping[str, Any]
    tracking: str = "offline"
    sweep: str | None = None
    time_latency: bool = True
    on_epoch: Callable[[EpochRow], None] | None = None
    progress: bool = False


@dataclass
class Clock:
    """Seconds per phase."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def __call__(self, phase: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - start
            self.seconds[phase] = round(self.seconds.get(phase, 0.0) + spent, 3)


def execute(cell: Cell, context: Context) -> Record:
    """Run what is missing of a cell and return its record, whatever came of it.

    An error in the cell's own code ends in a record with status "failed". The dense parent must
    be done before.

    Raises:
        Busy: another process runs this cell.
        UserError: the ledger cannot be written, or another version wrote it.
    """
    paths = RunPaths(context.ledger, cell.key)
    with claim(paths.lock):
        record = read_record(paths)
        if record and is_finished(record, context):
            return record
        try:
            return _attempt(cell, paths, context, record)
        except UserError:
            raise
        except Exception as error:
            return _failed(cell, paths, error)


def is_finished(record: Record, context: Context) -> bool:
    """Whether nothing of the cell is missing."""
    return record["status"] == "done" and bool(record["latency"] or not context.time_latency)


def _begin(cell: Cell, paths: RunPaths) -> None:
    write_atomically(paths.cell, json.dumps(cell.json(), indent=1).encode())
    with paths.attempts.open("a") as file:
        file.write(json.dumps(identity()) + "\n")


def _attempt(cell: Cell, paths: RunPaths, context: Context, record: Record | None) -> Record:
    bench = Workbench(cell, paths, context.datasets, context.trainer)
    if record and record["status"] == "done":
        record |= {"latency": latency(bench, bench.finished())}
        write_record(paths, record)
        if context.tracking == "wandb":  # an offline run is closed for good, a live one goes on
            with Tracker(cell, paths, context.tracking, context.sweep) as tracker:
                tracker.finish(record)
        return record
    _begin(cell, paths)
    with Tracker(cell, paths, context.tracking, context.sweep) as tracker:
        record = _run(bench, context, tracker)
        write_record(paths, record)
        tracker.finish(record)
        return record


def _run(bench: Workbench, context: Context, tracker: Tracker) -> Record:
    def on_epoch(row: EpochRow) -> None:
        tracker.epoch(row)
        if context.on_epoch:
            context.on_epoch(row)

    phases = Phases(bench, on_epoch, context.progress)
    clock = Clock()
    if bench.cell.is_dense:
        with clock("fit"):
            phases.fit()
    for number in range(bench.rounds):
        with clock("prune"):
            phases.prune(number)
        with clock("refit"):
            phases.refit(number)
    with clock("measure"):
        result = results(bench)
        write_atomically(bench.paths.history, json.dumps(history(bench)).encode())
        timed = latency(bench, bench.finished()) if context.time_latency else None
    origin = provenance(bench.cell, context.ledger)
    origin |= {"data_checksum": bench.data.checksum, "attempts": _attempts(bench.paths)}
    return _record(bench.cell, "done", result, timed, clock.seconds, origin)


def _failed(cell: Cell, paths: RunPaths, error: Exception) -> Record:
    trace = "".join(traceback.format_exception(error))
    origin = {"sources": sources(cell), "attempts": _attempts(paths)}
    record = _record(cell, "failed", None, None, {}, origin)
    record["error"] = {"type": type(error).__name__, "message": str(error), "traceback": trace}
    try:
        write_record(paths, record)
    except OSError as full:
        raise UserError(
            f"cannot write {paths.record} ({full.strerror}); free space or choose another folder "
            "with ledger=..., then run again: what was finished is kept"
        ) from error
    return record


def _attempts(paths: RunPaths) -> int:
    return len(paths.attempts.read_text().splitlines()) if paths.attempts.exists() else 0


def _record(
    cell: Cell,
    status: str,
    result: Mapping[str, Any] | None,
    timed: Mapping[str, Any] | None,
    seconds: Mapping[str, float],
    origin: Mapping[str, Any],
) -> Record:
    return {
        "cell": cell.json(),
        "status": status,
        "result": result,
        "latency": timed,
        "seconds": seconds,
        "provenance": origin,
        "error": None,
    }
