"""Global magnitude with a minimum threshold (Gupta et al., CAI 2024, arXiv:2209.14624).

    score = |w|, compared over all layers;   score = inf for the m largest |w| of each layer
    m = floor(minimum * N),   N prunable weights in the network

The minimum keeps a small layer from being cut away whole; layers of at most m weights stay dense.

Differs from the authors' code: they cut globally, raise the layers that fell below the minimum,
rescale the sparsities of all layers and repeat, which meets the sparsity only approximately. Here
the minimum is set aside first and one global cut on the rest meets it exactly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lightning_modules.pruning._criterion import Batches
from lightning_modules.pruning._layers import layer_at

__all__ = ["GlobalMagnitude"]


class GlobalMagnitude:
    """Remove the smallest weights of the whole network, but leave some in every layer.

    Args:
        minimum: share of all prunable weights that survives in every layer at least, in [0, 1).
    """

    grain = "weight"
    needs = ("weights",)
    start = "parent"

    def __init__(self, *, minimum: float = 0.0005) -> None:
        if not 0 <= minimum < 1:
            raise ValueError(f"minimum is a share in [0, 1); came {minimum}")
        self.minimum = minimum

    def score(
        self, model: nn.Module, targets: Sequence[str], batches: Batches, seed: int
    ) -> dict[str, Tensor]:
        """|w|, and inf for the weights that the minimum protects."""
        scores = {name: layer_at(model, name).weight.detach().abs() for name in targets}
        kept = int(self.minimum * sum(score.numel() for score in scores.values()))
        return {name: _protect(score, kept) for name, score in scores.items()}


def _protect(score: Tensor, count: int) -> Tensor:
    """The same scores with the ``count`` largest at infinity; the earlier wins a tie."""
    flat = score.flatten()
    strongest = torch.sort(flat, descending=True, stable=True).indices[:count]
    return flat.index_fill(0, strongest, math.inf).view_as(score)
