"""Random weights (the baseline of Blalock et al., MLSys 2020, arXiv:2003.03033).

    score = u,   u ~ U(0, 1) from the seed, the same for the same shapes in every round

Differs from the authors' code: none.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lightning_modules.pruning._criterion import Batches
from lightning_modules.pruning._layers import layer_at

__all__ = ["RandomWeights"]


class RandomWeights:
    """Remove weights by lot, every weight of the network with the same chance."""

    grain = "weight"
    needs = ("weights",)
    start = "parent"

    def score(
        self, model: nn.Module, targets: Sequence[str], batches: Batches, seed: int
    ) -> dict[str, Tensor]:
        """Uniform numbers in [0, 1), of each weight's shape."""
        lot = torch.Generator().manual_seed(seed)
        weights = {name: layer_at(model, name).weight for name in targets}
        return {n: torch.rand(w.shape, generator=lot).to(w.device) for n, w in weights.items()}
