"""Shift of the batch norm (as compared by Huang et al., NeurIPS 2021, arXiv:2004.11627).

    score(channel) = |beta| of the first batch norm behind the layer that makes the channel

Scope global compares |beta| of all layers as they are, in one cut.

Reconstruction: of the paper only the abstract could be read; that |beta| is among the criteria
that it compares is from memory.

Differs from the authors' code: none is public.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from lightning_modules.pruning._criterion import Batches
from lightning_modules.pruning._norms import norms_behind
from lightning_modules.structure import Width

__all__ = ["BatchNormShift"]


class BatchNormShift:
    """Remove the channels that their batch norm shifts least."""

    grain = "channel"
    needs = ("weights", "batchnorm")
    start = "parent"

    def score(
        self, model: nn.Module, targets: Sequence[Width], batches: Batches, seed: int
    ) -> dict[str, Tensor]:
        """|beta| of each channel.

        Raises:
            ValueError: the channels of a width pass through no batch norm with a shift.
        """
        norms = norms_behind(model, targets, asking="bn_shift")
        return {producer: norm.bias.detach().abs() for producer, norm in norms.items()}
