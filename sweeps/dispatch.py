"""Send a plan's cells to where they run: this process, or workers of this machine.

A dispatcher gets the cells and the context and returns when all are settled; it knows nothing of
grids. A cluster is a value of ``conf/cluster`` whose ``kind`` names its dispatcher.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from sweeps.cell import Cell
from sweeps.errors import UserError, near_miss
from sweeps.execute import Context
from sweeps.local import local
from sweeps.progress import Progress
from sweeps.worker import work


class Dispatcher(Protocol):
    """Runs cells somewhere; ``options`` are the cluster's."""

    def __call__(
        self, cells: Sequence[Cell], context: Context, options: Mapping[str, Any], /
    ) -> None: ...


def dispatch(cells: Sequence[Cell], context: Context, cluster: Mapping[str, Any]) -> None:
    """Run cells on a cluster.

    Raises:
        UserError: the cluster's kind does not exist.
        KeyboardInterrupt: interrupted; what ran keeps its last whole epoch.
    """
    kind = cluster.get("kind", "")
    if kind not in DISPATCHERS:
        raise UserError(near_miss("cluster kind", str(kind), DISPATCHERS))
    DISPATCHERS[kind](cells, context, cluster)


def here(cells: Sequence[Cell], context: Context, options: Mapping[str, Any]) -> None:
    """One cell after the other in this process."""
    with Progress(cells, "cells") as progress:
        told = replace(context, on_epoch=progress.epoch)
        work(cells, told, started=progress.started, finished=progress.finished)


DISPATCHERS: Mapping[str, Dispatcher] = {"here": here, "local": local}
