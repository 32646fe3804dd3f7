"""One cell from the command line, and what a variant costs without training it."""

from __future__ import annotations

import sys
from typing import Any

from sweeps.applicable import why_not
from sweeps.cell import Cell
from sweeps.claim import Busy
from sweeps.context import Context
from sweeps.errors import UserError
from sweeps.execute import execute
from sweeps.ledger import Ledger
from sweeps.measurement import cost
from sweeps.mirror.live import check
from sweeps.preflight import preflight, unbuildable
from sweeps.progress import line
from sweeps.record import Record
from sweeps.settings import Settings
from sweeps.show import table
from sweeps.workbench import Workbench


class CellFailed(RuntimeError):
    """The cell ended in a failed record."""


def run_cell(cell: Cell, settings: Settings) -> Record:
    """Run a cell, its dense parent before it, and print its line.

    Raises:
        UserError: it cannot work, its data are missing, or another process runs it.
        CellFailed: it failed; the record has the traceback.
    """
    reason = why_not(cell)
    if reason:
        raise UserError(f"{cell} is inapplicable: {reason}")
    settings.ledger.prepare()
    preflight([cell], settings.datasets, settings.trainer)
    check(settings.tracking, settings.wandb)
    context = Context(
        ledger=settings.ledger.root,
        datasets=settings.datasets,
        trainer=settings.trainer,
        tracking=settings.tracking,
        progress=sys.stderr.isatty(),
        wandb=settings.wandb,
    )
    for part in [cell.parent, cell] if cell.parent else [cell]:
        record = _execute(part, context)
        print(line(part, record))
        if record["status"] == "failed":
            where = settings.ledger.paths(part.key).record
            error = record["error"]
            raise CellFailed(f"{error['type']}: {error['message']}; the traceback is in {where}")
    return record


def _execute(cell: Cell, context: Context) -> Record:
    ledger = Ledger(context.ledger)
    if (before := ledger.sound_record(cell.key)) and before["status"] == "failed":
        ledger.set_aside(cell.key)
    try:
        return execute(cell, context)
    except Busy as owner:
        raise UserError(
            f"cell {cell.key} is being run by {owner}; wait for it or stop it, then run again"
        ) from None


def cost_of(cell: Cell, settings: Settings) -> dict[str, Any]:
    """Parameters, MACs and latency of a cell's dense network with fresh weights."""
    reason = why_not(cell)
    if reason:
        raise UserError(f"{cell} is inapplicable: {reason}")
    if not cell.is_dense:
        raise UserError("do=cost looks at fresh networks, which are not pruned; leave out pruning=")
    if problems := unbuildable([cell]):
        raise UserError("\n".join(problems))
    paths = settings.ledger.paths(cell.key)
    return cost(Workbench(cell, paths, settings.datasets, settings.trainer))


def cost_text(cell: Cell, found: dict[str, Any]) -> str:
    """The cost as a table."""
    cost, latency = found["cost"], found["latency"]
    rows = [
        ["parameters", f"{cost['params']:,}", f"{found['ratio']['params']:.4f}"],
        ["MACs", f"{cost['macs']:,}", f"{found['ratio']['macs']:.4f}"],
        ["latency p50", f"{latency['p50_ms']:.3f} ms", f"{latency['ratio']:.3f}"],
    ]
    size = cell.data.options["image_size"]
    where = (
        f"{latency['device']}, {latency['dtype']}, batch {latency['batch']}, {latency['protocol']}"
    )
    head = (
        f"{cell.backbone} {cell.attention} at {size} px, {cell.data.options['num_classes']} classes"
    )
    return f"{head}\n{table(['cost', 'value', 'x plain'], rows)}\nlatency: {where}"
