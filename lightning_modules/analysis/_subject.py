"""What an analysis looks at: a finished network, where its parts are, and images to show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from lightning_modules.structure import Site, Width

__all__ = ["Batch", "Subject"]

Batch = tuple[Tensor, Tensor]
"""Images (B, 3, H, W), normalised, and their classes (B,), on the network's device."""


@dataclass(frozen=True)
class Subject:
    """A trained network, and all that an analysis may know of it.

    An analysis leaves the network as it was: parameters, statistics, gradients, modes, hooks.

    Args:
        network: in eval mode.
        sites: the ends of all residual branches in forward order, plugged or not; what stands
            there is found at ``site.path``.
        widths: the block-internal widths that can shrink; none where the backbone declares none.
        train: batches of the training split as evaluation sees them, the same for every cell of
            equal data and seed.
        held_out: batches of the validation split; none without one. The test split is never here.
        classes: number of classes.
        seed: of the cell; everything that an analysis draws follows from it.
        foreign: images of another data set in the same size (N, 3, H, W), normalised alike.
    """

    network: nn.Module
    sites: tuple[Site, ...]
    widths: tuple[Width, ...]
    train: Sequence[Batch]
    held_out: Sequence[Batch]
    classes: int
    seed: int
    foreign: Tensor | None = None
