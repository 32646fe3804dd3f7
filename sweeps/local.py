"""Worker processes of this machine, through submitit's local executor."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from sweeps.cell import Cell
from sweeps.context import Context
from sweeps.errors import UserError
from sweeps.ledger import Ledger
from sweeps.progress import Progress
from sweeps.worker import work

POLL_S = 1.0
GRACE_S = 3.0
"""How long workers may take to leave by themselves: a terminal's Ctrl-C reaches them too."""


def local(cells: Sequence[Cell], context: Context, options: Mapping[str, Any]) -> None:
    """Workers share the cells; then one times them all, alone on the machine.

    Args:
        options: workers (0: one a GPU, or one a core), threads of one, timeout_min.

    Raises:
        UserError: workers ended early and left cells undone.
        KeyboardInterrupt: interrupted; the workers are stopped.
    """
    trainer = {**context.trainer, "threads": options["threads"]}
    count = min(options["workers"] or _places(options["threads"]), len(cells))
    crowd = replace(context, trainer=trainer, time_latency=count == 1)
    with Progress(cells, "cells") as progress:
        _run(cells, crowd, options, count, progress)
    if not crowd.time_latency:
        with Progress(cells, "latency", lines=False) as progress:
            _run(cells, replace(crowd, time_latency=True), options, 1, progress)


def _places(threads: int) -> int:
    import torch

    cores = len(os.sched_getaffinity(0)) // max(threads, 1)
    return torch.cuda.device_count() or max(cores, 1)


def _run(
    cells: Sequence[Cell],
    context: Context,
    options: Mapping[str, Any],
    count: int,
    progress: Progress,
) -> None:
    folder = context.ledger / "jobs"
    with _errors_to(folder / "controllers.log"):
        jobs = [_submit(cells, context, options, number) for number in range(count)]
    try:
        _watch(jobs, Ledger(context.ledger), context, progress)
    except BaseException:
        _stop(jobs)
        raise
    errors = [error for job in jobs if (error := job.exception()) is not None]
    if errors and progress.left:
        last = str(errors[0]).strip().splitlines()[-1]
        raise UserError(
            f"workers ended early and left {progress.left} cells ({last}); their logs are in "
            f"{folder}; the same command goes on"
        )


def _submit(
    cells: Sequence[Cell], context: Context, options: Mapping[str, Any], number: int
) -> Any:
    """One worker; it sees one GPU if there are any (submitit hides those not asked for)."""
    import submitit
    import torch

    executor = submitit.LocalExecutor(folder=context.ledger / "jobs")
    executor.update_parameters(timeout_min=options["timeout_min"])
    if gpus := torch.cuda.device_count():
        executor.update_parameters(gpus_per_node=1, visible_gpus=(number % gpus,))
    return executor.submit(work, tuple(cells), context)


def _watch(jobs: Sequence[Any], ledger: Ledger, context: Context, progress: Progress) -> None:
    running = True
    while running:
        running = not all(job.done() for job in jobs)
        progress.read(ledger, timed=context.time_latency)
        if running:
            time.sleep(POLL_S)


def _stop(jobs: Sequence[Any]) -> None:
    _wait(jobs, GRACE_S)
    for job in jobs:
        if not job.done():
            job.cancel(check=False)
    _wait(jobs, 10 * GRACE_S)


def _wait(jobs: Sequence[Any], seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not all(job.done() for job in jobs):
        time.sleep(0.1)


@contextmanager
def _errors_to(path: Path) -> Iterator[None]:
    """Processes started within write their errors to a file instead of the terminal."""
    path.parent.mkdir(parents=True, exist_ok=True)
    before = os.dup(2)
    with path.open("ab") as file:
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)
