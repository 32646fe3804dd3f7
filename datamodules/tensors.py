"""Small data sets: all images are one uint8 tensor on the device, augmented batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from datamodules.augment import draw_views, padded, take_views
from datamodules.batches import Batch, dealt
from datamodules.images import Images
from datamodules.module import ImageData, Part
from datamodules.randaugment import draw_operations, randaugment
from datamodules.spec import DataSpec
from lightning_modules.recipe import Recipe

__all__ = ["TensorData"]


class TensorData(ImageData):
    """Images in memory: zero padding and random crop, flip, and RandAugment if the recipe says so.

    Args:
        images: square images with sides of ``spec.image_size``.
        spec, recipe, seed: see ``ImageData``.
    """

    data: Images

    def __init__(self, images: Images, spec: DataSpec, recipe: Recipe, *, seed: int) -> None:
        super().__init__(images, spec, recipe, labels=images.train_y, seed=seed)
        self.stores: dict[tuple[Part, torch.device], Batch] = {}

    @property
    def test_count(self) -> int:
        return len(self.data.test_x)

    def augmented(
        self, epoch: int, batches: Sequence[Tensor], device: torch.device
    ) -> Iterator[Batch]:
        x, y = self._store("train", device)
        size, magnitude = self.spec.image_size, self.recipe.randaugment
        views = draw_views(
            self.count, pad=self.spec.pad, flip=self.spec.flip, seed=self.seed, epoch=epoch
        )
        operations = draw_operations(self.count, seed=self.seed, epoch=epoch) if magnitude else None
        moved = zip(
            batches,
            dealt(torch.arange(self.count), batches, device),
            dealt(views, batches, device),
            strict=True,
        )
        for samples, index, view in moved:
            images = take_views(x, index, view, size=size)
            if operations is not None:
                images = randaugment(images, operations[samples], magnitude=magnitude)
            yield images, y[index]

    def plain(self, part: Part, batches: Sequence[Tensor], device: torch.device) -> Iterator[Batch]:
        x, y = self._store(part, device)
        pad = self.spec.pad if part == "train" else 0
        inner = slice(pad, pad + self.spec.image_size)
        for samples in batches:
            index = samples.to(device)
            yield x[:, :, inner, inner][index], y[index]

    def _store(self, part: Part, device: torch.device) -> Batch:
        """The images of a part on a device, those of train padded; made once."""
        if (part, device) not in self.stores:
            images = self.data
            x, y = (
                (padded(images.train_x, self.spec.pad), images.train_y)
                if part == "train"
                else (images.test_x, images.test_y)
            )
            self.stores[part, device] = x.to(device), y.to(device)
        return self.stores[part, device]
