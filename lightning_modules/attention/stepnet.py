"""StepNet-style step size (Huang et al., ICCV 2023, arXiv:2308.09939).

    y = f * sigmoid(W2 relu(W1 [mean_hw(x), mean_hw(f)] + b1) + b2)      W1: 2C -> C/r, W2: C/r -> C

f is the branch of a residual block and x the block's input. Read as a solver of a differential
equation, x + f is an Euler step of length one and x + y one of adaptive length; how stiff the
equation is shows in f against x, so that a step size should read both.

Reconstruction: confirmed (from the abstract) are the view of attention as an adaptor of the step
size that measures stiffness, and that StepNet refines this measure. Not confirmed: its formula;
what it reads, the widths, the activations and the placement here are ours.

Differs from the authors' code: none is public. Where x has another number of channels than f, in
the first block of a stage, its means are padded with zeros or cut to C, as option A of a shortcut.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_modules.attention._maps import gated, mean_hw

__all__ = ["StepSize"]

READS = ("both", "branch", "input", "change")


class StepSize(nn.Module):
    """Gate each channel of a branch by a two-layer perceptron over the means of branch and input.

    Args:
        channels: C, number of channels of the branch.
        reduction: r, how many times narrower the hidden layer is.
        reads: the means of both; of the branch, which is squeeze and excitation; of the input; or
            the change, those of the branch minus those of the input.

    Shape:
        branch and output (B, C, H, W), same dtype; input (B, any, any, any).

    Cost:
        2*C*C/r + C/r + C parameters, C*C/r more where both are read; as many MACs per image
        without the biases.
    """

    slot = "step"

    def __init__(
        self,
        channels: int,
        *,
        reduction: int = 16,
        reads: Literal["both", "branch", "input", "change"] = "both",
    ) -> None:
        super().__init__()
        if reduction < 1:
            raise ValueError(f"reduction is at least 1; came {reduction}")
        if reads not in READS:
            raise ValueError(f"reads is one of {', '.join(READS)}; came {reads}")
        self.reads = reads
        hidden = max(channels // reduction, 1)
        self.squeeze = nn.Linear(channels * (2 if reads == "both" else 1), hidden)
        self.excite = nn.Linear(hidden, channels)

    def forward(self, y: Tensor, x: Tensor) -> Tensor:
        gate: Tensor = self.excite(self.squeeze(self._read(y, x)).relu()).sigmoid()
        return gated(y, gate)

    def _read(self, y: Tensor, x: Tensor) -> Tensor:
        if self.reads == "branch":
            return mean_hw(y)
        before = F.pad(mean_hw(x), (0, y.shape[1] - x.shape[1]))  # a negative padding cuts
        if self.reads == "input":
            return before
        after = mean_hw(y)
        return torch.cat([before, after], 1) if self.reads == "both" else after - before
