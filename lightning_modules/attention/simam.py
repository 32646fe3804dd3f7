"""Simple parameter-free attention, SimAM (Yang et al., ICML 2021, PMLR 139:11863).

    d = (x - mean_hw(x))^2;  v = sum_hw(d) / (HW - 1)
    y = x * sigmoid(d / (4 * (v + lambda)) + 1/2)

With z the instance norm of x, d / (4 (v + lambda)) is z^2 (HW - 1) / (4 HW): one fused kernel gives
z, and its gradient. A map of one position has v = 0 here, where theirs divides by zero.

Differs from the authors' code: they gate the last 3x3 convolution of a block before its batch norm;
here it stands where every gate stands, behind the last batch norm of the branch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["SimpleAttention"]


class SimpleAttention(nn.Module):
    """Gate each position of a channel by how far it stands out from the channel's mean.

    Args:
        channels: C, number of input channels.
        e_lambda: lambda, above 0; the authors take 1e-4 on CIFAR and 0.1 on ImageNet.

    Shape:
        input and output (B, C, H, W), same dtype.

    Cost:
        no parameters, no MACs: all of it is element-wise.
    """

    def __init__(self, channels: int, *, e_lambda: float = 1e-4) -> None:
        super().__init__()
        if e_lambda <= 0:
            raise ValueError(f"e_lambda is above 0; came {e_lambda}")
        self.e_lambda = e_lambda

    def forward(self, x: Tensor) -> Tensor:
        count = x.shape[2] * x.shape[3]
        free = max(count - 1, 1)
        z = torch.group_norm(x, x.shape[1], eps=self.e_lambda * free / count)
        energy = torch.addcmul(z.new_full((), 0.5), z, z, value=free / (4 * count))
        return x * energy.sigmoid_().to(x.dtype)
