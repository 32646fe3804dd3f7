"""Instance enhancement (Liang et al., AAAI 2020, arXiv:1908.04008).

    m = sigmoid(w * mean_hw(x) + b);  y = x * m        w = 0, b = -1 per channel at the start

The gate that the paper puts into batch norm, alone at the end of the branch, as the later papers of
its authors compare it. It is 0.2689 everywhere at the start.

Differs from the authors' code: none.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lightning_modules.attention._maps import gated, mean_hw

__all__ = ["InstanceEnhancement"]


class InstanceEnhancement(nn.Module):
    """Gate each channel by its own mean.

    Args:
        channels: C, number of input channels.

    Shape:
        input and output (B, C, H, W), same dtype.

    Cost:
        2*C parameters, no MACs: all of it is element-wise.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels))
        self.bias = nn.Parameter(torch.full((channels,), -1.0))

    def forward(self, x: Tensor) -> Tensor:
        return gated(x, torch.addcmul(self.bias, self.weight, mean_hw(x)).sigmoid())
