"""Images of another data set in every training batch: the mixed noise of the IEBN paper.

They pass through the network together with the batch's own images, so that the batch norms' means
and variances, running ones included, are those of the mixture; they have no label and no loss.

Reconstruction: what is confirmed stands in ``lightning_modules/noise.py``. Which sets the paper
mixes and in which proportion is not known, and it trains on both. Ours: the other set is the
embedded digits (for digits themselves, the synthetic patterns), which needs no download; the batch
keeps all its own images, so that a gradient is the mean over as many as without noise; and only
their loss counts, so that the head, the test and the parameter count stay those of the task.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from datamodules.images import Images
from datamodules.spec import DataSpec
from lightning_modules.seeds import generator

__all__ = ["Foreign"]


class Foreign:
    """Draws images of another set, in the size of one's own.

    Args:
        spec: the data set that they disturb.
        share: of a batch that is foreign, in [0, 1).

    Raises:
        ValueError: the share is outside [0, 1).
    """

    def __init__(self, spec: DataSpec, share: float) -> None:
        if not 0 <= share < 1:
            raise ValueError(f"noise.share is a share in [0, 1); came {share}")
        self.size = spec.image_size
        self.ratio = share / (1 - share)
        source = "synthetic" if spec.source == "digits" else "digits"
        other = DataSpec(source, image_size=min(self.size, 32), size=1000)
        images: Images = import_module(f"datamodules.{source}").load(other, Path())
        self.images = images.train_x

    def beside(self, count: int, *key: int | str, device: torch.device) -> Tensor:
        """Images (N, 3, S, S) with values of 0 to 255 for ``count`` own ones.

        Args:
            key: what they are drawn from, and nothing else.
        """
        number = round(count * self.ratio)
        drawn = torch.randint(len(self.images), (number,), generator=generator("foreign", *key))
        x = self.images[drawn].to(device).float()
        side = (self.size, self.size)
        return x if x.shape[-2:] == side else F.interpolate(x, side, mode="bilinear")
