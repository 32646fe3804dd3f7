"""Scale of the batch norm, as in network slimming (Liu et al., ICCV 2017, arXiv:1708.06519).

    score(channel) = |gamma| of the first batch norm behind the layer that makes the channel

Scope global compares |gamma| of all layers as they are, in one cut.

Differs from the authors' code: the dense network is not trained with an L1 penalty on gamma, so
that every criterion starts from the same parent.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from lightning_modules.pruning._criterion import Batches
from lightning_modules.pruning._norms import norms_behind
from lightning_modules.structure import Width

__all__ = ["BatchNormScale"]


class BatchNormScale:
    """Remove the channels that their batch norm scales down most."""

    grain = "channel"
    needs = ("weights", "batchnorm")
    start = "parent"

    def score(
        self, model: nn.Module, targets: Sequence[Width], batches: Batches, seed: int
    ) -> dict[str, Tensor]:
        """|gamma| of each channel.

        Raises:
            ValueError: the channels of a width pass through no batch norm with a scale.
        """
        norms = norms_behind(model, targets, asking="bn_scale")
        return {producer: norm.weight.detach().abs() for producer, norm in norms.items()}
