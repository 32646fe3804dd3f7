"""The schema of conf/data: which images, how they are split and normalised (no torch)."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class DataSpec:
    """A data set as the grid sees it.

    Args:
        source: the file of ``datamodules/`` that reads it.
        folder: where it lies, relative to the ``datasets`` folder of the command line.
        num_classes: number of classes.
        image_size: side of the square images the network sees, in pixels.
        mean, std: per-channel normalisation of values in [0, 1].
        pad: zero padding on each side before the random crop, in pixels; 0 is off.
        flip: random horizontal flips.
        val_fraction: share of each class of train that is cut off for validation.
        split_seed: which images those are.
        size: number of training images of synthetic data; as many are made for test.
    """

    source: str = "digits"
    folder: str = ""
    num_classes: int = 10
    image_size: int = 32
    mean: list[float] = field(default_factory=lambda: [0.5, 0.5, 0.5])
    std: list[float] = field(default_factory=lambda: [0.5, 0.5, 0.5])
    pad: int = 0
    flip: bool = False
    val_fraction: float = 0.1
    split_seed: int = 0
    size: int = 0
