"""A training of a second or less that uses everything a checkpoint must hold."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from conftest import TRAINER
from torch import nn

from datamodules.open import open_data
from datamodules.spec import DataSpec
from lightning_modules.classifier import Classifier, Phase
from lightning_modules.fit import fit
from lightning_modules.pruning._weights import Masks
from lightning_modules.recipe import Recipe
from lightning_modules.stopping import Stopped
from lightning_modules.storage import Files

SPEC = DataSpec("synthetic", image_size=8, size=96, num_classes=6, pad=1, flip=True)
EPOCHS, STEPS = 3, 6
"""86 training images in batches of 16; every epoch ends with a smaller one."""


@dataclass
class At:
    """True when asked for the n-th time, from 1, and ever after."""

    number: int
    asked: int = 0

    def __call__(self) -> bool:
        self.asked += 1
        return self.asked >= self.number


@dataclass(frozen=True)
class Training:
    """A phase in a folder; every call is like a new process.

    Args:
        recipe: what differs from a plain one.
        trainer: what differs in the ``trainer`` section.
        masked: half of the last layer is pruned.
        batch_norm: whether the network has it, and dropout.
    """

    folder: Path
    recipe: Mapping[str, Any] = field(default_factory=dict)
    trainer: Mapping[str, Any] = field(default_factory=dict)
    masked: bool = False
    batch_norm: bool = True

    def __call__(self, stop: Callable[[], bool] | None = None) -> dict[str, Any]:
        recipe = vars(Recipe(batch_size=16, lr=0.02, epochs=EPOCHS)) | dict(self.recipe)
        self.folder.mkdir(exist_ok=True)
        data = open_data(SPEC, folder=self.folder, recipe=Recipe(**recipe), seed=0)
        phase = Phase("fit", recipe, EPOCHS, 0)
        pruned = masks(batch_norm=self.batch_norm) if self.masked else None
        model = Classifier(network(batch_norm=self.batch_norm), 6, phase, pruned)
        torch.manual_seed(random.randrange(10**6))  # nothing may hang on where a process starts
        return fit(model, data, self.files, trainer=TRAINER | dict(self.trainer), stop=stop)

    @property
    def files(self) -> Files:
        return Files(self.folder / "fit.ckpt", self.folder / "fit.pt")

    def in_parts(self, stops: Iterable[int]) -> tuple[dict[str, Any], int]:
        """Stop at every turn until it is over; what it left, and how often it was stopped."""
        count = 0
        for number in stops:
            try:
                return self(At(number)), count
            except Stopped:
                count += 1
        return self(), count


def network(*, batch_norm: bool = True) -> nn.Module:
    torch.manual_seed(0)
    extras = [nn.BatchNorm2d(8), nn.Dropout(0.3)] if batch_norm else []
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), *extras, nn.Flatten(), nn.Linear(288, 6))


def masks(*, batch_norm: bool = True) -> Masks:
    layers = network(batch_norm=batch_norm)
    drawn = torch.rand(6, 288, generator=torch.Generator().manual_seed(1))
    return Masks({str(len(layers) - 1): drawn > 0.5})


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two results are equal bit for bit."""
    states = all(
        one[kind].keys() == other[kind].keys()
        and all(torch.equal(one[kind][name], other[kind][name]) for name in one[kind])
        for kind in ("state", "selected")
    )
    return states and all(one[name] == other[name] for name in ("history", "selected_epoch"))
