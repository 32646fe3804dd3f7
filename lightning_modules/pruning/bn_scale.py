"""Scale of the batch norm, as in network slimming (Liu et al., ICCV 2017, arXiv:1708.06519).

    score(channel) = |gamma| of the first batch norm behind the layer that makes the channel

Scope global compares |gamma| of all layers as they are, in one cut.

Differs from the authors' code: the dense network is not trained with an L1 penalty on gamma, so
that every criterion starts from the same parent.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from lightning_modules.pruning._criterion import Batches
from lightning_modules.pruning._layers import module_at
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
        return {width.producer: _scale(model, width).detach().abs() for width in targets}


def _scale(model: nn.Module, width: Width) -> Tensor:
    for path in width.followers:
        norm = module_at(model, path)
        if isinstance(norm, _BatchNorm) and norm.affine:
            return norm.weight
    raise ValueError(
        f"bn_scale needs a batch norm with a scale behind every width; '{width.producer}' is "
        f"followed by {', '.join(width.followers) or 'none'}; choose another criterion"
    )
