"""L1 norm of filters (Li et al., ICLR 2017, arXiv:1608.08710).

    score(F_i) = sum |F_i|  /  mean over the layer's filters of sum |F_j|

The division makes layers comparable in scope global; in scope layer it changes nothing.

Differs from the authors' code: they choose each layer's share by hand; here it is one share, or
one cut over the normalised scores (as PruningBench and Torch-Pruning do).
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from lightning_modules.pruning._criterion import Batches
from lightning_modules.pruning._layers import filters, relative
from lightning_modules.structure import Width

__all__ = ["L1Norm"]


class L1Norm:
    """Remove the channels whose filters have the smallest sum of absolute weights."""

    grain = "channel"
    needs = ("weights",)
    start = "parent"

    def score(
        self, model: nn.Module, targets: Sequence[Width], batches: Batches, seed: int
    ) -> dict[str, Tensor]:
        """L1 norm of each filter, relative to the mean of its layer."""
        return {width.producer: _norm(filters(model, width)) for width in targets}


def _norm(rows: Tensor) -> Tensor:
    return relative(rows.abs().sum(1))
