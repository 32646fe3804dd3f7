"""The order in which channels go: sets of one channel per group, the weakest first; and how far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from lightning_modules.pruning._budget import Target, fewest
from lightning_modules.pruning._channels import Kept
from lightning_modules.structure import Width

__all__ = ["PROTECTED", "ChannelOrder", "Cut", "floor"]

PROTECTED = 10
"""One in so many channels of every width, and one per group at least, is never removed:
the 10 % protection of PruningBench, counted in the dense network and rounded up."""


def floor(channels: int, groups: int = 1) -> int:
    """The fewest channels that a width of ``channels`` dense channels keeps."""
    return groups * max(1, -(-channels // (groups * PROTECTED)))


@dataclass(frozen=True)
class ChannelOrder:
    """The order in which channels go.

    A set holds one channel of each group of a width, as the groups stay equal; without groups it
    is one channel. The weakest channels of all groups go together, then the second weakest.

    Args:
        ranked: {producer: (groups, n / groups) channel indices, ascending score}.
        line: the producer of each removable set, first to go first; each width's sets go in order.
    """

    ranked: Mapping[str, Tensor]
    line: tuple[str, ...]

    @classmethod
    def of(
        cls,
        scores: Mapping[str, Tensor],
        widths: Sequence[Width],
        *,
        dense: Mapping[str, int],
        scope: Literal["global", "layer"] = "global",
    ) -> ChannelOrder:
        """Sort sets by mean score over the network, or by rank within the width; ties by position.

        Args:
            scores: {producer: score (n,) of each channel it makes now, higher = keep}.
            widths: the widths, in a fixed order.
            dense: {producer: channels in the dense network}, for the minimum and for the shares.
            scope: compare scores of all widths, or take the same share of each.
        """
        ranked, entries = {}, []
        for place, width in enumerate(widths):
            score = scores[width.producer].cpu().double().view(width.groups, -1)
            value, order = torch.sort(score, dim=1, stable=True)
            ranked[width.producer] = order + torch.arange(width.groups)[:, None] * score.shape[1]
            n = dense[width.producer]
            full = n // width.groups
            gone = full - score.shape[1]
            free = score.shape[1] - floor(n, width.groups) // width.groups
            means = value.mean(0).tolist()
            for j in range(max(0, free)):
                key = means[j] if scope == "global" else (gone + j + 0.5) / full
                entries.append((key, place, width.producer))
        return cls(ranked, tuple(producer for *_, producer in sorted(entries)))

    def counts(self, count: int) -> dict[str, int]:
        """{producer: channels left} when the first ``count`` sets are gone."""
        gone = Counter(self.line[:count])
        return {p: order.numel() - gone[p] * len(order) for p, order in self.ranked.items()}

    def kept(self, count: int) -> Kept:
        """The channels left when the first ``count`` sets are gone."""
        gone = Counter(self.line[:count])
        left = {p: rows[:, gone[p] :].flatten() for p, rows in self.ranked.items()}
        return Kept(
            {p: index.sort().values for p, index in left.items()},
            {p: rows.numel() for p, rows in self.ranked.items()},
        )


@dataclass(frozen=True)
class Cut:
    """Which channels a round leaves, as a function of their scores; all else of it is fixed.

    Args:
        widths: the widths, in a fixed order.
        dense: {producer: channels in the dense network}.
        scope: see ``ChannelOrder.of``.
        target: what may remain.
        cost: the measure of the target as a function of the numbers of channels.
    """

    widths: Sequence[Width]
    dense: Mapping[str, int]
    scope: Literal["global", "layer"]
    target: Target
    cost: Callable[[Mapping[str, int]], int]

    def kept(self, scores: Mapping[str, Tensor]) -> Kept:
        """The largest network that meets the target.

        Raises:
            ValueError: the goal is out of reach.
        """
        order = ChannelOrder.of(scores, self.widths, dense=self.dense, scope=self.scope)
        dense, most = self.cost(self.dense), len(order.line)
        left = fewest(self.target, dense, lambda sets: self.cost(order.counts(sets)), most)
        return order.kept(left)
