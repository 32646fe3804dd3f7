"""Stiffness along depth (StepNet: Huang et al., ICCV 2023, arXiv:2308.09939).

    NSI_t = ||x_(t+1) - x_t||_2 / ||x_t||_2            x_t: input of block t of a stage, one image

A residual network is forward Euler with step 1, a gate on its branches adapts the step: a peak of
NSI is a place where the trajectory of the features is stiff, and a gate that sees it makes smaller
steps there. Each block is measured with its gates and with all of them replaced by the identity,
at the same trained weights.

Reconstruction: the paper's formula could not be read; this is the relative change of the features
over a step of length one. Blocks that change the shape have none and are left out. x_(t+1) is what
the block hands on, so in post-activation networks it is behind the ReLU.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from lightning_modules.analysis._gates import gates, observed, places, unplugged
from lightning_modules.analysis._subject import Subject
from lightning_modules.structure import Site

__all__ = ["analyse"]

NEEDS = ("residual",)

Steps = dict[Site, Tensor]
"""NSI of every image (N,) at every block that keeps the shape."""


def analyse(subject: Subject) -> dict[str, Any]:
    """How far every block moves the features, relative to their size.

    Returns:
        images: how many were looked at; blocks: for each its stage, its place in the stage,
        whether it is plugged, and NSI as mean and standard deviation over images, ``gated`` and
        ``ungated`` (None if no block of the network is plugged: then they are equal).
    """
    plugged = gates(subject.network, subject.sites)
    gated = _steps(subject)
    with unplugged(plugged.values()):
        ungated = _steps(subject) if plugged else {}
    place = places(subject.sites)
    blocks = [
        {
            "stage": site.stage,
            "block": place[site],
            "plugged": site in plugged,
            "gated": _summary(steps),
            "ungated": _summary(ungated[site]) if plugged else None,
        }
        for site, steps in gated.items()
    ]
    return {"images": sum(len(labels) for _, labels in subject.train), "blocks": blocks}


def _steps(subject: Subject) -> Steps:
    seen: dict[Site, list[Tensor]] = {}

    def see(site: Site, before: Tensor, after: Tensor) -> None:
        if before.shape == after.shape:
            seen.setdefault(site, []).append(_step(before, after))

    blocks = {site: site.block for site in subject.sites if site.block}
    watched = {subject.network.get_submodule(path): partial(see, s) for s, path in blocks.items()}
    with torch.no_grad(), observed(watched):
        for images, _ in subject.train:
            subject.network(images)
    return {site: torch.cat(parts) for site, parts in seen.items()}


def _step(before: Tensor, after: Tensor) -> Tensor:
    start, change = before.double().flatten(1), (after.double() - before).flatten(1)
    step: Tensor = torch.linalg.vector_norm(change, dim=1) / torch.linalg.vector_norm(start, dim=1)
    return step


def _summary(steps: Tensor) -> dict[str, float]:
    return {"mean": steps.mean().item(), "std": steps.std().item()}
