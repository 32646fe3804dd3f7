"""Mixup and CutMix (Zhang et al., ICLR 2018, arXiv:1710.09412; Yun et al., ICCV 2019,
arXiv:1905.04899).

    lam ~ Beta(alpha, alpha), one for the batch; the partner of sample i is sample i - 1
    mixup:   x = lam x + (1 - lam) x'
    cutmix:  a box of (1 - lam) of the area comes from x', clipped at the border
    both:    y = lam onehot(y) + (1 - lam) onehot(y'), lam = the share of x that is really there

As torchvision.transforms.v2.MixUp and CutMix, but with a generator of our own.
"""

from __future__ import annotations

import math
from random import Random

from torch import Tensor
from torch.nn import functional as F

__all__ = ["mix"]


def mix(
    x: Tensor, y: Tensor, *, num_classes: int, mixup: float, cutmix: float, rng: Random
) -> tuple[Tensor, Tensor]:
    """Mix a batch with itself, shifted by one.

    With several devices the partner is the neighbour within a device's share of the batch.

    Args:
        x: (B, C, H, W) floats.
        y: (B,) classes.
        mixup, cutmix: alpha of each; 0 is off. With both, each batch gets one, at random.
        rng: where the draws come from.

    Returns:
        x of the same shape, and soft labels (B, num_classes) that sum to one.
    """
    if not mixup and not cutmix:
        raise ValueError("mix needs mixup or cutmix above 0; came 0 for both")
    cut = rng.random() < 0.5 if mixup and cutmix else bool(cutmix)
    alpha = cutmix if cut else mixup
    lam = rng.betavariate(alpha, alpha)
    if cut:
        x, lam = _paste(x, lam, rng)
    else:
        x = x.roll(1, 0).mul_(1 - lam).add_(x, alpha=lam)
    labels = F.one_hot(y, num_classes).to(x.dtype)
    return x, labels.roll(1, 0).mul_(1 - lam).add_(labels, alpha=lam)


def _paste(x: Tensor, lam: float, rng: Random) -> tuple[Tensor, float]:
    """Put the partner's box into each image; return them and the share that was kept."""
    height, width = x.shape[-2:]
    reach = 0.5 * math.sqrt(1 - lam)
    row, column = rng.randrange(height), rng.randrange(width)
    half_height, half_width = int(reach * height), int(reach * width)
    top, bottom = max(row - half_height, 0), min(row + half_height, height)
    left, right = max(column - half_width, 0), min(column + half_width, width)
    mixed = x.clone()
    mixed[..., top:bottom, left:right] = x.roll(1, 0)[..., top:bottom, left:right]
    return mixed, 1 - (bottom - top) * (right - left) / (height * width)
