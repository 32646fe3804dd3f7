"""How long 3,000 cells take to be submitted to a real SLURM, and its status while they run.

    python -m benchmarks.submission [--cells 3000]

On a machine with a cluster of its own it uses that one, else it starts one in a temporary folder
(root, and Debian's slurm-wlm slurmdbd mariadb-server munge; see make test-slurm). Seconds of wall
clock, whole commands; the cells are trivial and cancelled at the end.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.slurm.cluster import find_or_start
from tests.slurm.sweeping import Sweep, copy_project

LOOKS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=3000)
    cells = parser.parse_args().cells
    cluster = find_or_start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            project = copy_project(Path(folder) / "project")
            sweep = Sweep(cluster, project, Path(folder), "tiny", (f"seed=range(0,{cells})",))
            measure(sweep, cells)
    finally:
        cluster.stop()


def measure(sweep: Sweep, cells: int) -> None:
    submitted = seconds(sweep, "do=sweep")
    arrays = json.loads(sweep.plans()[0].read_text())["arrays"]
    tasks = sum(len(array["tasks"]) for array in arrays)
    print(f"{cells} cells submitted as {tasks} tasks in {len(arrays)} arrays: {submitted:.1f} s")
    sweep.until(lambda: list(sweep.ledger.glob("*/record.json")), 300)
    looks = [seconds(sweep, "do=status") for _ in range(LOOKS)]
    done = len(list(sweep.ledger.glob("*/record.json")))
    print(f"status while they run ({done} done): {min(looks):.2f} to {max(looks):.2f} s")
    print(f"cancelled in {seconds(sweep, 'do=cancel'):.1f} s")
    sweep.finish()


def seconds(sweep: Sweep, verb: str) -> float:
    """Wall clock of one command; it must succeed."""
    start = time.perf_counter()
    done = subprocess.run(
        sweep.command(verb), env=sweep.environment, capture_output=True, text=True, timeout=600
    )
    if done.returncode:
        sys.exit(done.stderr)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
