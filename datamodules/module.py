"""The data module that all sources share: splits, order, loaders and what happens to a batch."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from itertools import cycle, islice
from random import Random
from typing import Literal

import torch
from pytorch_lightning import LightningDataModule
from torch import Tensor

from datamodules.augment import Normalise
from datamodules.batches import Batch, Batches, Place, dealt, in_turn, shuffled
from datamodules.erasing import draw_boxes, erase
from datamodules.foreign import Foreign
from datamodules.images import Files, Images, data_checksum
from datamodules.mixing import mix
from datamodules.spec import DataSpec
from datamodules.split import stratified
from lightning_modules.recipe import Recipe, noise_of
from lightning_modules.seeds import derive_seed, generator

__all__ = ["ImageData", "Part"]

Part = Literal["train", "test"]


class ImageData(LightningDataModule):
    """Loaders of (images, labels) that already lie on the device of the trainer.

    Without a trainer they are those of one CPU at epoch ``epoch_offset``. Labels are classes
    (B,), or soft labels (B, num_classes) in training with mixup or cutmix. With mixed noise a
    training batch has images without labels behind the others (see ``Foreign``). Only
    ``test_dataloader`` yields test images or labels, or ``val_dataloader`` if the recipe asks for
    it.

    Args:
        data: what the source read.
        spec: how it is split, augmented and normalised.
        recipe: batch size, augmentation and noise.
        seed: of the order and of every random draw in training.

    Attributes:
        epoch_offset: added to the trainer's epoch in every draw; set it for a second training
            phase, so that it goes on instead of repeating the first.
        train_index, val_index: positions in the source's train part; a function of the labels,
            ``spec.val_fraction`` and ``spec.split_seed``.
        place: where the batches go; None asks the trainer.
    """

    def __init__(
        self, data: Images | Files, spec: DataSpec, recipe: Recipe, *, labels: Tensor, seed: int
    ) -> None:
        super().__init__()
        self.data, self.spec, self.recipe, self.seed = data, spec, recipe, seed
        self.count = len(labels)
        self.train_index, self.val_index = stratified(
            labels, spec.val_fraction, "validation", spec.split_seed
        )
        noise = noise_of(vars(recipe))
        self.foreign = Foreign(spec, noise.share) if noise.kind == "mix" else None
        self.epoch_offset = 0
        self.place: Place | None = None

    @abstractmethod
    def augmented(
        self, epoch: int, batches: Sequence[Tensor], device: torch.device
    ) -> Iterator[Batch]:
        """Cropped and flipped uint8 train images (B, C, S, S) and classes, on the device."""

    @abstractmethod
    def plain(self, part: Part, batches: Sequence[Tensor], device: torch.device) -> Iterator[Batch]:
        """The same without augmentation, from the train or the test part."""

    @property
    @abstractmethod
    def test_count(self) -> int:
        """Number of test images."""

    @cached_property
    def checksum(self) -> str:
        """sha256 in hex of the data (see ``data_checksum``)."""
        return data_checksum(self.data)

    def train_dataloader(self) -> Batches:
        place, size, drop = self._place(), self.recipe.batch_size, self.recipe.drop_last

        def order(epoch: int) -> list[Tensor]:
            batches = shuffled(self.train_index, size, seed=self.seed, epoch=epoch, drop_last=drop)
            return place.share(batches)

        return Batches(order, partial(self._train, place), epoch=self._epoch)

    def val_dataloader(self) -> Batches | list[Batches]:
        """What is looked at after each epoch: the validation split, unless ``val_fraction`` is 0,
        and last the test split where the recipe says ``test_each_epoch``; one or a list.

        With an empty list give the trainer ``limit_val_batches=0``, or it warns.
        """
        found = []
        if len(self.val_index):
            found.append(self._in_turn("train", self.val_index, self._place()))
        if self.recipe.test_each_epoch:
            found.append(self.test_dataloader())
        return found[0] if len(found) == 1 else found

    def validation(self, device: torch.device) -> Batches:
        """The validation split on a device, in one process, to be gone through again and again.

        Raises:
            ValueError: there is no validation split.
        """
        self._check_validation()
        return self._in_turn("train", self.val_index, Place(device=device))

    def test_dataloader(self) -> Batches:
        return self._in_turn("test", torch.arange(self.test_count), self._place())

    def calibration(
        self, batches: int, batch_size: int, device: torch.device | str = "cpu", seed: int = 0
    ) -> list[Batch]:
        """Batches of the training split as evaluation would see them, chosen by the seed.

        No image comes twice before every other has come once.
        """
        order = torch.randperm(len(self.train_index), generator=generator("calibration", seed))
        chosen = islice(cycle(self.train_index[order].tolist()), batches * batch_size)
        index = torch.split(torch.tensor(list(chosen), dtype=torch.int64), batch_size)
        place = Place(device=torch.device(device))
        return list(self._evaluate(place, "train", 0, index, 0))

    def held_out(
        self, batch_size: int, device: torch.device | str = "cpu", most: int = 5000
    ) -> list[Batch]:
        """Batches of the validation split as evaluation would see them, always the same.

        Args:
            most: of a larger split so many images are taken, spread evenly over it.

        Raises:
            ValueError: there is no validation split.
        """
        self._check_validation()
        count = min(most, len(self.val_index))
        index = self.val_index[torch.arange(count) * len(self.val_index) // count]
        place = Place(device=torch.device(device))
        return list(self._evaluate(place, "train", 0, torch.split(index, batch_size), 0))

    def _check_validation(self) -> None:
        if not len(self.val_index):
            raise ValueError(
                "there is no validation split, which this needs: set data.val_fraction above 0"
            )

    def _in_turn(self, part: Part, index: Tensor, place: Place) -> Batches:
        batches = place.share(in_turn(index, self.recipe.batch_size, world=place.world))
        read = partial(self._evaluate, place, part)
        return Batches(lambda epoch: batches, read, epoch=self._epoch)

    def _place(self) -> Place:
        trainer = self.trainer
        if self.place or not trainer:
            return self.place or Place()
        return Place(trainer.global_rank, trainer.world_size, trainer.strategy.root_device)

    def _epoch(self) -> int:
        return self.epoch_offset + (self.trainer.current_epoch if self.trainer else 0)

    def _train(
        self, place: Place, epoch: int, batches: Sequence[Tensor], first: int
    ) -> Iterator[Batch]:
        normalise = Normalise(self.spec.mean, self.spec.std, place.device)
        boxes = self._boxes(epoch, batches, place.device)
        for number, (raw, y) in enumerate(self.augmented(epoch, batches, place.device)):
            x = normalise(raw)
            if boxes:
                x = erase(x, boxes[number])
            x, y = self._mixed(self._laid_out(x), y, epoch, first + number)
            if self.foreign:
                key = (self.seed, epoch, first + number, place.rank)
                others = self.foreign.beside(len(y), *key, device=place.device)
                x = torch.cat((x, self._laid_out(normalise(others))))
            yield x, y

    def _evaluate(
        self, place: Place, part: Part, epoch: int, batches: Sequence[Tensor], first: int
    ) -> Iterator[Batch]:
        normalise = Normalise(self.spec.mean, self.spec.std, place.device)
        for x, y in self.plain(part, batches, place.device):
            yield self._laid_out(normalise(x)), y

    def _boxes(
        self, epoch: int, batches: Sequence[Tensor], device: torch.device
    ) -> tuple[Tensor, ...]:
        probability, size = self.recipe.erasing, self.spec.image_size
        if not probability:
            return ()
        table = draw_boxes(
            self.count, probability=probability, size=size, seed=self.seed, epoch=epoch
        )
        return dealt(table, batches, device)

    def _mixed(self, x: Tensor, y: Tensor, epoch: int, number: int) -> Batch:
        mixup, cutmix = self.recipe.mixup, self.recipe.cutmix
        if not mixup and not cutmix:
            return x, y
        rng = Random(derive_seed("mix", self.seed, epoch, number))
        return mix(x, y, num_classes=self.spec.num_classes, mixup=mixup, cutmix=cutmix, rng=rng)

    def _laid_out(self, x: Tensor) -> Tensor:
        return x.to(memory_format=torch.channels_last) if self.recipe.channels_last else x
