"""The demo grid with shared dense parents against the same cells each trained alone.

    python -m benchmarks.shared_parents

Runs the demo's cells of one backbone, attention and seed twice in one process, one after the
other: once as a sweep does it (the dense network trained once, its pruned children from it), once
with a ledger of its own for every cell, so that each trains its dense network itself.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from omegaconf import OmegaConf

from sweeps.cell import Cell
from sweeps.execute import Context
from sweeps.grid import Sweep
from sweeps.overrides import CONF, read_yaml
from sweeps.plan import ordered, plan
from sweeps.settings import defaults
from sweeps.worker import work


def main() -> None:
    torch.set_num_threads(1)
    content = OmegaConf.to_container(OmegaConf.load(CONF / "sweep/demo.yaml"))
    cells = plan(Sweep.parse("demo", content), defaults()).cells  # type: ignore[arg-type]
    asked = [c for c in cells if (c.backbone.name, c.attention.name, c.seed) == PICKED]
    with tempfile.TemporaryDirectory() as folder:
        run(asked[:1], Path(folder) / "warm-up")
        shared = run(asked, Path(folder) / "shared")
        alone = sum(run(ordered([c]), Path(folder) / c.key) for c in asked)
    print(f"{len(asked)} cells: shared parents {shared:.1f} s, each alone {alone:.1f} s")
    print(f"ratio: {alone / shared:.2f}")


PICKED = ("resnet20", "se", 0)
TRAINER = read_yaml(CONF / "settings.yaml")["trainer"] | {"accelerator": "cpu", "threads": 1}


def run(cells: Sequence[Cell], ledger: Path) -> float:
    """Seconds of wall clock to run cells in a ledger."""
    start = time.perf_counter()
    work(cells, Context(ledger, ledger, TRAINER, tracking="none"))
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
