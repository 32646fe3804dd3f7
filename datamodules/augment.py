"""Random crops and flips of a whole batch at once, and its normalisation, on any device.

The images lie zero-padded in one uint8 tensor; a crop is a window into it. What is drawn for a
sample is a function of (seed, epoch, index of the sample) alone: the tables below hold the draws
of one epoch for every sample and are made on the CPU, so they depend neither on the batch size,
the order, the device, the number of devices nor the global generator.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from lightning_modules.seeds import generator

__all__ = ["Normalise", "draw_views", "padded", "take_views"]


def padded(x: Tensor, pad: int) -> Tensor:
    """(N, C, H, W) to (N, C, H + 2 pad, W + 2 pad) with zeros around."""
    return F.pad(x, (pad, pad, pad, pad)) if pad else x


def draw_views(count: int, *, pad: int, flip: bool, seed: int, epoch: int) -> Tensor:
    """For every sample of an epoch (top, left, flipped): int64 (count, 3).

    Top and left are uniform in 0..2 pad, a flip has probability 1/2 (0 if ``flip`` is off).
    """
    corners = torch.randint(2 * pad + 1, (count, 2), generator=generator("crop", seed, epoch))
    flips = torch.randint(2, (count, 1), generator=generator("flip", seed, epoch))
    return torch.cat((corners, flips * flip), dim=1)


def take_views(store: Tensor, index: Tensor, view: Tensor, *, size: int) -> Tensor:
    """The views of a batch: uint8 (B, C, size, size).

    Args:
        store: the padded images, uint8 (N, C, H, W).
        index: (B,) which of them.
        view: (B, 3) their rows of ``draw_views``.
        size: side of the crop in pixels.
    """
    top, left, flipped = view.unbind(1)
    windows = store.unfold(2, size, 1).unfold(3, size, 1)
    x = windows[index, :, top, left]
    return torch.where(flipped.bool()[:, None, None, None], x.flip(3), x)


class Normalise:
    """uint8 images to float32: (x / 255 - mean) / std for each channel, as one scale and shift.

    Args:
        mean, std: one number a channel, for values in [0, 1].
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float], device: torch.device) -> None:
        means, stds = (torch.tensor(v, dtype=torch.float64)[:, None, None] for v in (mean, std))
        self.scale = (1 / (255 * stds)).float().to(device)
        self.shift = (means / stds).float().to(device)

    def __call__(self, x: Tensor) -> Tensor:
        return x.float().mul_(self.scale).sub_(self.shift)
