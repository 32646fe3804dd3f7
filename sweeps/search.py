"""Search a connection scheme on a cell's supernet, and keep it as a ticket."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lightning_modules.build import criterion
from lightning_modules.options import Search
from lightning_modules.pruning._sites import Oracle, Scheme, Ticket, Worth, scheme_text
from lightning_modules.stopping import Stopped
from lightning_modules.storage import copied
from sweeps.claim import Busy, claim
from sweeps.evaluator import Evaluator
from sweeps.measurement import chosen_device
from sweeps.record import RunPaths, write_atomically
from sweeps.schemes import Schemes
from sweeps.workbench import Workbench

__all__ = ["search"]

POLL_S = 0.5


def search(
    bench: Workbench, stop: Callable[[], bool] | None = None, *, progress: bool = False
) -> dict[str, Any]:
    """Search, write the ticket's file, and return what the prune phase keeps.

    One search at a time asks a supernet; the next one finds the answers there.

    Raises:
        Stopped: ``stop`` was true; what was evaluated is kept.
        ValueError: there is no validation split, or the options do not fit the number of blocks.
    """
    rule, options = criterion(bench.cell.pruning)
    assert isinstance(options, Search)
    assert bench.cell.parent is not None
    parent = RunPaths(bench.paths.ledger, bench.cell.parent.key)
    path = parent.schemes(options.recalibrate)
    with _turn(path.with_suffix(".lock"), stop):
        evaluate = _evaluator(bench, options)
        schemes = Schemes(path, evaluate, stop=stop, progress=bench.paths.searching)
        with _shown(schemes, options.steps * options.samples, progress) as shown:
            oracle = Oracle(bench.stages, shown)
            found, seconds = _timed(schemes, lambda: rule.search(oracle, options, bench.cell.seed))
    ticket = Ticket(scheme_text(found, bench.stages))
    cost = {**oracle.cost, "supernet": parent.key}
    write_atomically(bench.paths.ticket, _file(bench, ticket, oracle.known.get(found), cost))
    network = bench.ticket(ticket.connect, inherits=rule.start == "init")
    return {
        "pruned": ticket.state(),
        "sparsity": ticket.sparsity,
        "state": copied(network.state_dict()),
        "search": cost,
        "search_seconds": round(seconds, 3),
    }


def _timed(schemes: Schemes, search: Callable[[], Scheme]) -> tuple[Scheme, float]:
    """What a search finds, and the seconds of it and of every answer, whoever made that."""
    start = time.perf_counter()
    found = search()
    thought = time.perf_counter() - start - sum(schemes.fresh.values())
    return found, max(thought, 0.0) + sum(schemes.seconds.values())


def _evaluator(bench: Workbench, options: Search) -> Evaluator:
    device = chosen_device(bench)
    batches = bench.calibration(device, batches=options.recalibrate)
    return Evaluator(
        bench.supernet().to(device),
        bench.data.validation(device),
        [images for images, _ in batches],
        bench.trainer.get("steps"),
    )


@contextmanager
def _turn(lock: Path, stop: Callable[[], bool] | None) -> Iterator[None]:
    """Wait until no other process asks the supernet."""
    while True:
        try:
            with claim(lock):
                yield
            return
        except Busy:
            if stop and stop():
                raise Stopped("stopped while another search asks the supernet") from None
            time.sleep(POLL_S)


@contextmanager
def _shown(schemes: Schemes, most: int, progress: bool) -> Iterator[Callable[[Scheme], Worth]]:
    """The same; with ``progress`` a bar tells how many were evaluated."""
    from tqdm import tqdm

    with tqdm(
        total=most, desc="schemes", unit="scheme", disable=not progress, dynamic_ncols=True
    ) as bar:

        def ask(scheme: Scheme) -> Worth:
            bar.update()
            return schemes(scheme)

        yield ask


def _file(bench: Workbench, ticket: Ticket, worth: Worth | None, cost: dict[str, Any]) -> bytes:
    """The ticket as a file that ``attention.connect=<file>`` takes."""
    cell = bench.cell
    told = {
        "backbone": cell.backbone.name,
        "attention": cell.attention.name,
        "connect": ticket.connect,
        "source": f"{cell.pruning} search, run {bench.paths.key}",
        "cell": cell.json(),
        "search": cost,
        "supernet": vars(worth) if worth else None,
    }
    return json.dumps(told, indent=1).encode()
