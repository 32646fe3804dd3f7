"""What a cell's start costs: forked from a warm process against a process of its own.

    python -m benchmarks.warm_packs [--cells 6]

CPU seconds (user and system, the process and its children) from the start until the cell's own
work begins, taken on a cell that is done already, so that nothing else happens. A pack also
imports once: that is shown apart, and spread over 64 cells. Below, the same for a whole cell of a
few steps.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sweeps.cell import Cell
from sweeps.cluster import child
from sweeps.context import Context
from sweeps.grid import Sweep
from sweeps.overrides import CONF, read_yaml
from sweeps.plan import cells_of
from sweeps.settings import defaults

ROOT = Path(__file__).parents[1]
TINY = ["data=synthetic", "data.size=64", "data.image_size=8", "recipe=smoke", "backbone=resnet8"]
QUIET = ["tracking=none", "trainer.accelerator=cpu", "trainer.threads=1"]
PACK = 64


def context(ledger: Path) -> Context:
    trainer = read_yaml(CONF / "settings.yaml")["trainer"]
    own = {"accelerator": "cpu", "threads": 1, "latency_seconds": 0.02}
    return Context(ledger, ledger, trainer | own, tracking="none")


def forked(cell: Cell, ledger: Path) -> float:
    """CPU seconds of one forked child."""
    before = cpu()
    one = child.start(cell, context(ledger), lambda: False)
    while one.reap() is None:
        time.sleep(0.005)
    return cpu() - before


def alone(cell: Cell, ledger: Path) -> float:
    """CPU seconds of a process of the cell's own."""
    before = cpu()
    asked = [*TINY, *QUIET, "trainer.latency_seconds=0.02", f"seed={cell.seed}"]
    command = [sys.executable, str(ROOT / "run.py"), *asked, f"ledger={ledger}"]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "TRIPTYCH_USER": ""}
    subprocess.run(command, check=True, capture_output=True, env=environment)
    return cpu() - before


def cpu() -> float:
    """CPU seconds of the children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def warm() -> float:
    """CPU seconds of importing what the children need."""
    before = time.process_time()
    import sweeps.execute  # noqa: F401

    return time.process_time() - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=6)
    count = parser.parse_args().cells
    seeds = ",".join(map(str, range(count)))
    cells = cells_of(Sweep.parse("bench", {"common": [*TINY, f"seed={seeds}"]}), defaults())
    imports = warm()
    with tempfile.TemporaryDirectory() as folder:
        one, other = Path(folder) / "one", Path(folder) / "other"
        whole = [(forked(cell, one), alone(cell, other)) for cell in cells]
        start = [(forked(cell, one), alone(cell, other)) for cell in cells]
    for name, pairs in (("start", start), ("a whole cell of a few steps", whole)):
        fork, own = (statistics.median(column) for column in zip(*pairs, strict=True))
        shared = fork + imports / PACK
        print(f"{name}: forked {fork:.3f} s of CPU, own process {own:.2f} s: 1/{own / fork:.0f}; "
              f"with the imports ({imports:.1f} s) over {PACK} cells {shared:.3f} s: "
              f"1/{own / shared:.0f}")  # fmt: skip


if __name__ == "__main__":
    main()
