"""Spatial pyramid attention, SPANet (Guo et al., ICME 2020).

    s = [mean over 1x1, 2x2 and 4x4 regions of x]                     21 values for each channel
    y = x * sigmoid(W2 relu(W1 s))                     W1: 21C -> C/r, W2: C/r -> C, no biases

Differs from the authors' code: none; C/r is rounded down, but at least 1. The repository of the
paper's journal version (2021) has another module of this name, whose gate is a 4x4 map.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_modules.attention._maps import gated

__all__ = ["SpatialPyramidAttention"]

SIDES = (1, 2, 4)


class SpatialPyramidAttention(nn.Module):
    """Gate each channel by a two-layer perceptron over the means of all channels' regions.

    Args:
        channels: C, number of input channels.
        reduction: r, how many times narrower the hidden layer is than the map.

    Shape:
        input and output (B, C, H, W), same dtype.

    Cost:
        22*C*C/r parameters, as many MACs per image.
    """

    def __init__(self, channels: int, *, reduction: int = 16) -> None:
        super().__init__()
        if reduction < 1:
            raise ValueError(f"reduction is at least 1; came {reduction}")
        hidden = max(channels // reduction, 1)
        regions = sum(side * side for side in SIDES)
        self.squeeze = nn.Linear(regions * channels, hidden, bias=False)
        self.excite = nn.Linear(hidden, channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate: Tensor = self.excite(self.squeeze(_pyramid(x)).relu()).sigmoid()
        return gated(x, gate)


def _pyramid(x: Tensor) -> Tensor:
    """The means of the regions, coarse to fine: (B, C, H, W) -> (B, 21C)."""
    height, width = x.shape[2:]
    if height % 4 or width % 4:
        levels = [F.adaptive_avg_pool2d(x, side) for side in SIDES]
    else:  # equal regions: only the finest level reads the map
        fine = F.avg_pool2d(x, (height // 4, width // 4))
        half = F.avg_pool2d(fine, 2)
        levels = [F.avg_pool2d(half, 2), half, fine]
    return torch.cat([level.flatten(1) for level in levels], 1)
