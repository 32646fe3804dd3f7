"""STL-10: 13,000 labelled images of 96 px in 10 classes (Coates et al., AISTATS 2011).

5,000 are for training, 8,000 for testing; the 100,000 unlabelled ones are not read. Our own
reader, because torchvision's wants those too and takes the md5 sum of their 2.6 GB each time;
here the size of each file is checked.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from datamodules.images import DataError, Images
from datamodules.spec import DataSpec

__all__ = ["load", "read_part"]

FOLDER = "stl10_binary"
SIDE = 96
COUNTS = {"train": 5000, "test": 8000}


def load(spec: DataSpec, folder: Path) -> Images:
    """Read ``folder``/stl10_binary/{train,test}_{X,y}.bin.

    Raises:
        DataError: a file is missing or not of the size it has in the official archive.
    """
    place = folder / FOLDER
    problems = []
    for part, count in COUNTS.items():
        for name, size in ((f"{part}_X.bin", count * 3 * SIDE * SIDE), (f"{part}_y.bin", count)):
            path = place / name
            came = path.stat().st_size if path.is_file() else None
            if came is None:
                problems.append(f"{name} is missing")
            elif came != size:
                problems.append(f"{name} is incomplete ({came} of {size} bytes)")
    if problems:
        raise DataError(
            f"STL-10 cannot be read from {place}; {'; '.join(problems)}. Expected are "
            "train_X.bin, train_y.bin, test_X.bin and test_y.bin of the official archive. Get "
            'them with:\n  python -c "from torchvision.datasets import STL10; '
            f'STL10({str(folder)!r}, download=True)"'
        )
    return Images(*read_part(place, "train"), *read_part(place, "test"))


def read_part(place: Path, part: str) -> tuple[Tensor, Tensor]:
    """Images and labels; the files hold columns before rows, and classes from 1."""
    x = np.fromfile(place / f"{part}_X.bin", dtype=np.uint8).reshape(-1, 3, SIDE, SIDE)
    y = np.fromfile(place / f"{part}_y.bin", dtype=np.uint8)
    images = torch.from_numpy(np.ascontiguousarray(x.transpose(0, 1, 3, 2)))
    return images, torch.from_numpy(y).long() - 1
