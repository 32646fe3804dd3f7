"""RandAugment on a batch of tensors (Cubuk et al., NeurIPS 2020, arXiv:1909.13719).

Two operations out of 14 for each image, all at one magnitude (0 to 30), half of the geometric and
colour ones with the sign reversed. The operations and their ranges are those of
torchvision.transforms.v2.RandAugment; here each is applied to all images of the batch that drew
it, and one table holds the draws of a whole epoch.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from lightning_modules.seeds import generator

__all__ = ["OPERATIONS", "draw_operations", "operations", "randaugment"]

OPERATIONS = 14
STEPS = 2
LEVELS = 31
Operation = Callable[[Tensor, int], Tensor]


def draw_operations(count: int, *, seed: int, epoch: int) -> Tensor:
    """For every sample of an epoch and each step, 2 * operation + (1 if reversed): (count, 2)."""
    draws = generator("randaugment", seed, epoch)
    return torch.randint(2 * OPERATIONS, (count, STEPS), generator=draws)


def randaugment(x: Tensor, drawn: Tensor, *, magnitude: int) -> Tensor:
    """Apply what was drawn.

    Args:
        x: uint8 (B, C, H, W) with 1 or 3 channels.
        drawn: (B, 2), the rows of ``draw_operations``, on the CPU.
        magnitude: 0 to 30.
    """
    table = operations(magnitude, size=x.shape[-1])
    x = x.clone()
    for step in drawn.unbind(1):
        for choice in torch.unique(step).tolist():
            rows = (step == choice).nonzero().flatten().to(x.device)
            sign = -1 if choice % 2 else 1
            x.index_copy_(0, rows, table[choice // 2](x[rows], sign))
    return x


def operations(magnitude: int, *, size: int) -> list[Operation]:
    """The 14 operations at one magnitude, each of (images, sign), for images of one side."""
    from torchvision.transforms.v2 import functional as TF  # only if it is on

    def at(low: float, high: float) -> float:
        # in float32, as torchvision does, so that its pictures and ours are equal
        return torch.linspace(low, high, LEVELS)[magnitude].item()

    def affine(x: Tensor, shift: tuple[int, int], slope: tuple[float, float]) -> Tensor:
        shear = [math.degrees(math.atan(s)) for s in slope]
        center = [0.0, 0.0] if any(slope) else None
        moved: Tensor = TF.affine(
            x, angle=0.0, translate=list(shift), scale=1.0, shear=shear, center=center
        )
        return moved

    slope, offset, angle = at(0.0, 0.3), int(at(0.0, 150 / 331 * size)), at(0.0, 30.0)
    colour, bits, threshold = at(0.0, 0.9), round(at(8.0, 4.0)), 255 * at(1.0, 0.0)
    return [
        lambda x, s: x,
        lambda x, s: affine(x, (0, 0), (s * slope, 0.0)),
        lambda x, s: affine(x, (0, 0), (0.0, s * slope)),
        lambda x, s: affine(x, (s * offset, 0), (0.0, 0.0)),
        lambda x, s: affine(x, (0, s * offset), (0.0, 0.0)),
        lambda x, s: TF.rotate(x, s * angle),
        lambda x, s: TF.adjust_brightness(x, 1 + s * colour),
        lambda x, s: TF.adjust_saturation(x, 1 + s * colour),
        lambda x, s: TF.adjust_contrast(x, 1 + s * colour),
        lambda x, s: TF.adjust_sharpness(x, 1 + s * colour),
        lambda x, s: TF.posterize(x, bits),
        lambda x, s: TF.solarize(x, threshold),
        lambda x, s: TF.autocontrast(x),
        lambda x, s: TF.equalize(x),
    ]
