"""Coordinate attention (Hou et al., CVPR 2021, arXiv:2103.02907).

    t = hardswish(BN(W [mean_w(x), mean_h(x)] + b))       C -> m = max(min_channels, C/r) channels
    y = x * sigmoid(W_h t_h + b_h) * sigmoid(W_w t_w + b_w)         t_h, t_w: first H, last W of t

Differs from the authors' code: none.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["CoordinateAttention"]


class CoordinateAttention(nn.Module):
    """Gate each channel by one factor for each row and one for each column.

    Args:
        channels: C, number of input channels.
        reduction: r, how many times fewer channels the hidden layer has.
        min_channels: least number of hidden channels.

    Shape:
        input and output (B, C, H, W), same dtype.

    Cost:
        3*C*m + 2*C + 3*m parameters, 2*(H + W)*C*m MACs per image.
    """

    def __init__(self, channels: int, *, reduction: int = 32, min_channels: int = 8) -> None:
        super().__init__()
        for name, value in {"reduction": reduction, "min_channels": min_channels}.items():
            if value < 1:
                raise ValueError(f"{name} is at least 1; came {value}")
        hidden = max(min_channels, channels // reduction)
        self.squeeze = nn.Conv1d(channels, hidden, 1)
        self.norm = nn.BatchNorm1d(hidden)
        self.rows = nn.Conv1d(hidden, channels, 1)
        self.columns = nn.Conv1d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        means = torch.cat([x.sum(3) / width, x.sum(2) / height], 2)
        places = F.hardswish(self.norm(self.squeeze(means)))
        rows = self.rows(places[:, :, :height]).sigmoid().to(x.dtype)
        columns = self.columns(places[:, :, height:]).sigmoid().to(x.dtype)
        y: Tensor = x * rows.unsqueeze(3) * columns.unsqueeze(2)
        return y
