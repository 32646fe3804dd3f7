"""Spatial group-wise enhance (Li et al., 2019, arXiv:1905.09646).

    per group:  a = sum_c(x_c * mean_hw(x_c));  n = (a - mean_hw(a)) / (std_hw(a) + 1e-5)
                y = x * sigmoid(weight * n + bias)              weight = 0, bias = 1 at the start

Differs from the authors' code: they use 64 groups and need C divisible by them; here the number of
groups is the largest divisor of C up to min(groups, C/4), so that narrow nets keep at least four
channels a group and any C works (a prime C has one group). The standard deviation is unbiased as
theirs; that of a map of one position, which is undefined, counts as 0.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

__all__ = ["SpatialGroupEnhance"]


class SpatialGroupEnhance(nn.Module):
    """Gate each position of a channel group by its likeness to the group's mean vector.

    Args:
        channels: C, number of input channels.
        groups: largest number of channel groups G.

    Shape:
        input and output (B, C, H, W), same dtype.

    Cost:
        2*G parameters, no MACs: all of it is element-wise, about 8*C*H*W operations per image.
    """

    def __init__(self, channels: int, *, groups: int = 64) -> None:
        super().__init__()
        if groups < 1:
            raise ValueError(f"groups is at least 1; came {groups}")
        most = max(min(groups, channels // 4), 1)
        self.groups = next(g for g in range(most, 0, -1) if channels % g == 0)
        self.weight = nn.Parameter(torch.zeros(self.groups, 1))
        self.bias = nn.Parameter(torch.ones(self.groups, 1))

    def forward(self, x: Tensor) -> Tensor:
        batch, channels = x.shape[:2]
        grouped = x.reshape(batch, self.groups, channels // self.groups, -1)  # (B, G, C/G, HW)
        positions = grouped.shape[3]
        means = grouped.sum(3, keepdim=True) / positions
        likeness = (grouped * means).sum(2)  # (B, G, HW)
        centred = likeness - likeness.mean(2, keepdim=True)
        norm = torch.linalg.vector_norm(centred, dim=2, keepdim=True)
        spread = norm / math.sqrt(max(positions - 1, 1)) + 1e-5
        gate: Tensor = (self.weight * (centred / spread) + self.bias).sigmoid()
        return (grouped * gate.unsqueeze(2).to(x.dtype)).reshape(x.shape)
