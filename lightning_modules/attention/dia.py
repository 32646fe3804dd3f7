"""Dense and implicit attention, DIA-LSTM (Huang et al., AAAI 2020, arXiv:1905.10671).

    i, f, g, o = P_in(mean_hw(x)) + P_h(h)             P: C -> C/r -> 4C, ReLU, biases
    c' = sigmoid(f) * c + sigmoid(i) * tanh(g);  h' = sigmoid(o) * sigmoid(c');  y = x * h'

One unit serves all blocks of a stage; (h, c) goes from block to block and is zero at the first.
r = 4 on CIFAR, 20 on ImageNet. At the start the gate is about one quarter everywhere.

Differs from the authors' code: none; C/r is rounded down, but at least 1.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lightning_modules.attention._maps import gated, mean_hw

__all__ = ["DenseImplicitAttention"]

State = tuple[Tensor, Tensor]


class DenseImplicitAttention(nn.Module):
    """Gate each channel by a recurrent unit that runs along the blocks of a stage.

    Args:
        channels: C, number of input channels.
        reduction: r, how many times narrower the hidden layers of the two perceptrons are; None
            has a linear map C -> 4C for each instead, as an ordinary LSTM.

    Shape:
        input and output (B, C, H, W), same dtype; state (h, c), each (B, C), or None for zeros.

    Cost:
        2 * (C*C/r + C/r + 4*C*C/r + 4*C) parameters a stage, 10*C*C/r MACs per image and block;
        without a hidden layer 2 * (4*C*C + 4*C) and 8*C*C.
    """

    carries_state = True
    stage_only = True

    def __init__(self, channels: int, *, reduction: int | None = 4) -> None:
        super().__init__()
        if reduction is not None and reduction < 1:
            raise ValueError(f"reduction is at least 1, or None; came {reduction}")
        self.from_input = _gates(channels, reduction)
        self.from_hidden = _gates(channels, reduction)

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        pooled = mean_hw(x)
        # Zeros give the same row for every image, so one row is enough at the first block.
        hidden = pooled.new_zeros(1, pooled.shape[1]) if state is None else state[0]
        i, f, g, o = (self.from_input(pooled) + self.from_hidden(hidden)).chunk(4, 1)
        cell = i.sigmoid() * g.tanh()
        if state is not None:
            cell = torch.addcmul(cell, f.sigmoid(), state[1])
        hidden = o.sigmoid() * cell.sigmoid()
        return gated(x, hidden), (hidden, cell)


def _gates(channels: int, reduction: int | None) -> nn.Module:
    if reduction is None:
        return nn.Linear(channels, 4 * channels)
    hidden = max(channels // reduction, 1)
    return nn.Sequential(nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, 4 * channels))
