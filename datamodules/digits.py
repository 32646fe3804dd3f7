"""Digits: 1,797 handwritten digits of 8 px in 10 classes (Alpaydin & Kaynak, UCI 1998).

They are part of scikit-learn, so nothing is downloaded. There is no official test split: a fifth
of each class is one here, the same for every run.
"""

from __future__ import annotations

from pathlib import Path

import torch

from datamodules.images import Images
from datamodules.spec import DataSpec
from datamodules.split import stratified

__all__ = ["load"]

TEST_FRACTION = 0.2


def load(spec: DataSpec, folder: Path) -> Images:
    """Values 0..16 become 0..255, the grey value three equal channels; the folder is not used."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    grey = torch.from_numpy(digits.images).mul(255 / 16).round().to(torch.uint8)
    x = grey[:, None].repeat(1, 3, 1, 1)
    y = torch.from_numpy(digits.target).long()
    train, test = stratified(y, TEST_FRACTION, "digits test")
    return Images(x[train], y[train], x[test], y[test])
