"""Differences paired by seed: interval, p value, Holm's correction, for many rows at once.

Networks of the same seed saw the same images in the same order, so that they are compared seed by
seed. Of the n differences d of two rows, at the seeds that both have:

    mean = sum(d) / n                   std = sqrt(sum((d - mean)^2) / (n - 1))
    t = mean / (std / sqrt(n))          p = 2 P(T <= -|t|), Student's T of n - 1 degrees
    interval = mean -+ q std / sqrt(n)  where P(T <= q) = 0.975

which assumes differences that are about normal: with a handful of seeds nobody can check that.

* One seed has no deviation: no interval, no p value, no claim.
* Where all differences are equal, their deviation is not known to be zero: it could not be seen
  at the resolution of the test split. A t of infinity would be the strongest claim on the weakest
  ground, so there is none, no interval and no p value. Only if all of them are zero, the rows are
  a tie: they gave the same accuracy with every seed (p = 1).
* Accuracies are counts of images over their number, and differ by that or not at all, but records
  hold them in single precision. What is smaller than RESOLUTION is its rounding: zero.
* Holm (1979) bounds the chance of any false claim in a family by LEVEL, whatever the dependence
  between its tests, and shared references make these dependent. A member without a p value counts
  in the size of its family, as if it were 1: what was asked counts, answered or not.

A verdict is better or worse if the corrected p value is below LEVEL, otherwise tie: with so few
seeds nothing was seen, which does not prove that there is nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

Numbers = NDArray[np.float64]
"""One number for each row, or (rows, seeds); NaN is none."""

LEVEL = 0.05
RESOLUTION = 5e-7
"""Half an image of a test split of a million, and eight times the rounding of a difference."""


@dataclass(frozen=True)
class Paired:
    """What differences say; all arrays are (rows,), NaN where nothing can be said."""

    n: Numbers
    mean: Numbers
    std: Numbers
    low: Numbers
    high: Numbers
    p: Numbers

    @classmethod
    def of(cls, differences: Numbers) -> Paired:
        """The 95 % interval of the mean and the p value of the paired two-sided t test.

        Args:
            differences: (rows, seeds), NaN where a seed is not in both.
        """
        n, mean, std = spread(differences)
        mean, std = (np.where(np.abs(one) < RESOLUTION, 0.0, one) for one in (mean, std))
        varies = std > 0
        degrees = np.where(varies, n - 1, np.nan)
        error = np.where(varies, std, np.nan) / np.sqrt(np.maximum(n, 1))
        half = special.stdtrit(degrees, 1 - LEVEL / 2) * error
        p = 2 * special.stdtr(degrees, -np.abs(mean) / error)
        p = np.where((std == 0) & (mean == 0), 1.0, p)
        return cls(n, mean, std, mean - half, mean + half, p)

    def verdicts(self, adjusted: Numbers) -> NDArray[np.object_]:
        """better, worse, tie, or nothing where no claim can be made; by corrected p values."""
        found = np.full(self.n.shape, "", dtype=object)
        found[adjusted >= LEVEL] = "tie"
        found[(adjusted < LEVEL) & (self.mean > 0)] = "better"
        found[(adjusted < LEVEL) & (self.mean < 0)] = "worse"
        return found


def spread(values: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Number, mean and sample standard deviation of each row's values (rows, seeds)."""
    there = ~np.isnan(values)
    n = there.sum(axis=1).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(there, values, 0.0).sum(axis=1) / n
        squares = np.where(there, values - mean[:, None], 0.0) ** 2
        std = np.sqrt(squares.sum(axis=1) / np.where(n > 1, n - 1, np.nan))
    return n, mean, std


def holm(p: Numbers, families: NDArray[np.int_]) -> Numbers:
    """P values corrected within families: the i-th smallest of m times m + 1 - i, at most 1, and
    never below that of a smaller one.

    Args:
        p: p values, NaN where there is none.
        families: the number of each one's family, negative for what is in none.
    """
    adjusted = np.full(p.shape, np.nan)
    for family in np.unique(families[families >= 0]):
        members = np.flatnonzero(families == family)
        members = members[np.argsort(p[members], kind="stable")]  # NaN comes last
        steps = p[members] * np.arange(len(members), 0, -1)
        adjusted[members] = np.maximum.accumulate(np.minimum(steps, 1.0))
    return adjusted
