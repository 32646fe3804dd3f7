"""The learning rate as a share of its peak, by epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def factor(options: Mapping[str, Any], epoch: float) -> float:
    """Learning rate divided by its peak at a (fractional) 0-based epoch of a phase.

    A step schedule multiplies by gamma at the START of each epoch in ``milestones``, as the CIFAR
    papers do. Warm-up rises linearly and is part of ``epochs``.
    """
    warmup, total = options["warmup_epochs"], options["epochs"]
    if epoch < warmup:
        return float(max(epoch / warmup, 0.01))
    if options["schedule"] == "step":
        return float(options["gamma"] ** sum(epoch >= m - 1e-6 for m in options["milestones"]))
    if options["schedule"] == "cosine":
        done = min(1.0, (epoch - warmup) / max(total - warmup, 1e-9))
        return 0.5 * (1 + math.cos(math.pi * done))
    return 1.0
