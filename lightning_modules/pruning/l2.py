"""L2 norm of filters (He et al., IJCAI 2018, arXiv:1808.06866).

    score(F_i) = ||F_i||_2  /  mean over the layer's filters of ||F_j||_2

The division makes layers comparable in scope global; in scope layer it changes nothing.

Differs from the authors' code: they set filters to zero after each epoch and let them grow back;
here they are removed for good, before or during the refit.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from lightning_modules.pruning._criterion import Batches
from lightning_modules.pruning._layers import filters, relative
from lightning_modules.structure import Width

__all__ = ["L2Norm"]


class L2Norm:
    """Remove the channels whose filters have the smallest Euclidean norm."""

    grain = "channel"
    needs = ("weights",)
    start = "parent"

    def score(
        self, model: nn.Module, targets: Sequence[Width], batches: Batches, seed: int
    ) -> dict[str, Tensor]:
        """L2 norm of each filter, relative to the mean of its layer."""
        return {width.producer: _norm(filters(model, width)) for width in targets}


def _norm(rows: Tensor) -> Tensor:
    return relative(rows.square().sum(1).sqrt())
