"""Gather-excite with global extent (Hu et al., NeurIPS 2018, arXiv:1810.12348).

    theta:        y = x * sigmoid(BN(sum_hw(x * w)))        w: one weight for each value, C x H x W
    theta_minus:  y = x * sigmoid(mean_hw(x))               no parameters

The gather of theta is a depthwise convolution whose kernel is the whole map, without bias; as a
product and a sum it is the same in less time. The paper's theta_plus is not here.

Differs from the authors' code: none. The PyTorch form in the repository of SRM has a bias in the
convolution: with it ResNet-50 has the 31.12 M parameters of that paper's table, without 31.11 M.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from lightning_modules.attention._maps import gated, mean_hw

__all__ = ["GatherExcite"]


class GatherExcite(nn.Module):
    """Gate each channel by a weighted sum, or the mean, of its own map.

    Args:
        channels: C, number of input channels.
        size: side of the map in px.
        gather: weights for every value of the map, or none.

    Shape:
        input and output (B, C, size, size), same dtype; theta_minus takes any map, theta at
        least two images in training.

    Cost:
        theta: C*size*size + 2*C parameters and C*size*size MACs per image, which as element-wise
        work no count includes; theta_minus: nothing.

    Raises:
        ValueError: theta meets a map of another size, or gather is another word.
    """

    sized = True
    least_batch = 2

    def __init__(
        self,
        channels: int,
        *,
        size: int,
        gather: Literal["theta", "theta_minus"] = "theta",
    ) -> None:
        super().__init__()
        if gather not in ("theta", "theta_minus"):
            raise ValueError(f"gather is theta or theta_minus; came {gather}")
        self.learned = gather == "theta"
        if self.learned:
            start = torch.randn(channels, size, size) * math.sqrt(2) / size
            self.weight = nn.Parameter(start)
            self.norm = nn.BatchNorm1d(channels)

    def forward(self, x: Tensor) -> Tensor:
        if not self.learned:
            return gated(x, mean_hw(x).sigmoid())
        if x.shape[1:] != self.weight.shape:
            raise ValueError(
                f"the weights are for maps of {tuple(self.weight.shape)}; came {tuple(x.shape[1:])}"
            )
        gate: Tensor = self.norm((x * self.weight).sum((2, 3))).sigmoid()
        return gated(x, gate)
