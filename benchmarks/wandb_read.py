"""How long reading 1,000 runs from W&B takes: ours against a loop over its Python objects.

    python -m benchmarks.wandb_read

The server is a process of its own on the same machine (see tests/wandb_server), its answers ready;
the way to it is added to each request. Of W&B's own server, which takes tenths of a second for a
request, it says only how many there are. Two shared CPU cores, Python 3.11, wandb 0.31:

                                               0 ms away      10 ms away
    a loop over 1,000 runs   1,024 requests   0.8 to 0.9 s   11.4 to 12.3 s
    ours                         3 requests       0.10 s        0.14 s
    ratio                                     0.10 to 0.12      0.01
    ours, 5,000 runs             7 requests                     0.5 s

At 0 ms what is left is the texts, 6 MB: more than half of the time they are in W&B's own client.
"""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import random
import tempfile
import time
from collections.abc import Callable
from functools import partial
from math import prod
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.report_records import COUNTS, cells, outcome
from sweeps.ledger import Plan
from sweeps.mirror import entry, plans
from tests.wandb_server.reading import READING, sent_config, sent_summary
from tests.wandb_server.server import Answer, Server, serving
from tests.wandb_server.store import Run, Store

FEW, MANY = (5, 10, 10, 2), COUNTS
"""Backbones, attentions, prunings, seeds: 1,000 and 5,000 runs."""
AWAY_S = (0, 0.01)
"""What the way to the server adds to each request."""
SWEEP, PROJECT = "benchmark", "triptych"


def main() -> None:
    ways, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,))
    process.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            os.environ |= {"WANDB_BASE_URL": ways.recv(), "WANDB_API_KEY": Store.key}
            os.environ |= {"WANDB_DIR": folder, "WANDB_SILENT": "true"}
            compare(ways)
    finally:
        process.terminate()


def compare(ways: Connection) -> None:
    for away_s in AWAY_S:
        told(ways, FEW, away_s)
        print(f"the server is {1000 * away_s:.0f} ms away")
        slow = seconds("a loop over the runs", prod(FEW), ways, naive)
        fast = seconds("ours", prod(FEW), ways, ours)
        print(f"  ours takes {fast / slow:.3f} of that")
    told(ways, MANY, AWAY_S[-1])
    seconds("ours", prod(MANY), ways, ours)


def serve(ways: Connection) -> None:
    """A server that does what it is told: (counts, way) or how many requests came."""
    with serving(Prepared()) as server:
        ways.send(server.url)
        while True:
            asked = ways.recv()
            if asked is None:
                ways.send(sum("/" not in name for name in server.asked))
            else:
                counts, away_s = asked
                server.store, server.fault = filled(counts), partial(wait, away_s)
                server.ready.clear()
                ways.send(True)
            server.asked.clear()


def told(ways: Connection, counts: tuple[int, ...], away_s: float) -> None:
    ways.send((counts, away_s))
    assert ways.recv()


def wait(seconds: float, server: Server, name: str) -> None:
    time.sleep(seconds)


def naive() -> int:
    """As W&B's documentation shows it; the plan, which has no summary, does not count."""
    import wandb

    runs = wandb.Api().runs(f"lab/{PROJECT}")
    return sum(bool(dict(run.config) and dict(run.summary)) for run in runs)


def ours() -> int:
    from sweeps.mirror.source import WandbSource

    source = WandbSource.read("lab", PROJECT, SWEEP)
    return sum(source.record(cell.key) is not None for cell in source.plan(SWEEP).cells)


def seconds(what: str, runs: int, ways: Connection, work: Callable[[], int]) -> float:
    """Do the work twice; print how long the second took, and how many requests it made.

    The first time the server makes its answers.
    """
    for _ in range(2):
        gc.collect()
        start = time.perf_counter()
        found = work()
        spent = time.perf_counter() - start
        assert found == runs
        ways.send(None)
        requests = ways.recv()
    print(f"  {what:<22}{runs:6,} runs {spent:7.2f} s {requests:6,} requests")
    return spent


class Prepared(Server):
    """A server that makes each answer once, as its own work is not what is measured."""

    def __init__(self) -> None:
        super().__init__(READING)
        self.ready: dict[bytes, Answer] = {}

    def graphql(self, body: bytes) -> Answer:
        if body not in self.ready:
            status, content = super().graphql(body)
            self.ready[body] = status, json.dumps(content).encode()
        else:
            self._noted("ready")
        return self.ready[body]


def filled(counts: tuple[int, ...]) -> Store:
    """A finished run for every cell, and the plan."""
    random.seed(0)
    store, plan = Store(), Plan(SWEEP, "synthetic records", tuple(cells(*counts)))
    runs = store.project(None, PROJECT)
    tag, about = entry.sweep_tag(SWEEP), plans.plan_id(SWEEP)
    settings: dict[str, Any] = {"group": SWEEP, "tags": [tag]}
    runs[about] = Run(about, config=sent_config(plans.plan_config(plan)), **settings)
    for cell in plan.cells:
        said = entry.summary(cell, outcome(cell), history())
        config = sent_config(entry.config(cell))
        runs[cell.key] = Run(cell.key, config=config, summary=sent_summary(said), **settings)
    return store


def history() -> list[dict[str, Any]]:
    return [
        {"phase": "fit", "epoch": n, "train_loss": random.random(), "val_accuracy": 0.9}
        for n in range(10)
    ]


if __name__ == "__main__":
    main()
