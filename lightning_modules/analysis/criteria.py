"""Rank correlation of pruning criteria (as in Huang et al., NeurIPS 2021, arXiv:2004.11627).

    rho_l(i, j) = Spearman's correlation of the scores of criteria i and j over the channels of l
    mean(i, j)  = mean of rho_l(i, j) over the layers

1: the two criteria remove the same channels of a layer, in whatever scale they score them; 0: they
have nothing in common. A score that is the same for all channels of a layer counts as 0. The paper
finds that those of filter norms and distances rank almost alike, and it is what blended criteria
are clustered by.

Reconstruction: of the paper only the abstract could be read; the list of criteria is from memory.

Differs from the authors' code: none is public.
"""

from __future__ import annotations

from typing import Any

import torch

from lightning_modules.analysis._subject import Subject
from lightning_modules.pruning._candidates import score_all
from lightning_modules.pruning._ranks import correlations
from lightning_modules.pruning.blended import Blended

__all__ = ["analyse"]

NEEDS = ("widths",)


def analyse(subject: Subject) -> dict[str, Any]:
    """How alike the criteria that ``blended`` blends rank the channels of each width.

    Returns:
        ``criteria``, their names, without those that read batch norms where there are none;
        ``mean``, the correlations (k, k) averaged over layers; ``layers``, {producer: (k, k)}.
    """
    table = score_all(
        Blended.candidates, subject.network, subject.widths, subject.train, seed=subject.seed
    )
    layers = correlations(table)
    return {
        "criteria": list(table),
        "mean": torch.stack(list(layers.values())).mean(0).tolist(),
        "layers": {producer: rho.tolist() for producer, rho in layers.items()},
    }
