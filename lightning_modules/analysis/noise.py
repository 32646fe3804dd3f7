"""Robustness to noise in the batch norms (Liang et al., AAAI 2020, arXiv:1908.04008).

    constant:  every normalised map becomes scale * x + shift; statistics are the running ones
    mixed:     a share of every batch comes from another data set; statistics are the batch's own

Accuracy on held-out images, against the strength of either. Under mixed noise the foreign images
change means and variances only: they lie beside the batch's own images, and accuracy is theirs.

Reconstruction: the paper attacks networks while they train (see ``lightning_modules/noise.py``);
here a finished network meets the same kinds of noise at evaluation. The strengths are ours.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from lightning_modules.analysis._subject import Batch, Subject
from lightning_modules.noise import ConstantNoise
from lightning_modules.seeds import generator

__all__ = ["analyse"]

NEEDS = ("norm", "validation")
SCALES = (1.0, 0.8, 0.5)
SHIFTS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
SHARES = (0.0, 0.25, 0.5, 0.75)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def analyse(subject: Subject) -> dict[str, Any]:
    """Accuracy in [0, 1] under each kind and strength of noise.

    Returns:
        constant: its scales, shifts, the accuracy of each pair (a list for each scale) and the
        number of images; mixed: the shares of foreign images, the accuracy of each, the number of
        images and how many of them were in a batch.
    """
    whole = [b for b in subject.held_out if len(b[1]) == len(subject.held_out[0][1])]
    twin = _with_own_statistics(subject.network)
    return {
        "constant": {
            "images": _count(subject.held_out),
            "scales": list(SCALES),
            "shifts": list(SHIFTS),
            "accuracy": [[_constant(subject, s, shift) for shift in SHIFTS] for s in SCALES],
        },
        "mixed": {
            "images": _count(whole),
            "batch": len(whole[0][1]),
            "shares": list(SHARES),
            "accuracy": [_accuracy(twin, _beside(whole, subject, share)) for share in SHARES],
        },
    }


def _constant(subject: Subject, scale: float, shift: float) -> float:
    is_noise = (scale, shift) != (1.0, 0.0)
    with ConstantNoise(scale, shift) if is_noise else nullcontext():
        return _accuracy(subject.network, subject.held_out)


def _with_own_statistics(network: nn.Module) -> nn.Module:
    """A copy whose batch norms take means and variances from the batch."""
    twin = copy.deepcopy(network)
    for module in twin.modules():
        if isinstance(module, NORMS):
            module.train()
    return twin


def _beside(batches: Iterable[Batch], subject: Subject, share: float) -> Iterator[Batch]:
    """The batches with so many foreign images behind their own that these are a share."""
    for number, (images, labels) in enumerate(batches):
        others = round(len(labels) * share / (1 - share))
        yield torch.cat((images, _foreign(subject, others, number))), labels


def _foreign(subject: Subject, count: int, number: int) -> Tensor:
    if subject.foreign is None:
        raise ValueError("mixed noise needs images of another data set, and the subject has none")
    lot = generator("foreign", subject.seed, number)
    return subject.foreign[torch.randint(len(subject.foreign), (count,), generator=lot)]


@torch.no_grad()
def _accuracy(network: nn.Module, batches: Iterable[Batch]) -> float:
    """Of the images that have a label: the first ones of each batch."""
    hits = [(network(x)[: len(y)].argmax(1) == y).float() for x, y in batches]
    return torch.cat(hits).mean().item()


def _count(batches: Iterable[Batch]) -> int:
    return sum(len(labels) for _, labels in batches)
