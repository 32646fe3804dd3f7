"""Convolutional block attention (Woo et al., ECCV 2018, arXiv:1807.06521).

    m = sigmoid(MLP(mean_hw(x)) + MLP(max_hw(x)));  z = x * m         MLP: C -> C/r -> C, ReLU
    y = z * sigmoid(BN(conv_k([max_c(z), mean_c(z)])))                k x k, no bias

Differs from the authors' code: none; C/r is rounded down, but at least 1.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lightning_modules.attention._maps import gated, mean_hw

__all__ = ["ConvolutionalBlockAttention"]


class ConvolutionalBlockAttention(nn.Module):
    """Gate each channel by its mean and maximum, then each position by those over the channels.

    Args:
        channels: C, number of input channels.
        reduction: r, how many times narrower the hidden layer of the channel gate is.
        kernel: k, side of the convolution of the spatial gate, odd.

    Shape:
        input and output (B, C, H, W), same dtype.

    Cost:
        2*C*C/r + C/r + C + 2*k*k + 2 parameters, about 4*C*C/r + 2*k*k*H*W MACs per image.
    """

    def __init__(self, channels: int, *, reduction: int = 16, kernel: int = 7) -> None:
        super().__init__()
        if reduction < 1:
            raise ValueError(f"reduction is at least 1; came {reduction}")
        if kernel < 1 or kernel % 2 == 0:
            raise ValueError(f"kernel is odd and at least 1; came {kernel}")
        hidden = max(channels // reduction, 1)
        self.mlp = nn.Sequential(
            nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels)
        )
        self.conv = nn.Conv2d(2, 1, kernel, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(1, eps=1e-5, momentum=0.01)

    def forward(self, x: Tensor) -> Tensor:
        pooled = torch.stack([mean_hw(x), _largest(x.flatten(2), 2)])
        gate: Tensor = self.mlp(pooled).sum(0).sigmoid()
        x = gated(x, gate)
        pooled = torch.stack([_largest(x, 1), x.sum(1) / x.shape[1]], 1)
        place: Tensor = self.norm(self.conv(pooled)).sigmoid()
        return x * place.to(x.dtype)


def _largest(x: Tensor, dim: int) -> Tensor:
    """The maximum over a dimension: amax is the faster kernel, max has the faster gradient."""
    return x.max(dim).values if x.requires_grad else x.amax(dim)
