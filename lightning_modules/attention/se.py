"""Squeeze and excitation (Hu et al., CVPR 2018, arXiv:1709.01507).

    m = sigmoid(W2 relu(W1 mean_hw(x) + b1) + b2);  y = x * m      W1: C -> C/r, W2: C/r -> C

Differs from the authors' code: none; linear layers instead of 1x1 convolutions, as in the CIFAR
code of the papers that use it inside residual branches. C/r is rounded down, but at least 1.
"""

from __future__ import annotations

from torch import Tensor, nn

from lightning_modules.attention._maps import gated, mean_hw

__all__ = ["SqueezeExcitation"]


class SqueezeExcitation(nn.Module):
    """Gate each channel by a two-layer perceptron over all channel means.

    Args:
        channels: C, number of input channels.
        reduction: r, how many times narrower the hidden layer is.
        divisor: the hidden width is a multiple of it, the nearest, at least one; timm's networks
            (seresnet18 and others) have 8.

    Shape:
        input and output (B, C, H, W), same dtype.

    Cost:
        2*C*C/r + C/r + C parameters, as many MACs per image without the biases.
    """

    def __init__(self, channels: int, *, reduction: int = 16, divisor: int = 1) -> None:
        super().__init__()
        for name, value in {"reduction": reduction, "divisor": divisor}.items():
            if value < 1:
                raise ValueError(f"{name} is at least 1; came {value}")
        multiples = (channels // reduction + divisor // 2) // divisor
        hidden = max(multiples, 1) * divisor
        self.squeeze = nn.Linear(channels, hidden)
        self.excite = nn.Linear(hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        gate: Tensor = self.excite(self.squeeze(mean_hw(x)).relu()).sigmoid()
        return gated(x, gate)
