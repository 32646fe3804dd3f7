"""The jobs that a sweep would be sent as, looked at before anything is sent."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sweeps.cell import Cell
from sweeps.cluster import slurm
from sweeps.cluster.arrays import Array
from sweeps.cluster.checks import Limits, check
from sweeps.cluster.layout import lay_out
from sweeps.cluster.queue import Standing
from sweeps.cluster.resources import Resources, of_cells
from sweeps.errors import UserError
from sweeps.forecast import Bill, Forecast
from sweeps.frozen import Plan
from sweeps.settings import Settings

USUAL = Limits(longest=1001, most=10_000)
"""What SLURM allows where nobody has set anything else (MaxArraySize, MaxJobCount)."""


@dataclass(frozen=True)
class Planned:
    """An array of jobs, one a task.

    Args:
        cells: those that its tasks answer for.
    """

    array: Array
    cells: Sequence[Cell]
    bill: Bill


@dataclass(frozen=True)
class Jobs:
    """What would be sent.

    Args:
        canaries: cells that are tried first.
        bill: what all cells cost.
        notes: what stands in the way, or is not known here.
    """

    arrays: Sequence[Planned]
    canaries: Sequence[Cell]
    bill: Bill
    notes: Sequence[str]

    @property
    def tasks(self) -> int:
        return sum(len(one.array.tasks) for one in self.arrays)

    @property
    def total(self) -> int:
        """All jobs: the tasks, one that tries the canaries, and the report."""
        return self.tasks + bool(self.canaries) + bool(self.arrays)


def jobs(
    plan: Plan, left: Sequence[Cell], settings: Settings, now: Standing, forecast: Forecast
) -> Jobs:
    """The jobs for cells of a plan, on the cluster of the settings.

    Args:
        left: those that are open.
        now: what SLURM has already.
    """
    queued = {key: job.name for key, job in now.tasks.items()}
    cells = {cell.key: cell for cell in left if cell.key not in queued}
    resources = of_cells(settings.cluster, settings.trainer, plan.resources)
    limits, notes = _limits({resources(cell) for cell in cells.values()}, settings, plan.sweep)
    if now.note and slurm.exists():
        notes.append(f"SLURM could not be asked what is in its queue: {now.note}")
    arrays, canaries = lay_out(
        tuple(cells.values()),
        resources,
        settings.cluster,
        forecast,
        longest=limits.longest,
        most=limits.for_cells,
        queued=queued,
    )
    made = []
    for array in arrays:
        own = [cells[key] for pack in array.tasks for key in pack]
        made.append(Planned(array, own, Bill.of(own, resources, forecast)))
    return Jobs(made, canaries, Bill.of(cells.values(), resources, forecast), notes)


def _limits(
    classes: Collection[Resources], settings: Settings, sweep: str
) -> tuple[Limits, list[str]]:
    """What the cluster allows; where it cannot be asked or would refuse, the usual, and why."""
    if not slurm.exists():
        return USUAL, [
            f"this machine has no SLURM commands: arrays of at most {USUAL.longest} tasks are "
            "assumed, and what is in the queue is not known"
        ]
    if not classes:
        return USUAL, []
    try:
        return check(classes, settings.cluster, settings.ledger.root, sweep), []
    except UserError as error:
        return USUAL, [f"in the way: {line}" for line in str(error).splitlines()]
