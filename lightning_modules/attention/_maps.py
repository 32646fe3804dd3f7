"""What channel gates share: the mean over the positions of a map, and a factor for each channel."""

from __future__ import annotations

from torch import Tensor

__all__ = ["gated", "mean_hw"]


def mean_hw(x: Tensor) -> Tensor:
    """Mean over the positions: (B, C, H, W) -> (B, C).

    A sum and a division: its gradient is a view, where that of ``Tensor.mean`` is a map in memory.
    """
    return x.sum((2, 3)) / (x.shape[2] * x.shape[3])


def gated(x: Tensor, gate: Tensor) -> Tensor:
    """The map (B, C, H, W) times a gate (B, C), in the map's dtype."""
    return x * gate[:, :, None, None].to(x.dtype)
