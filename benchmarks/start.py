"""How long `do=plan` takes from the shell, against importing Hydra.

    python -m benchmarks.start

Whole processes in turn, CPU seconds (user and system); the ratio is the median over the pairs.
Python may keep what it compiled, as it does where nobody forbids it.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys

ROUNDS = 15
PLAN = [sys.executable, "run.py", "do=plan", "sweep=demo"]
IMPORT = [sys.executable, "-c", "import hydra"]
ENVIRONMENT = {k: value for k, value in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def seconds(command: list[str]) -> float:
    """CPU seconds of one run of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env=ENVIRONMENT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    seconds(PLAN), seconds(IMPORT)
    pairs = [(seconds(PLAN), seconds(IMPORT)) for _ in range(ROUNDS)]
    ratios = sorted(plan / imported for plan, imported in pairs)
    plan, imported = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"do=plan {1e3 * plan:.0f} ms, import hydra {1e3 * imported:.0f} ms")
    print(f"ratio: {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")


if __name__ == "__main__":
    main()
