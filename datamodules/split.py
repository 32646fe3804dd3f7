"""Cut a share of each class off a labelled set."""

from __future__ import annotations

import torch
from torch import Tensor

from lightning_modules.seeds import generator

__all__ = ["stratified"]


def stratified(labels: Tensor, fraction: float, *key: int | str) -> tuple[Tensor, Tensor]:
    """Indices of the images that are kept and of those that are cut off, both ascending.

    Of a class of n images, ``fraction * n`` rounded half up are cut off, and at least one is kept.

    Args:
        labels: (N,) classes.
        fraction: share of each class to cut off, in [0, 1).
        key: which images those are.
    """
    if not 0 <= fraction < 1:
        raise ValueError(f"the share to cut off is in [0, 1); came {fraction}")
    cut = torch.zeros(len(labels), dtype=torch.bool)
    for label in torch.unique(labels).tolist():
        members = (labels == label).nonzero().flatten()
        count = min(int(fraction * len(members) + 0.5), len(members) - 1)
        order = torch.randperm(len(members), generator=generator("split", *key, label))
        cut[members[order[:count]]] = True
    return (~cut).nonzero().flatten(), cut.nonzero().flatten()
