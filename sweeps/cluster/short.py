"""A cell cut short, to an epoch of a few steps in each phase, and what that says of the whole."""

from __future__ import annotations

import platform
import statistics
import time
import traceback
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import torch

from lightning_modules.catalog import variant
from sweeps.cell import Cell, Choice
from sweeps.context import Context
from sweeps.evidence import CPU
from sweeps.execute import execute
from sweeps.provenance import sources
from sweeps.record import RunPaths
from sweeps.workbench import Workbench, uses_gpu

STEPS = 10
"""Batches of an epoch."""

Row = dict[str, Any]
"""What ``sweeps.cluster.rehearsal`` keeps of a cell."""


@dataclass
class Pace:
    """Asked after every batch but an epoch's last, and before every phase; never says stop.

    Attributes:
        times: when it was asked, with nothing left to do on a GPU.
        end: when the last epoch had been validated and saved.
    """

    times: list[float] = field(default_factory=list)
    end: float = 0.0

    def __call__(self) -> bool:
        if uses_gpu():
            torch.cuda.synchronize()
        self.times.append(time.perf_counter())
        return False

    def ended(self, row: object) -> None:
        """Told of every epoch that ends."""
        self.end = time.perf_counter()

    def measured(self, count: int) -> tuple[float, float]:
        """Seconds of a step of the last epoch, and of its end, when it had ``count`` steps.

        Median of the steps but the first, which warms up; the last one counts with the end.
        """
        times = self.times[-(count - 1) :] if count > 1 else []
        steps = [after - before for before, after in pairwise(times)]
        left = self.end - self.times[-1]
        step = statistics.median(steps[1:] or steps) if steps else left / count
        return step, max(left - step, 0.0)


def run_short(cell: Cell, context: Context, processes: int = 1) -> Row:
    """Run a cell cut short in the context's ledger, where its dense parent was run before.

    Args:
        context: of one process.
        processes: how many will share each batch of the real cell.
    """
    row: Row = {"key": cell.key, "cell": cell.json(), "ok": False, "seconds": None}
    row |= {"step_seconds": None, "sources": sources(cell), "error": None}
    pieces = max(processes, context.trainer["accumulate"])
    trainer = {**context.trainer, "steps": STEPS, "accumulate": pieces}
    try:
        row |= _outcome(cell, replace(context, trainer=trainer), processes)
    except Exception as error:
        trace = "".join(traceback.format_exception(error))
        row["error"] = {"type": type(error).__name__, "message": str(error), "traceback": trace}
    return row | _machine()


def _outcome(cell: Cell, context: Context, processes: int) -> Row:
    pace, start = Pace(), time.perf_counter()
    record = execute(shortened(cell), replace(context, stop=pace, on_epoch=pace.ended))
    spent = time.perf_counter() - start
    if record["status"] != "done":
        return {"error": record["error"]}
    if not (trained := epochs(cell)):
        return {"ok": True, "seconds": spent, "step_seconds": None}
    steps = steps_per_epoch(cell, context)
    step, end = pace.measured(min(STEPS, steps))
    rest = max(spent - step * min(STEPS, steps) - end, 0.0)
    seconds = (step * steps / processes + end) * trained + rest
    return {"ok": True, "seconds": seconds, "step_seconds": step}


def epochs(cell: Cell) -> int:
    """Epochs that a cell trains itself: its fit, or its refit if it is pruned."""
    options, fits = cell.recipe.options, cell.is_dense or cell.is_search
    return int(options["epochs"] if fits else options["refit"]["epochs"])


def steps_per_epoch(cell: Cell, context: Context) -> int:
    """Batches that an epoch of the real cell has."""
    bench = Workbench(cell, RunPaths(context.ledger, cell.key), context.datasets, context.trainer)
    return len(bench.data.train_dataloader())


def shortened(cell: Cell) -> Cell:
    """The cell with at most one epoch in each of its phases, and with a search of a few steps."""
    options = {**cell.recipe.options, "epochs": 1}
    for phase in ("refit", "supernet"):
        if own := options.get(phase):
            options[phase] = {**own, "epochs": min(own["epochs"], 1)}
    less = variant("pruning", cell.pruning.name).facts.get("short", {})
    pruning = Choice(cell.pruning.name, {**cell.pruning.options, **less})
    return replace(cell, pruning=pruning, recipe=Choice(cell.recipe.name, options))


def _machine() -> dict[str, Any]:
    used = uses_gpu()
    return {
        "gpu_peak_mib": torch.cuda.max_memory_reserved() / 2**20 if used else None,
        "host": platform.node(),
        "device": torch.cuda.get_device_name() if used else CPU,
    }
