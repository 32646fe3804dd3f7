"""What is sent for open cells: the arrays, and the canaries before them. One answer for the plan
that is shown and for the submission."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sweeps.cell import Cell
from sweeps.cluster.arrays import Array, Layout
from sweeps.cluster.canaries import choose, proven
from sweeps.cluster.resources import Resources
from sweeps.forecast import Forecast


def lay_out(
    cells: Sequence[Cell],
    resources: Callable[[Cell], Resources],
    cluster: Mapping[str, Any],
    forecast: Forecast,
    *,
    longest: int,
    most: int,
    queued: Mapping[str, str],
) -> tuple[list[Array], tuple[Cell, ...]]:
    """Arrays for cells, and the cells to try before them.

    Args:
        cells: those that are open and not in the queue, in the order in which they are preferred.
        resources: the class of each.
        cluster: its options.
        forecast: from what ran before.
        longest: most tasks of one array.
        most: most tasks of all, if that can be.
        queued: tasks of earlier submissions by the cell they answer for.
    """
    on_gpu = {cell.key: resources(cell).gpus > 0 for cell in cells}
    seconds = {c.key: forecast.seconds(c, on_gpu=on_gpu[c.key]) for c in cells}
    layout = Layout(
        resources, lambda c: seconds[c.key], 60 * float(cluster["pack_minutes"]), longest, queued
    )
    tried = proven(forecast.evidence, on_gpu=any(on_gpu.values()))
    canaries = choose(cells, tried) if cluster["canary"] else ()
    return layout.arrays(cells, most), canaries
