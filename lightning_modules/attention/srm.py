"""Style-based recalibration (Lee et al., ICCV 2019, arXiv:1903.10829).

    z = w1 * mean_hw(x) + w2 * sqrt(var_hw(x) + 1e-5);  y = x * sigmoid(BN(z))

w1, w2 and BN are per channel; w1 = w2 = 0 at the start, so that the gate is one half everywhere.
The variance is unbiased; that of a map of one position, which is undefined, counts as 0.

Differs from the authors' code: their run spares w1, w2 and this BN the weight decay; here the
recipe decides, as for every parameter.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lightning_modules.attention._maps import gated
from lightning_modules.attention._moments import mean_and_std

__all__ = ["StyleRecalibration"]


class StyleRecalibration(nn.Module):
    """Gate each channel by its mean and standard deviation.

    Args:
        channels: C, number of input channels.

    Shape:
        input and output (B, C, H, W), same dtype; B at least 2 in training.

    Cost:
        4*C parameters, no MACs: all of it is element-wise.
    """

    least_batch = 2

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(2, channels))
        self.norm = nn.BatchNorm1d(channels)

    def forward(self, x: Tensor) -> Tensor:
        mean, std = mean_and_std(x, eps=1e-5)
        gate: Tensor = self.norm(self.weight[0] * mean + self.weight[1] * std).sigmoid()
        return gated(x, gate)
