"""Trying scores out: how well a copy of the network does without what they rank last."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lightning_modules.cost import evaluating
from lightning_modules.pruning._channels import shrink
from lightning_modules.pruning._criterion import Batches
from lightning_modules.pruning._order import Cut

__all__ = ["Trials"]


@dataclass(frozen=True)
class Trials:
    """What given scores are worth in a round of pruning; the network stays as it is.

    Args:
        model: the network as the round finds it.
        cut: what the round leaves of it, given scores.
        held_out: normalised images and labels that no training saw, on the model's device.

    Raises:
        ValueError: there are no held-out images.
    """

    model: nn.Module
    cut: Cut
    held_out: Batches | None

    def __post_init__(self) -> None:
        if next(iter(self.held_out or ()), None) is None:
            raise ValueError(
                "scores are tried out on held-out images; there are none: "
                "this criterion needs a validation split, data.val_fraction > 0"
            )

    def __call__(self, scores: Mapping[str, Tensor]) -> float:
        """The accuracy, in [0, 1], of the network that the scores prune at once."""
        small = copy.deepcopy(self.model)
        shrink(small, self.cut.widths, self.cut.kept(scores))
        right = count = 0
        with evaluating(small), torch.no_grad():
            for images, labels in self.held_out or ():
                right += int((small(images).argmax(1) == labels).sum())
                count += len(labels)
        return right / count
