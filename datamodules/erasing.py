"""Random erasing (Zhong et al., AAAI 2020, arXiv:1708.04896).

    area ~ U(0.02, 0.33) H W;  log ratio ~ U(log 0.3, log 3.3)
    h = sqrt(area ratio);  w = sqrt(area / ratio);  the corner is uniform

Differs from torchvision's: the defaults are the same and the rectangle gets the mean colour
(zero after normalisation) as there, but a rectangle larger than the image (0.3 % of them) is cut
to its side instead of drawn again. One table holds the draws of a whole epoch.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lightning_modules.seeds import generator

__all__ = ["draw_boxes", "erase"]


def draw_boxes(count: int, *, probability: float, size: int, seed: int, epoch: int) -> Tensor:
    """For every sample of an epoch (top, left, bottom, right): int64 (count, 4).

    Zeros where nothing is erased; bottom and right are exclusive; ``size`` is the image's side.
    """
    drawn = torch.rand(count, 5, generator=generator("erasing", seed, epoch), dtype=torch.float64)
    chance, area, ratio, top, left = drawn.unbind(1)
    area = (0.02 + (0.33 - 0.02) * area) * size * size
    ratio = torch.exp(math.log(0.3) + math.log(3.3 / 0.3) * ratio)
    height = (area * ratio).sqrt().round().clamp(max=size)
    width = (area / ratio).sqrt().round().clamp(max=size)
    top = (top * (size - height + 1)).floor()
    left = (left * (size - width + 1)).floor()
    boxes = torch.stack((top, left, top + height, left + width), dim=1)
    return (boxes * (chance < probability)[:, None]).long()


def erase(x: Tensor, boxes: Tensor) -> Tensor:
    """Set each image's box to zero, in place.

    Args:
        x: normalised images (B, C, H, W).
        boxes: (B, 4), their rows of ``draw_boxes``.
    """
    top, left, bottom, right = boxes[:, :, None].unbind(1)
    row = torch.arange(x.shape[2], device=x.device)
    column = torch.arange(x.shape[3], device=x.device)
    rows = (row >= top) & (row < bottom)
    columns = (column >= left) & (column < right)
    return x.masked_fill_((rows[:, :, None] & columns[:, None, :])[:, None], 0.0)
