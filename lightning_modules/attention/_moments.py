"""Mean and standard deviation of each channel of each image, in few passes over the map."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from lightning_modules.attention._maps import scaled

__all__ = ["mean_and_std"]


def mean_and_std(x: Tensor, *, eps: float) -> tuple[Tensor, Tensor]:
    """Mean and sqrt(variance + eps) over the positions: (B, C, H, W) -> (B, C), (B, C).

    The variance is unbiased; that of a single position counts as 0.
    """
    mean, std = _Moments.apply(x, eps)
    return mean, std


class _Moments(torch.autograd.Function):
    """One pass forward, one pass backward, where autograd would keep several maps in memory."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, eps: float) -> tuple[Tensor, Tensor]:
        (batch, channels), count = x.shape[:2], x.shape[2] * x.shape[3]
        free = max(count - 1, 1)
        # On a CPU normalising takes a tenth of the time of var_mean, and gives the same numbers.
        if x.device.type == "cpu":
            eps = eps * free / count
            shape = batch, channels, count, channels, eps
            _, mean, scale = torch.native_group_norm(x, None, None, *shape)
            std = math.sqrt(count / free) / scale
        else:
            var, mean = torch.var_mean(x, (2, 3), correction=count - free)
            std = (var + eps).sqrt()
        ctx.save_for_backward(x, mean, std)
        ctx.count, ctx.free = count, free
        return mean, std

    @staticmethod
    def backward(ctx: Any, d_mean: Tensor, d_std: Tensor) -> tuple[Tensor, None]:
        # d_std * (x - mean) / (free * std) + d_mean / count, as slope * x + offset
        x, mean, std = ctx.saved_tensors
        wide = torch.promote_types(x.dtype, torch.float32)
        slope = d_std / (ctx.free * std.to(wide))
        offset = d_mean / ctx.count - slope * mean
        return scaled(x, slope, offset), None
