"""How much goes: the target of a round of pruning, and the fewest units to remove to meet it.

The order of removal is fixed by the scores; what remains shrinks with every unit that goes. So
the network that meets a budget is found by bisection: the largest one not above it.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from lightning_modules.options import Removal

__all__ = ["Measure", "Target", "cubic", "fewest"]

Measure = Literal["sparsity", "macs", "params"]


def cubic(step: int, steps: int) -> float:
    """Share of the final removal that is reached after a step, in (0, 1]; 1 after the last.

    1 - (1 - step / steps)^3, from Zhu & Gupta (2017, arXiv:1710.01878): much at first, then less.

    Args:
        step: 1 to ``steps``.
        steps: number of pruning steps.
    """
    if not 1 <= step <= steps:
        raise ValueError(f"step is between 1 and steps={steps}; came {step}")
    return 1 - (1 - step / steps) ** 3


@dataclass(frozen=True)
class Target:
    """What one round leaves, counted against the dense network.

    Args:
        measure: what is counted: prunable units (sparsity), MACs, or parameters.
        goal: share of it that is gone after the last round, in (0, 1).
        progress: share of the goal that is due after this round, in (0, 1].
    """

    measure: Measure
    goal: float
    progress: float = 1.0

    @classmethod
    def of(cls, removal: Removal, progress: float = 1.0) -> Target:
        """The target of a round, from the options."""
        if not 0 < progress <= 1:
            raise ValueError(f"progress is a share in (0, 1]; came {progress}")
        if removal.sparsity is not None:
            return cls("sparsity", removal.sparsity, progress)
        if removal.macs is not None:
            return cls("macs", 1 - removal.macs, progress)
        assert removal.params is not None
        return cls("params", 1 - removal.params, progress)

    def limit(self, dense: int) -> int:
        """The most that may remain of ``dense``: rounded for units, never above for budgets."""
        return self._left(dense, self.progress * self.goal)

    def final(self, dense: int) -> int:
        """The most that may remain after the last round."""
        return self._left(dense, self.goal)

    def _left(self, dense: int, removed: float) -> int:
        return dense - (round if self.measure == "sparsity" else math.ceil)(removed * dense)


def fewest(target: Target, dense: int, remaining: Callable[[int], int], most: int) -> int:
    """The smallest number of units whose removal meets the target.

    Args:
        target: what may remain.
        dense: the measure of the dense network.
        remaining: the measure after that many units of the order are gone; never rises.
        most: number of units that can go.

    Raises:
        ValueError: the goal is not met even when all ``most`` are gone.
    """
    smallest = remaining(most)
    if smallest > target.final(dense):
        raise ValueError(_unreachable(target, smallest / dense))
    limit = target.limit(dense)
    return bisect_left(range(most + 1), True, key=lambda count: remaining(count) <= limit)


def _unreachable(target: Target, least: float) -> str:
    why = "the minimum of every layer and what is not prunable stay"
    if target.measure == "sparsity":
        asked, reach, hint = target.goal, f"at most {1 - least:.4f} can go", "less"
    else:
        asked, reach, hint = 1 - target.goal, f"at least {least:.4f} of the dense stay", "more"
    return f"{target.measure}={asked:.4g} cannot be reached: {reach} ({why}); ask for {hint}"
