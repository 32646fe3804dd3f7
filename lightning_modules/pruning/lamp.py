"""Layer-adaptive magnitude, LAMP (Lee et al., ICLR 2021, arXiv:2010.07611).

    score(w_i) = w_i^2 / sum over j of w_j^2,   j: all weights of the layer with |w_j| >= |w_i|

One cut over all layers. Within a layer the order is that of the magnitude, and its largest weight
scores 1, so that no layer is emptied before all others are down to one weight.

Differs from the authors' code: double precision; of equal weights the earlier counts as larger.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lightning_modules.pruning._criterion import Batches
from lightning_modules.pruning._layers import layer_at

__all__ = ["LayerAdaptiveMagnitude"]


class LayerAdaptiveMagnitude:
    """Remove the weights that matter least among what would be left of their layer."""

    grain = "weight"
    needs = ("weights",)
    start = "parent"

    def score(
        self, model: nn.Module, targets: Sequence[str], batches: Batches, seed: int
    ) -> dict[str, Tensor]:
        """Share of each weight in the energy of its layer's survivors, in [0, 1]."""
        return {name: _lamp(layer_at(model, name).weight.detach()) for name in targets}


def _lamp(weight: Tensor) -> Tensor:
    energy, order = torch.sort(weight.flatten().double().square(), descending=True, stable=True)
    share = energy / energy.cumsum(0).clamp_min(torch.finfo(torch.float64).tiny)
    return torch.empty_like(share).index_copy(0, order, share).view_as(weight)
