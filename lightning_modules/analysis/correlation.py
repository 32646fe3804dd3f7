"""Correlation of attention between blocks (Huang et al., Neurocomputing 2024, arXiv:2210.16101).

    g_c  = sum_hw(x_c * y_c) / sum_hw(x_c^2)            x, y: a map before and after the module
    r_st = mean over images of pearson_c(g_s, g_t)      s, t: plugged blocks of one stage

The paper finds that modules of different blocks attend to the same channels, with correlations up
to 0.85, and shares one module per stage for that reason.

Reconstruction: how the paper averages could not be read. Here every image counts alike, then every
pair of blocks. g is the factor that explains a channel's map best (least squares): exactly the gate
where a module multiplies channels, the mean of the gate weighted by x^2 where it also weighs
positions, and defined for every other module. A channel whose map is zero counts as left as it is,
g = 1; an image whose gate is the same for all channels has no correlation and is left out.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

import torch
from torch import Tensor

from lightning_modules.analysis._gates import gates, observed, places
from lightning_modules.analysis._subject import Subject
from lightning_modules.structure import Site

__all__ = ["analyse"]

NEEDS = ("gate",)
FLAT = 1e-6
"""Up to this share of its size a deviation over the channels is rounding."""


def analyse(subject: Subject) -> dict[str, Any]:
    """How alike the gates of a stage's blocks are.

    Returns:
        images: how many were looked at; stages: for each with two plugged blocks or more its
        number, the places of these blocks in it, their matrix and its mean over pairs; mean: over
        the pairs of all stages. None stands for what is undefined.
    """
    seen = _gates(subject)
    place = places(subject.sites)
    stages, pairs = [], list[Tensor]()
    for number, group in groupby(seen, key=lambda site: site.stage):
        sites = list(group)
        if len(sites) > 1:
            matrix = _correlation(torch.stack([seen[site] for site in sites]))
            pairs.append(matrix[torch.ones_like(matrix).triu(1) > 0])
            stages.append(
                {
                    "stage": number,
                    "blocks": [place[site] for site in sites],
                    "matrix": [[_number(r) for r in row] for row in matrix],
                    "mean": _number(pairs[-1].nanmean()),
                }
            )
    mean = _number(torch.cat(pairs).nanmean()) if pairs else None
    images = sum(len(labels) for _, labels in subject.train)
    return {"images": images, "stages": stages, "mean": mean}


def _gates(subject: Subject) -> dict[Site, Tensor]:
    """g of every image (N, C) at every plugged site."""
    plugged = gates(subject.network, subject.sites)
    seen: dict[Site, list[Tensor]] = {site: [] for site in plugged}
    see = {
        module: lambda x, y, site=site: seen[site].append(_gate(x, y))
        for site, module in plugged.items()
    }
    with torch.no_grad(), observed(see):
        for images, _ in subject.train:
            subject.network(images)
    return {site: torch.cat(parts) for site, parts in seen.items()}


def _gate(x: Tensor, y: Tensor) -> Tensor:
    """g (B, C) of maps (B, C, H, W) or tokens (B, N, C) before and after a module."""
    x, y = (t.double().flatten(2) if t.ndim == 4 else t.double().mT for t in (x, y))
    size = x.square().sum(2)
    return torch.where(size > 0, (x * y).sum(2) / size, 1.0)


def _correlation(gates: Tensor) -> Tensor:
    """Mean over images of the correlations over channels: (n, N, C) to (n, n), NaN if undefined."""
    centred = gates - gates.mean(2, keepdim=True)
    length = centred.norm(dim=2)
    is_flat = length <= FLAT * gates.norm(dim=2)
    unit = (centred / length.unsqueeze(2)).masked_fill(is_flat.unsqueeze(2), torch.nan)
    return torch.stack([(unit * one).sum(2).nanmean(1) for one in unit])


def _number(value: Tensor) -> float | None:
    return None if value.isnan() else value.item()
