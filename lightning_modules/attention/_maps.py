"""What gates share: the mean over the positions of a map, and a factor for each channel."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["gated", "mean_hw", "scaled"]


def mean_hw(x: Tensor) -> Tensor:
    """Mean over the positions: (B, C, H, W) -> (B, C).

    A sum and a division: its gradient is a view, where that of ``Tensor.mean`` is a map in memory.
    """
    return x.sum((2, 3)) / (x.shape[2] * x.shape[3])


def gated(x: Tensor, gate: Tensor) -> Tensor:
    """The map (B, C, H, W) times a gate (B, C), in the map's dtype."""
    return x * gate[:, :, None, None].to(x.dtype)


def scaled(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """The map (B, C, H, W) times one (B, C) plus another, in the map's dtype."""
    scale, shift = (part[:, :, None, None].to(x.dtype) for part in (scale, shift))
    # On a CPU addcmul of a map and single numbers takes four times as long as these two.
    return (x * scale).add_(shift) if x.device.type == "cpu" else torch.addcmul(shift, x, scale)
