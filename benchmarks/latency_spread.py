"""How far apart the latency protocol puts a network and its own copy.

    python -m benchmarks.latency_spread [--runs 12] [--seconds 1.0]

The true ratio is 1; what is printed is the error of one measurement. On two CPU cores shared with
other work (load average 1.6 to 1.8), torch 2.15, defaults, three processes:

    resnet20    1.7 to  2.4 ms    mean 0.994 to 1.003    std 0.002 to 0.020    0.948 to 1.020
    resnet164  12.3 to 13.3 ms    mean 1.002 to 1.004    std 0.005 to 0.009    0.984 to 1.021

so a difference below 2 % says nothing, and on a busy machine one measurement in a few dozen is
further off: look at ratio_p10 and ratio_p90, or give it more seconds.
"""

from __future__ import annotations

import argparse
import copy
import os
import statistics

from torch import nn

from lightning_modules.catalog import catalog, load
from lightning_modules.latency import measure

NETWORKS = {"resnet20": 32, "resnet164": 32}
"""Backbone and image size: a small network and a larger one."""


def network(name: str) -> nn.Module:
    """A backbone of the catalogue with its own defaults."""
    variant = catalog("backbone")[name]
    declared = {k: v for k, v in variant.facts["VARIANTS"][name].items() if k != "about"}
    model: nn.Module = load(variant).build(10, NETWORKS[name], **declared)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=12, help="measurements per network")
    parser.add_argument("--seconds", type=float, default=1.0, help="time of one measurement")
    asked = parser.parse_args()
    print(f"{asked.runs} runs of {asked.seconds} s; load average {os.getloadavg()[0]:.1f}")
    print(f"{'network':>10} {'p50 ms':>8} {'mean':>7} {'std':>7} {'least':>7} {'most':>7}")
    for name, size in NETWORKS.items():
        model = network(name)
        other = copy.deepcopy(model)
        found = [
            measure(model, other, image_size=size, seconds=asked.seconds) for _ in range(asked.runs)
        ]
        ratios = [latency.ratio for latency in found]
        p50 = statistics.median(latency.p50_ms for latency in found)
        print(
            f"{name:>10} {p50:8.2f} {statistics.mean(ratios):7.4f} {statistics.pstdev(ratios):7.4f}"
            f" {min(ratios):7.4f} {max(ratios):7.4f}"
        )


if __name__ == "__main__":
    main()
