"""The schema of conf/recipe: how a network is trained (imports no torch)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

Part = TypeVar("Part")


@dataclass
class Schedule:
    """Length and learning rate of one training phase.

    Args:
        epochs: passes over the training split.
        lr: peak learning rate.
        schedule: cosine (to zero), step (times ``gamma`` at the start of each 0-based epoch in
            ``milestones``) or constant.
        warmup_epochs: linear rise of the learning rate before the schedule, within ``epochs``.
    """

    epochs: int = 10
    lr: float = 0.1
    schedule: str = "cosine"
    milestones: list[int] = field(default_factory=list)
    gamma: float = 0.1
    warmup_epochs: float = 0.0


@dataclass
class Alternation:
    """When and how far AlterSGD ascends.

    Args:
        start: share of the phase's epochs after which descent and ascent steps alternate, in
            [0, 1]; 1 is never.
        ascent: length of an ascent step relative to the learning rate, at least 0.
    """

    start: float = 0.75
    ascent: float = 1.0


@dataclass
class Noise:
    """Noise that batch norms meet, after the two attacks of the IEBN paper (see ``noise.py``).

    Args:
        kind: none; constant: every normalised map becomes ``scale * x + shift``, in training and
            evaluation; mix: a ``share`` of every training batch comes from another data set.
        scale, shift: of the constant noise.
        share: of the mixed noise, in [0, 1).
    """

    kind: str = "none"
    scale: float = 0.8
    shift: float = 0.8
    share: float = 0.5


@dataclass
class Recipe(Schedule):
    """A training recipe.

    ``refit`` is the phase after pruning, ``supernet`` the training of the network that connection
    schemes are searched on, each with its own schedule. ``alter`` counts for the optimizer
    altersgd only.

    Args:
        batch_size: global batch, over all devices.
        drop_last: leave out a last batch that is not full.
        decay_all: weight decay on every parameter (as the CIFAR papers), or on matrices and
            kernels only.
        mixup, cutmix: Beta parameter of the batch mixing; 0 is off.
        randaugment: magnitude of RandAugment (two operations an image); 0 is off.
        erasing: probability of random erasing.
        clip: largest gradient norm; 0 is off.
        precision: as in Lightning's Trainer.
        test_each_epoch: also record the test accuracy after each epoch, because papers of this
            field print the best of them; nothing is selected by it.
    """

    optimizer: str = "sgd"
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 1e-4
    decay_all: bool = True
    batch_size: int = 128
    drop_last: bool = False
    label_smoothing: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0
    randaugment: int = 0
    erasing: float = 0.0
    clip: float = 0.0
    precision: str = "32-true"
    compile: bool = False
    channels_last: bool = False
    test_each_epoch: bool = False
    alter: Alternation = field(default_factory=Alternation)
    noise: Noise = field(default_factory=Noise)
    refit: Schedule = field(default_factory=lambda: Schedule(epochs=5, lr=0.01))
    supernet: Schedule = field(
        default_factory=lambda: Schedule(epochs=40, lr=0.1, schedule="constant")
    )


CHOICES = {
    "optimizer": ("sgd", "adamw", "altersgd"),
    "schedule": ("cosine", "step", "constant"),
    "precision": ("32-true", "16-mixed", "bf16-mixed", "bf16-true", "64-true"),
    "kind": ("none", "constant", "mix"),
}
"""Allowed values of the recipe's words."""


def noise_of(options: Mapping[str, Any]) -> Noise:
    """The noise of a recipe's options; none where a cell leaves it out."""
    return _part(Noise, options.get("noise"))


def alternation_of(options: Mapping[str, Any]) -> Alternation:
    """The alternation of a recipe's options."""
    return _part(Alternation, options.get("alter"))


def _part(kind: type[Part], found: Any) -> Part:
    """A part of a recipe, whether it is a value or still plain data."""
    return found if isinstance(found, kind) else kind(**(found or {}))
