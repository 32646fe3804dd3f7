"""Average percentage of zeros, APoZ (Hu et al., 2016, arXiv:1607.03250).

    score(channel) = 1 - APoZ,   APoZ = mean over images and positions of [a <= 0]

a is the channel as its consumer reads it, behind batch norm and activation: a ReLU leaves nothing
below 0, so these are its zeros; behind a gelu it is the share that is not positive. Where a pooling
stands between, the pooled map counts. Scope global compares the shares of all layers as they are.

Differs from the authors' code: they remove what is a standard deviation above the mean of one
layer, train, and go to the next; here one cut removes as much as every criterion does.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from lightning_modules.pruning._activations import per_image
from lightning_modules.pruning._criterion import Batches
from lightning_modules.structure import Width

__all__ = ["AveragePercentageOfZeros"]


class AveragePercentageOfZeros:
    """Remove the channels that are zero most of the time."""

    grain = "channel"
    needs = ("activations",)
    start = "parent"

    def score(
        self, model: nn.Module, targets: Sequence[Width], batches: Batches, seed: int
    ) -> dict[str, Tensor]:
        """Share of the images' positions at which each channel is above 0, in [0, 1].

        Raises:
            ValueError: no batch came.
        """
        return {p: part.mean(0) for p, part in per_image(model, targets, batches, _above).items()}


def _above(maps: Tensor) -> Tensor:
    return maps.gt(0).double().mean(2)
