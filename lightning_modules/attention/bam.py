"""Bottleneck attention module (Park et al., BMVC 2018, arXiv:1807.06514).

    c = W2 relu(BN(W1 mean_hw(x) + b1)) + b2               per channel; W1: C -> C/r
    s = conv1(relu(BN(conv3(relu(BN(conv3(relu(BN(conv1(x)))))))))         per position; biases
    y = x * (1 + sigmoid(c * s))

The first 1x1 convolution goes from C to C/r channels, two 3x3 ones of dilation d stay there, the
last 1x1 gives one map. It stands between stages, not in blocks.

Differs from the authors' code: none; C/r is rounded down, but at least 1. The paper adds c and s,
the code multiplies them.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lightning_modules.attention._maps import mean_hw

__all__ = ["BottleneckAttention"]


class BottleneckAttention(nn.Module):
    """Raise each value by a product of a gate per channel and one per position.

    Args:
        channels: C, number of input channels.
        reduction: r, how many times narrower both gates are inside.
        dilation: d, of the 3x3 convolutions.

    Shape:
        input and output (B, C, H, W), same dtype; at least two images in training.

    Cost:
        with h = C/r: 3*C*h + C + 18*h*h + 13*h + 1 parameters, about (C*h + 18*h*h)*H*W + 2*C*h
        MACs per image.
    """

    slot = "stage"
    least_batch = 2

    def __init__(self, channels: int, *, reduction: int = 16, dilation: int = 4) -> None:
        super().__init__()
        for name, value in {"reduction": reduction, "dilation": dilation}.items():
            if value < 1:
                raise ValueError(f"{name} is at least 1; came {value}")
        hidden = max(channels // reduction, 1)
        self.channel = nn.Sequential(
            nn.Linear(channels, hidden),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Linear(hidden, channels),
        )
        wide = [_norm_relu(nn.Conv2d(hidden, hidden, 3, 1, dilation, dilation)) for _ in range(2)]
        self.place = nn.Sequential(
            _norm_relu(nn.Conv2d(channels, hidden, 1)), *wide, nn.Conv2d(hidden, 1, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        channel = self.channel(mean_hw(x))[:, :, None, None]
        gate: Tensor = (channel * self.place(x)).sigmoid()
        return torch.addcmul(x, x, gate.to(x.dtype))


def _norm_relu(conv: nn.Conv2d) -> nn.Sequential:
    return nn.Sequential(conv, nn.BatchNorm2d(conv.out_channels), nn.ReLU())
