"""How long reading 1,000 runs from W&B takes: ours against a loop over its Python objects.

    python -m benchmarks.wandb_read

Both ways and the server are processes of their own on the same machine (see tests/wandb_server),
taken in turn; the server's answers are ready, and the way to it is added to each request. Of W&B's
own server, which takes tenths of a second for a request, it says only how many there are. Medians
of several starts; two shared CPU cores, Python 3.11, wandb 0.31:

                                               0 ms away        10 ms away
    a loop over 1,000 runs   1,024 requests   0.9 to 1.2 s     11.7 to 12.3 s
    ours                         4 requests   0.08 to 0.11 s   0.12 to 0.17 s
    ratio                                     0.08 to 0.09     0.01
    ours, 5,000 runs             8 requests                    0.5 to 0.6 s

At 0 ms what is left is the texts, 3.5 MB: two fifths of the time they are in W&B's own client, most
of the rest is reading them as JSON.
"""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from math import prod
from multiprocessing.connection import Connection
from statistics import median
from typing import Any

from benchmarks.report_records import COUNTS, cells, outcome
from sweeps.frozen import Plan
from sweeps.mirror import entry, plans
from tests.wandb_server.reading import READING, sent_config, sent_summary
from tests.wandb_server.server import Answer, Server, serving
from tests.wandb_server.store import Run, Store

Counts = tuple[int, ...]
Spent = tuple[float, int]
"""Seconds and requests."""
FEW, MANY = (5, 10, 10, 2), COUNTS
"""Backbones, attentions, prunings, seeds: 1,000 and 5,000 runs."""
AWAY_S = {0.0: 9, 0.01: 2}
"""What the way to the server adds to each request, and how often both ways are taken in turn."""
SWEEP, PROJECT = "benchmark", "triptych"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        server = stack.enter_context(process(serve))
        os.environ |= {"WANDB_BASE_URL": server.recv(), "WANDB_API_KEY": Store.key}
        os.environ |= {"WANDB_DIR": folder, "WANDB_SILENT": "true"}
        slow, fast = (stack.enter_context(process(work, way)) for way in (naive, ours))
        for away_s, rounds in AWAY_S.items():
            told(server, FEW, away_s)
            print(f"the server is {1000 * away_s:.0f} ms away")
            compare(server, slow, fast, rounds)
        told(server, MANY, away_s)
        took = [spent(server, fast, MANY) for _ in range(rounds + 1)]
        say("ours", MANY, took[1:])


def compare(server: Connection, slow: Connection, fast: Connection, rounds: int) -> None:
    """The first time does not count: the server makes its answers."""
    took = [(spent(server, slow, FEW), spent(server, fast, FEW)) for _ in range(rounds + 1)][1:]
    say("a loop over the runs", FEW, [loop for loop, _ in took])
    say("ours", FEW, [own for _, own in took])
    ratios = sorted(own[0] / loop[0] for loop, own in took)
    print(f"  ratio {median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})")


def say(what: str, counts: Counts, took: Sequence[Spent]) -> None:
    seconds, requests = median(one for one, _ in took), took[0][1]
    print(f"  {what:<22}{prod(counts):6,} runs {seconds:7.3f} s {requests:6,} requests")


@contextmanager
def process(target: Callable[..., None], *given: Any) -> Iterator[Connection]:
    """A process, and the way to talk to it, which it gets first."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    one = context.Process(target=target, args=(theirs, *given))
    one.start()
    try:
        yield ours
    finally:
        one.terminate()
        one.join()


def work(ways: Connection, way: Callable[[], int]) -> None:
    """Read as often as asked; answers with the seconds, and how many runs there were.

    Python's collector is off, as `run.py` has it, for both ways alike.
    """
    gc.disable()
    while ways.recv():
        gc.collect()
        start = time.perf_counter()
        found = way()
        ways.send((time.perf_counter() - start, found))


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


def told(ways: Connection, counts: Counts, away_s: float) -> None:
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


def spent(server: Connection, reader: Connection, counts: Counts) -> Spent:
    reader.send(True)
    seconds, found = reader.recv()
    assert found == prod(counts)
    server.send(None)
    return seconds, server.recv()


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


def filled(counts: Counts) -> Store:
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
