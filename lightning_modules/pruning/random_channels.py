"""Random channels (the baseline of Blalock et al., MLSys 2020, arXiv:2003.03033).

    score = u,   u ~ U(0, 1) from the seed

Scope global compares the numbers as they are.

Differs from the authors' code: none.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lightning_modules.pruning._criterion import Batches
from lightning_modules.pruning._layers import layer_at
from lightning_modules.structure import Width

__all__ = ["RandomChannels"]


class RandomChannels:
    """Remove channels by lot, every channel of the network with the same chance."""

    grain = "channel"
    needs = ("weights",)
    start = "parent"

    def score(
        self, model: nn.Module, targets: Sequence[Width], batches: Batches, seed: int
    ) -> dict[str, Tensor]:
        """Uniform numbers in [0, 1), one for each channel."""
        lot = torch.Generator().manual_seed(seed)
        weights = {width.producer: layer_at(model, width.producer).weight for width in targets}
        return {p: torch.rand(len(w), generator=lot).to(w.device) for p, w in weights.items()}
