"""Send a plan's cells to where they run: this process, workers of this machine, or SLURM.

A dispatcher gets an order and returns when all cells are settled, or, if they run without it, at
once with a word on where they went; it knows nothing of grids. A cluster is a value of
``conf/cluster`` whose ``kind`` names its dispatcher.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from sweeps.errors import UserError, near_miss
from sweeps.local import local
from sweeps.order import Order
from sweeps.progress import Progress
from sweeps.worker import work


class Dispatcher(Protocol):
    """Looks whether an order can be done, and returns what does it."""

    def __call__(self, order: Order, /) -> Callable[[], str | None]: ...


def prepare(order: Order) -> Callable[[], str | None]:
    """What will run the cells; it says where they went if they run without this process.

    Raises:
        UserError: the cluster's kind does not exist, or it would not take the cells.
    """
    kind = order.cluster.get("kind", "")
    if kind not in DISPATCHERS:
        raise UserError(near_miss("cluster kind", str(kind), DISPATCHERS))
    return DISPATCHERS[kind](order)


def _here(order: Order) -> Callable[[], None]:
    return lambda: here(order)


def _local(order: Order) -> Callable[[], None]:
    return lambda: local(order.cells, order.context, order.cluster)


def _slurm(order: Order) -> Callable[[], str]:
    from sweeps.cluster.submit import Submitter

    return Submitter(order).submit


def here(order: Order) -> None:
    """One cell after the other in this process."""
    with Progress(order.cells, "cells") as progress:
        told = replace(order.context, on_epoch=progress.epoch)
        work(order.cells, told, started=progress.started, finished=progress.finished)


DISPATCHERS: Mapping[str, Dispatcher] = {"here": _here, "local": _local, "slurm": _slurm}
