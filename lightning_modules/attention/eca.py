"""Efficient channel attention (Wang et al., CVPR 2020, arXiv:1910.03151).

    m = sigmoid(conv1d_k(mean_hw(x)));  y = x * m
    k = t if t is odd else t + 1,  t = int(|log2(C) / gamma + b / gamma|)

Differs from the authors' code: none; k always follows the rule, where some of their released
ImageNet checkpoints fix it per stage.
"""

from __future__ import annotations

import math

from torch import Tensor, nn

from lightning_modules.attention._maps import gated, mean_hw

__all__ = ["EfficientChannelAttention"]


class EfficientChannelAttention(nn.Module):
    """Gate each channel by a 1-D convolution over the means of its neighbours.

    Args:
        channels: C, number of input channels.
        gamma: slope of the kernel-size rule; larger means shorter kernels.
        b: offset of the rule.

    Shape:
        input and output (B, C, H, W), same dtype.

    Cost:
        k parameters, k*C MACs per image.
    """

    def __init__(self, channels: int, *, gamma: int = 2, b: int = 1) -> None:
        super().__init__()
        if gamma < 1:
            raise ValueError(f"gamma is at least 1; came {gamma}")
        size = int(abs((math.log2(channels) + b) / gamma))
        size += 1 - size % 2
        self.conv = nn.Conv1d(1, 1, size, padding=size // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate: Tensor = self.conv(mean_hw(x).unsqueeze(1)).squeeze(1).sigmoid()
        return gated(x, gate)
