"""Run one cell: fit > prune > refit > measure; a phase whose output is there is not run again.

Whatever ends the process, starting the cell again goes on from its last checkpoint and ends in the
same record. What fails by the cell's own fault is a record; out of memory is tried once more with
the batch in two pieces; a disk that takes nothing leaves the cell open.
"""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from lightning_modules.keeper import EpochRow
from lightning_modules.stopping import Stopped
from sweeps import attempts
from sweeps.attempts import Attempt
from sweeps.cell import Cell
from sweeps.claim import claim
from sweeps.context import Context
from sweeps.errors import UserError
from sweeps.failure import Failure, classify
from sweeps.measurement import earlier, history, latency, results
from sweeps.mirror.live import Tracker
from sweeps.outcome import (
    LostAgain,
    disk_trouble,
    failed,
    lost_text,
    made_record,
    may_shrink,
    note_end,
)
from sweeps.phases import Phases
from sweeps.provenance import code, provenance
from sweeps.record import (
    Damaged,
    Record,
    RunPaths,
    read_record,
    write_atomically,
    write_record,
)
from sweeps.workbench import Workbench, uses_gpu


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

    An error in the cell's own code ends in a record with status "failed"; it stays until it is set
    aside. The dense parent must be done before.

    Raises:
        Busy: another process runs this cell.
        Stopped: asked to leave; the cell is open and goes on from a checkpoint.
        DiskTrouble: the disk is full or gone; the cell is open.
        UserError: the ledger cannot be written, or another version wrote it.
    """
    paths = RunPaths(context.ledger, cell.key)
    with claim(paths.lock):
        try:
            record = _known(paths)
            if record and (record["status"] == "failed" or is_finished(record, context)):
                return record
            if record:
                return _timed(cell, paths, context, record)
            return _attempt(cell, paths, context) or _attempt_smaller(cell, paths, context)
        except OSError as error:
            if classify(error) is not Failure.DISK:
                raise
            raise disk_trouble(paths, error) from None


def is_finished(record: Record, context: Context) -> bool:
    """Whether nothing of the cell is missing."""
    return record["status"] == "done" and bool(record["latency"] or not context.time_latency)


def _known(paths: RunPaths) -> Record | None:
    """The record; one that is damaged is set aside, to be made again from the phases' files."""
    try:
        return read_record(paths)
    except Damaged:
        paths.set_aside(paths.record, "damaged")
        return None


def _timed(cell: Cell, paths: RunPaths, context: Context, record: Record) -> Record:
    bench = Workbench(cell, paths, context.datasets, context.trainer)
    record |= {"latency": latency(bench, bench.finished())}
    write_record(paths, record)
    if context.tracking == "wandb":  # an offline run is closed for good, a live one goes on
        with _tracker(cell, paths, context) as tracker:
            tracker.finish(record)
    return record


def _tracker(cell: Cell, paths: RunPaths, context: Context) -> Tracker:
    return Tracker(
        cell,
        paths,
        context.tracking,
        sweep=context.sweep,
        wandb=context.wandb,
        code=code(context.ledger) if context.tracking != "none" else None,
    )


def _attempt_smaller(cell: Cell, paths: RunPaths, context: Context) -> Record:
    import torch

    gc.collect()
    if uses_gpu():
        torch.cuda.empty_cache()
    record = _attempt(cell, paths, context)
    assert record is not None
    return record


def _attempt(cell: Cell, paths: RunPaths, context: Context) -> Record | None:
    """One attempt; None asks for another one, which will take smaller pieces."""
    made = _begin(cell, paths, context)
    context = replace(context, trainer={**context.trainer, "accumulate": made[-1]["accumulate"]})
    try:
        with _tracker(cell, paths, context) as tracker:
            record = _outcome(cell, paths, context, tracker)
            if record:
                tracker.finish(record)
    except Stopped:
        raise
    except UserError:
        note_end(paths, "refusal")
        raise
    except KeyboardInterrupt:
        note_end(paths, "interruption")
        raise
    if record and record["status"] == "done":
        for path in paths.folder.glob("*.ckpt*"):
            path.unlink()
    return record


def _outcome(cell: Cell, paths: RunPaths, context: Context, tracker: Tracker) -> Record | None:
    """The record of success or failure, written; None asks for another attempt."""
    made = attempts.read(paths.attempts)
    try:
        if attempts.barren(made) > context.retries:
            raise LostAgain(lost_text(made))
        bench = Workbench(cell, paths, context.datasets, context.trainer)
        record = _run(bench, context, tracker)
        attempts.end(paths.attempts, "done")
        record["provenance"]["attempts"] = attempts.brief(attempts.read(paths.attempts))
        write_record(paths, record)
        return record
    except Stopped:
        tracker.leave()
        raise
    except UserError:
        raise
    except Exception as error:
        return failed(cell, paths, error, made)


def _begin(cell: Cell, paths: RunPaths, context: Context) -> list[Attempt]:
    """Note the start. After a lack of memory the batch is cut in twice as many pieces."""
    write_atomically(paths.cell, json.dumps(cell.json(), indent=1).encode())
    before, pieces = attempts.read(paths.attempts), context.trainer.get("accumulate", 1)
    if may_shrink(before[-1:], cell):
        pieces = 2 * before[-1]["accumulate"]
    elif before:
        pieces = max(pieces, before[-1]["accumulate"])
    return attempts.begin(paths.attempts, mark=paths.mark(), accumulate=pieces)


def _run(bench: Workbench, context: Context, tracker: Tracker) -> Record:
    def on_epoch(row: EpochRow) -> None:
        tracker.epoch(row)
        if context.on_epoch:
            context.on_epoch(row)

    if context.tracking != "none":
        for row in earlier(bench):
            tracker.epoch(row)
    phases = Phases(bench, on_epoch, context.progress, context.stop)
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
    origin = provenance(bench.cell, context.ledger) | {"data_checksum": bench.data.checksum}
    record = made_record(bench.cell, "done", result, timed, clock.seconds, origin)
    if bench.cell.is_search:
        record["search_seconds"] = bench.load("prune-0")["search_seconds"]
    return record
