"""Random schemes, the baseline of connection searches (Huang et al., 2022, arXiv:2207.07858).

    a ~ uniform over the schemes with k plugged blocks

k is ``plugged``, or as many as EAN plugs with the same options: a search beats this baseline only
if it knows which blocks, not merely how many.

Differs from the authors' code: there is none.
"""

from __future__ import annotations

from typing import ClassVar

import torch

from lightning_modules.options import Search
from lightning_modules.pruning._plugged import how_many
from lightning_modules.pruning._sites import Oracle, Scheme
from lightning_modules.seeds import generator

__all__ = ["RandomSites"]


class RandomSites:
    """Plug blocks by lot.

    Args:
        plugged: number of plugged blocks; None takes as many as EAN plugs.
        draw: which of the random schemes of a seed this is, from 0.
    """

    grain = "site"
    needs = ("supernet", "validation")
    short: ClassVar[dict[str, int]] = {"steps": 2, "samples": 1}
    start = "fresh"

    def __init__(self, *, plugged: int | None = None, draw: int = 0) -> None:
        self.plugged = plugged
        self.draw = draw

    def search(self, oracle: Oracle, options: Search, seed: int) -> Scheme:
        """k blocks, every set of them with the same chance."""
        count = how_many(self.plugged, oracle, options, seed)
        lot = generator("random_sites", seed, self.draw)
        chosen = set(torch.randperm(oracle.blocks, generator=lot)[:count].tolist())
        return tuple(block in chosen for block in range(oracle.blocks))
