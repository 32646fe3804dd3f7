"""Entropy of activations (Luo & Wu, 2017, arXiv:1706.05791).

    score(channel) = -sum over bins of p_b log p_b,   in nats
    p_b: share of the images whose mean activation falls into bin b of the channel's own range

The mean is over the positions of the channel as its consumer reads it, behind batch norm and
activation. A channel that says the same of every image has entropy 0. Scope global compares the
entropies of all layers as they are.

Reconstruction: of the paper only the abstract could be read; mean, bins and entropy are as others
describe it, the number of bins is ours, for a few hundred images.

Differs from the authors' code: none is public.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lightning_modules.pruning._activations import per_image
from lightning_modules.pruning._criterion import Batches
from lightning_modules.structure import Width

__all__ = ["ActivationEntropy"]


class ActivationEntropy:
    """Remove the channels whose mean activation varies least from image to image.

    Args:
        bins: number of equal bins between the smallest and the largest mean of a channel.
    """

    grain = "channel"
    needs = ("activations",)
    start = "parent"

    def __init__(self, *, bins: int = 20) -> None:
        if bins < 2:
            raise ValueError(f"bins is at least 2; came {bins}")
        self.bins = bins

    def score(
        self, model: nn.Module, targets: Sequence[Width], batches: Batches, seed: int
    ) -> dict[str, Tensor]:
        """Entropy of each channel, from 0 to log(bins).

        Raises:
            ValueError: no batch came.
        """
        means = per_image(model, targets, batches, lambda maps: maps.mean(2))
        return {producer: self._entropy(part) for producer, part in means.items()}

    def _entropy(self, means: Tensor) -> Tensor:
        """(images, n) -> (n,)"""
        low, high = means.aminmax(dim=0)
        share = (means - low) / (high - low).clamp_min(torch.finfo(means.dtype).tiny)
        place = (share * self.bins).long().clamp(max=self.bins - 1)
        counts = means.new_zeros(self.bins, means.shape[1], dtype=torch.float64)
        counts.scatter_add_(0, place, torch.ones_like(place, dtype=torch.float64))
        entropy: Tensor = torch.special.entr(counts / len(means)).sum(0)
        return entropy
