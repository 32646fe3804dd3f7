"""Filter pruning by the geometric median, FPGM (He et al., CVPR 2019, arXiv:1811.00250).

    d(F_i) = sum over j of ||F_i - F_j||_2,   score(F_i) = d(F_i) / mean over the layer of d(F_j)

A filter near the geometric median of its layer is replaceable by the others, however large it is.
The division makes layers comparable in scope global; in scope layer it changes nothing.

Differs from the authors' code: they mix it with the L2 norm and prune softly after each epoch;
here the distance alone decides, and channels are removed for good.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lightning_modules.pruning._criterion import Batches
from lightning_modules.pruning._layers import filters, relative
from lightning_modules.structure import Width

__all__ = ["GeometricMedian"]


class GeometricMedian:
    """Remove the channels whose filters lie closest to all others of the layer."""

    grain = "channel"
    needs = ("weights",)
    start = "parent"

    def score(
        self, model: nn.Module, targets: Sequence[Width], batches: Batches, seed: int
    ) -> dict[str, Tensor]:
        """Sum of each filter's distances, relative to the mean of its layer."""
        return {width.producer: _spread(filters(model, width)) for width in targets}


def _spread(rows: Tensor) -> Tensor:
    return relative(torch.cdist(rows, rows, compute_mode="donot_use_mm_for_euclid_dist").sum(1))
