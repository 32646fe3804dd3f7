"""Send a plan's cells to where they run: this process, or workers of this machine.

A dispatcher gets the cells and the context and returns when all are settled; it knows nothing of
grids. A cluster is a value of ``conf/cluster`` whose ``kind`` names its dispatcher.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from sweeps.cell import Cell
from sweeps.errors import UserError, near_miss
from sweeps.execute import Context
from sweeps.ledger import Ledger
from sweeps.progress import Progress
from sweeps.worker import work

POLL_S = 1.0


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


def local(cells: Sequence[Cell], context: Context, options: Mapping[str, Any]) -> None:
    """Worker processes of this machine that share the cells, then one that times them alone."""
    threads = {**context.trainer, "threads": options["threads"]}
    count = min(options["workers"], len(cells))
    crowd = replace(context, trainer=threads, time_latency=count == 1)
    with Progress(cells, "cells") as progress:
        _submit(cells, crowd, options, count, progress)
    if not crowd.time_latency:
        with Progress(cells, "latency", lines=False) as progress:
            _submit(cells, replace(crowd, time_latency=True), options, 1, progress)


def _submit(
    cells: Sequence[Cell],
    context: Context,
    options: Mapping[str, Any],
    count: int,
    progress: Progress,
) -> None:
    import submitit

    executor = submitit.LocalExecutor(folder=context.ledger / "jobs")
    executor.update_parameters(timeout_min=options["timeout_min"])
    jobs = [executor.submit(work, tuple(cells), context) for _ in range(count)]
    try:
        _watch(jobs, Ledger(context.ledger), context, progress)
    except BaseException:
        for job in jobs:
            job.cancel(check=False)
        raise
    for job in jobs:
        error = job.exception()
        if error is not None:
            raise UserError(
                f"a worker ended early ({_last_line(error)}); its log: {job.paths.stderr}"
            )


def _watch(jobs: Sequence[Any], ledger: Ledger, context: Context, progress: Progress) -> None:
    running = True
    while running:
        running = not all(job.done() for job in jobs)
        progress.read(ledger, timed=context.time_latency)
        if running:
            time.sleep(POLL_S)


def _last_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else type(error).__name__


DISPATCHERS: Mapping[str, Callable[..., None]] = {"here": here, "local": local}
