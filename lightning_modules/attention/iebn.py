"""Instance enhancement batch normalization (Liang et al., AAAI 2020, arXiv:1908.04008).

    delta = sigmoid(ghat * mean_hw(x) + bhat)       of the raw input; ghat = 0, bhat = -1 at first
    y = (gamma * delta) * xhat + beta               xhat: x by the statistics of batch norm

It stands instead of every batch norm but those of projection shortcuts. beta is not gated, so that
y = delta * BN(x) + (1 - delta) * beta: one multiply-add behind the batch norm of torch. On a CPU,
where that has its statistics already, it does all in one pass: to it each channel of each image is
a channel of its own.

Differs from the authors' code: none.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_modules.attention._maps import mean_hw, scaled

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
        mean, var = self.running_mean, self.running_var
        rows = x.device.type == "cpu" and x.is_contiguous()  # a channel of an image is one stretch
        if self.training or mean is None or var is None or not rows:
            ungated = torch.addcmul(self.bias, self.bias, gate, value=-1)
            return scaled(super().forward(x), gate, ungated)
        parts = (mean, var, self.weight * gate, self.bias)
        mean, var, gamma, beta = (part.expand_as(gate).flatten() for part in parts)
        y = F.batch_norm(x.flatten(0, 1)[None], mean, var, gamma, beta, eps=self.eps)
        return y.view_as(x)
