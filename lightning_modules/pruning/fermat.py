"""Distance to the Fermat point (as compared by Huang et al., NeurIPS 2021, arXiv:2004.11627).

    m = argmin over x of sum_j ||F_j - x||_2,   score(F_i) = ||F_i - m||_2  /  mean over the layer

The Fermat point, or geometric median, of a layer's filters is found by Weiszfeld's iteration,
m <- sum_j F_j / d_j / sum_j 1 / d_j with d_j = ||F_j - m||. A filter near it is thought to be
replaceable by the others. ``fpgm`` approximates it by summing the distances between filters.
The division makes layers comparable in scope global; in scope layer it changes nothing.

Reconstruction: of the paper only the abstract could be read; that this distance is among the
criteria that it compares is from memory.

Differs from the authors' code: none is public.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lightning_modules.pruning._criterion import Batches
from lightning_modules.pruning._layers import filters, relative
from lightning_modules.structure import Width

__all__ = ["FermatPoint"]

STEPS, PRECISION = 200, 1e-9
"""The iteration ends after so many steps, or when a step is so short relative to the distances."""


class FermatPoint:
    """Remove the channels whose filters lie closest to the geometric median of the layer."""

    grain = "channel"
    needs = ("weights",)
    start = "parent"

    def score(
        self, model: nn.Module, targets: Sequence[Width], batches: Batches, seed: int
    ) -> dict[str, Tensor]:
        """Each filter's distance to the Fermat point, relative to the mean of its layer."""
        return {width.producer: _distance(filters(model, width).double()) for width in targets}


def _distance(rows: Tensor) -> Tensor:
    return relative((rows - _fermat_point(rows)).norm(dim=1))


def _fermat_point(rows: Tensor) -> Tensor:
    """The geometric median (d,) of rows (n, d), from their mean on."""
    point, tiny = rows.mean(0), torch.finfo(rows.dtype).tiny
    for _ in range(STEPS):
        distance = (rows - point).norm(dim=1)
        near = (PRECISION * distance.mean()).clamp_min(tiny)
        weight = near / distance.clamp_min(near)
        before, point = point, weight @ rows / weight.sum()
        if (point - before).norm() <= near:
            break
    return point
