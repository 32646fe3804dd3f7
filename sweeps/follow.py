"""A task of a SLURM job that trains a cell along with the first one, see `sweeps.ranks`."""

from __future__ import annotations

from lightning_modules.stopping import Stopped
from sweeps.cell import Cell
from sweeps.context import Context
from sweeps.phases import Phases
from sweeps.ranks import LeaderLeft, is_over
from sweeps.record import RunPaths
from sweeps.workbench import Workbench


def follow(cell: Cell, paths: RunPaths, context: Context) -> None:
    """What every task but the first does for a cell; it writes nothing.

    Returns when nothing is left to train, the cell has a record, or the training was stopped.

    Raises:
        LeaderLeft: nothing was heard of the leader for an hour.
    """
    if is_over(paths):
        return
    bench = Workbench(cell, paths, context.datasets, context.trainer)
    phases = Phases(bench, stop=context.stop, leader=False)
    try:
        if cell.is_dense:
            phases.fit()
        for number in range(bench.rounds):
            phases.prune(number)
            phases.refit(number)
    except Stopped:
        return
    except LeaderLeft:
        if not is_over(paths):
            raise
