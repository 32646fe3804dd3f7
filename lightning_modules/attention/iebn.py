"""Instance enhancement batch normalization (Liang et al., AAAI 2020, arXiv:1908.04008).

    delta = sigmoid(ghat * mean_hw(x) + bhat)       of the raw input; ghat = 0, bhat = -1 at first
    y = (gamma * delta) * xhat + beta               xhat: x by the statistics of batch norm

It stands instead of every batch norm but those of projection shortcuts. beta is not gated, so that
y = delta * BN(x) + (1 - delta) * beta: one multiply-add behind the batch norm of torch.

Differs from the authors' code: none.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lightning_modules.attention._maps import mean_hw

__all__ = ["InstanceEnhancementBatchNorm"]


class InstanceEnhancementBatchNorm(nn.BatchNorm2d):
    """Batch norm whose scale each image adjusts for itself, channel by channel.

    Args:
        channels: C, number of input channels.

    Shape:
        input and output (B, C, H, W), same dtype.

    Cost:
        4*C parameters, two times those of the batch norm; no MACs: all of it is element-wise.
    """

    slot = "norm"

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.gate_weight = nn.Parameter(torch.zeros(channels))
        self.gate_bias = nn.Parameter(torch.full((channels,), -1.0))

    def forward(self, x: Tensor) -> Tensor:
        gate = torch.addcmul(self.gate_bias, self.gate_weight, mean_hw(x)).sigmoid()
        ungated = torch.addcmul(self.bias, self.bias, gate, value=-1)
        y = super().forward(x)
        scale, shift = (part[:, :, None, None].to(y.dtype) for part in (gate, ungated))
        return torch.addcmul(shift, y, scale)
