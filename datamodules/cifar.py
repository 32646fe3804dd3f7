"""CIFAR-10 and CIFAR-100: 60,000 images of 32 px in 10 or 100 classes (Krizhevsky 2009).

``num_classes`` chooses. The official python pickles are read by torchvision, which compares the
md5 sum of each file first; the classes of CIFAR-100 are the 100 fine ones.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from datamodules.images import DataError, Images
from datamodules.spec import DataSpec

__all__ = ["load"]


def load(spec: DataSpec, folder: Path) -> Images:
    """Read ``folder``/cifar-10-batches-py or ``folder``/cifar-100-python.

    Raises:
        DataError: a file is missing or its md5 sum is another.
    """
    from torchvision.datasets import CIFAR10, CIFAR100

    kinds = {10: CIFAR10, 100: CIFAR100}
    if spec.num_classes not in kinds:
        raise DataError(f"CIFAR has 10 or 100 classes; came num_classes={spec.num_classes}")
    kind = kinds[spec.num_classes]
    try:
        return Images(*_part(kind, folder, train=True), *_part(kind, folder, train=False))
    except RuntimeError:  # torchvision says that something is wrong, but not what
        raise DataError(_advice(kind, folder)) from None


def _part(kind: Any, folder: Path, *, train: bool) -> tuple[Tensor, Tensor]:
    part = kind(folder, train=train)
    x = np.ascontiguousarray(part.data.transpose(0, 3, 1, 2))
    return torch.from_numpy(x), torch.tensor(part.targets, dtype=torch.int64)


def _advice(kind: Any, folder: Path) -> str:
    """Which files are missing or damaged, and the command that gets them."""
    from torchvision.datasets.utils import check_integrity

    place = folder / kind.base_folder
    expected = dict(kind.train_list + kind.test_list)
    expected[kind.meta["filename"]] = kind.meta["md5"]
    missing = [name for name in expected if not (place / name).is_file()]
    damaged = [
        name
        for name, md5 in expected.items()
        if name not in missing and not check_integrity(place / name, md5)
    ]
    found = [
        f"{what}: {', '.join(names)}"
        for what, names in (("missing", missing), ("incomplete or damaged", damaged))
        if names
    ]
    name = kind.__name__
    return (
        f"{name} cannot be read from {place}; {'; '.join(found)}. Expected are the files "
        f"{', '.join(expected)} with the md5 sums of the official archive. Get them with:\n"
        f'  python -c "from torchvision.datasets import {name}; '
        f'{name}({str(folder)!r}, download=True)"'
    )
