"""Synthetic images: a smooth colour pattern for each class under noise (no source).

They cost nothing, need no download and can be learned, so they serve tests, smoke runs and speed
measurements; an accuracy on them says nothing about a method.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from datamodules.images import DataError, Images
from datamodules.spec import DataSpec
from lightning_modules.seeds import generator

__all__ = ["load"]


def load(spec: DataSpec, folder: Path) -> Images:
    """``spec.size`` images for training and as many for testing; the folder is not used.

    Raises:
        DataError: fewer images than classes.
    """
    if spec.size < spec.num_classes:
        raise DataError(
            f"synthetic data need size of at least num_classes={spec.num_classes}; "
            f"came size={spec.size}; set data.size"
        )
    coarse = torch.rand(spec.num_classes, 3, 4, 4, generator=generator("synthetic classes"))
    size = (spec.image_size, spec.image_size)
    patterns = F.interpolate(coarse, size, mode="bilinear").mul(127).to(torch.uint8)
    return Images(*_part(patterns, spec.size, "train"), *_part(patterns, spec.size, "test"))


def _part(patterns: Tensor, count: int, part: str) -> tuple[Tensor, Tensor]:
    """Half pattern, half noise; the classes take turns."""
    y = torch.arange(count) % len(patterns)
    draws = generator("synthetic noise", part)
    noise = torch.randint(128, (count, *patterns.shape[1:]), generator=draws, dtype=torch.uint8)
    return noise.add_(patterns[y]), y
