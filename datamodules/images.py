"""What a source of images returns, its fingerprint, and how unusable data is reported."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["DataError", "Files", "Images", "data_checksum", "resized"]


class DataError(ValueError):
    """The data cannot be used as they lie; the message tells the user what to do."""


@dataclass(frozen=True)
class Images:
    """A data set that fits into memory.

    Args:
        train_x, test_x: uint8 (N, C, H, W), values 0 to 255.
        train_y, test_y: int64 (N,), classes from 0.
    """

    train_x: Tensor
    train_y: Tensor
    test_x: Tensor
    test_y: Tensor

    def __post_init__(self) -> None:
        for part, x, y in (
            ("train", self.train_x, self.train_y),
            ("test", self.test_x, self.test_y),
        ):
            if x.dtype != torch.uint8 or x.ndim != 4 or y.dtype != torch.int64:
                raise ValueError(
                    f"{part} is uint8 (N, C, H, W) with int64 (N,) labels; came {x.dtype} "
                    f"{tuple(x.shape)} with {y.dtype} {tuple(y.shape)}"
                )
            if not len(x) or y.shape != (len(x),):
                raise ValueError(
                    f"{part} needs one label an image and at least one image; "
                    f"came {len(x)} images and labels of shape {tuple(y.shape)}"
                )


@dataclass(frozen=True)
class Files:
    """A data set whose images are read when they are needed.

    Args:
        root: the folder that all paths lie in.
        train, test: (path, class from 0) of every image.
    """

    root: Path
    train: tuple[tuple[str, int], ...]
    test: tuple[tuple[str, int], ...]


def data_checksum(data: Images | Files) -> str:
    """sha256 in hex of what a network can be trained and tested on.

    Images: over shape and bytes of the four tensors. Files: over path below the root, size in
    bytes and class of each image, sorted by path (the pixels are not read).
    """
    digest = hashlib.sha256()
    if isinstance(data, Images):
        for tensor in (data.train_x, data.train_y, data.test_x, data.test_y):
            digest.update(f"{tuple(tensor.shape)}".encode())
            digest.update(tensor.contiguous().numpy().data)
        return digest.hexdigest()
    for path, label in sorted((Path(path), label) for path, label in data.train + data.test):
        name = path.relative_to(data.root).as_posix()
        digest.update(f"{name}\t{path.stat().st_size}\t{label}\n".encode())
    return digest.hexdigest()


def resized(images: Images, size: int) -> Images:
    """The images at ``size`` x ``size`` pixels: bilinear, antialiased, rounded to uint8."""

    def scaled(x: Tensor) -> Tensor:
        if x.shape[-2:] == (size, size):
            return x
        return F.interpolate(x, (size, size), mode="bilinear", antialias=True)

    return Images(scaled(images.train_x), images.train_y, scaled(images.test_x), images.test_y)
