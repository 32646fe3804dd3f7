"""Large data sets: images are decoded, cropped and flipped by worker processes.

Workers hand over uint8; the rest (normalisation, erasing, mixing) happens on the device. Each
sample seeds its own draws from (seed, epoch, index), so they do not depend on the workers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from datamodules.batches import Batch
from datamodules.images import DataError, Files
from datamodules.module import ImageData, Part
from datamodules.spec import DataSpec
from lightning_modules.recipe import Recipe
from lightning_modules.seeds import derive_seed, generator

__all__ = ["FileData"]


class FileData(ImageData):
    """Images on disk, as ResNets are trained on ImageNet.

    Training: RandomResizedCrop, horizontal flip, RandAugment if the recipe says so. Evaluation:
    the shorter side to 256/224 of ``spec.image_size``, then the centre. ``spec.pad`` is not used.

    Args:
        files: paths and classes.
        spec, recipe, seed: see ``ImageData``.
        workers: processes that read images; 0 reads in this one. Never more than there are CPUs.
    """

    data: Files

    def __init__(
        self, files: Files, spec: DataSpec, recipe: Recipe, *, seed: int, workers: int = 4
    ) -> None:
        labels = torch.tensor([label for _, label in files.train], dtype=torch.int64)
        super().__init__(files, spec, recipe, labels=labels, seed=seed)
        self.workers = min(workers, cpus())

    @property
    def test_count(self) -> int:
        return len(self.data.test)

    def augmented(
        self, epoch: int, batches: Sequence[Tensor], device: torch.device
    ) -> Iterator[Batch]:
        transform = training_transform(self.spec, randaugment=self.recipe.randaugment)
        pictures = Pictures(self.data.train, transform, key=("file", self.seed, epoch))
        return self._loaded(pictures, batches, device)

    def plain(self, part: Part, batches: Sequence[Tensor], device: torch.device) -> Iterator[Batch]:
        samples = self.data.train if part == "train" else self.data.test
        pictures = Pictures(samples, evaluation_transform(self.spec), key=("file", part))
        return self._loaded(pictures, batches, device)

    def _loaded(
        self, pictures: Pictures, batches: Sequence[Tensor], device: torch.device
    ) -> Iterator[Batch]:
        loader = DataLoader(
            pictures,
            batch_sampler=[batch.tolist() for batch in batches],
            num_workers=self.workers,
            pin_memory=device.type == "cuda",
            generator=generator("workers"),  # else it would draw from the global one
        )
        for x, y in loader:
            yield x.to(device, non_blocking=True), y.to(device, non_blocking=True)


def cpus() -> int:
    """CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Pictures(Dataset[tuple[Tensor, int]]):
    """One pass over image files; item i draws from (key, i), not from the global generator."""

    def __init__(
        self,
        samples: Sequence[tuple[str, int]],
        transform: Callable[[Any], Tensor],
        *,
        key: tuple[int | str, ...],
    ) -> None:
        self.samples, self.transform, self.key = samples, transform, key

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        from torchvision.datasets.folder import default_loader

        path, label = self.samples[index]
        try:
            picture = default_loader(path)
        except OSError as error:
            raise DataError(
                f"image {path} cannot be read ({error}); restore or delete this file"
            ) from None
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(derive_seed(*self.key, index))
            return self.transform(picture), label


def training_transform(spec: DataSpec, *, randaugment: int) -> Callable[[Any], Tensor]:
    """PIL image to uint8 (3, S, S): a random part of it at S x S, flipped, RandAugment."""
    from torchvision.transforms import v2

    steps = [v2.RandomResizedCrop(spec.image_size, antialias=True)]
    if spec.flip:
        steps.append(v2.RandomHorizontalFlip())
    if randaugment:
        steps.append(v2.RandAugment(num_ops=2, magnitude=randaugment))
    transform: Callable[[Any], Tensor] = v2.Compose([*steps, v2.PILToTensor()])
    return transform


def evaluation_transform(spec: DataSpec) -> Callable[[Any], Tensor]:
    """PIL image to uint8 (3, S, S): shorter side to S * 256 / 224, then the centre."""
    from torchvision.transforms import v2

    size = spec.image_size
    resize = v2.Resize(round(size * 256 / 224), antialias=True)
    steps = [resize, v2.CenterCrop(size), v2.PILToTensor()]
    transform: Callable[[Any], Tensor] = v2.Compose(steps)
    return transform
