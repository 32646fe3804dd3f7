"""Blended pruning criteria (He et al., ICANN 2021, arXiv:2107.05033).

    cluster   the criteria of each layer, by the distance 1 - Spearman's correlation of their scores
    S_l       = sum over clusters k of lambda_lk * s_lj  /  sum over k of lambda_lk,   j = j(l, k)
    search    j(l, k), a criterion of each cluster, and lambda_lk, its calibration factor in (0, 1],
              for the highest accuracy of the network that S prunes at once, on held-out images

s_j is the score of criterion j, shifted and scaled to a minimum of 0 and a mean of 1 over the
network, so that a criterion alone (one factor 1, the others 0) orders channels exactly as it does
by itself, within and across layers. The search is evolutionary and starts with every criterion
alone: the blend is never worse than the best of them on the held-out images.

Reconstruction: of the paper only the abstract could be read. It confirms the two stages, layerwise
clusters of ranks, calibration factors and an evolutionary search. The list of criteria, average
linkage, the number of clusters, fitness without training and every size of the search are ours.

Differs from the authors' code: none is public.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import ClassVar

from torch import nn

from lightning_modules.pruning._blend import Blends
from lightning_modules.pruning._candidates import score_all
from lightning_modules.pruning._criterion import Batches, Searched, Trial
from lightning_modules.pruning._evolution import Evolution
from lightning_modules.seeds import derive_seed
from lightning_modules.structure import Width

__all__ = ["Blended"]


class Blended:
    """Remove the channels that a blend of criteria, searched on held-out images, finds weakest.

    Args:
        clusters: of criteria in each layer; of each cluster one criterion takes part.
        population: blends that live at a time; the criteria alone all take part in the first.
        generations: of the search; 0 chooses among the first population.
        mutation: chance of each criterion and its factor to be drawn anew.
        crossover: chance of each to come from the second parent.

    Cost:
        population + generations * population / 2 evaluations of the pruned network at most.
    """

    grain = "channel"
    needs = ("weights", "activations", "gradients", "labels", "validation", "trials")
    start = "parent"
    short: ClassVar[dict[str, int]] = {"population": 2, "generations": 0}
    candidates = (
        "l1",
        "l2",
        "fpgm",
        "fermat",
        "bn_scale",
        "bn_shift",
        "taylor_activation",
        "apoz",
        "entropy",
    )

    def __init__(
        self,
        *,
        clusters: int = 3,
        population: int = 20,
        generations: int = 10,
        mutation: float = 0.1,
        crossover: float = 0.5,
    ) -> None:
        if clusters < 1:
            raise ValueError(f"clusters is at least 1; came {clusters}")
        self.clusters = clusters
        self.evolution = Evolution(population, generations, mutation, crossover)

    def search(
        self,
        model: nn.Module,
        targets: Sequence[Width],
        batches: Batches,
        seed: int,
        trial: Trial,
    ) -> Searched:
        """The scores of the best blend.

        The log: ``evaluations``, ``fitness`` of the blend, that of each ``single`` criterion,
        and for each producer the ``clusters`` and the ``blend``, {criterion: share of the factors}.
        """
        table = score_all(self.candidates, model, targets, batches, seed=seed)
        blends = Blends.of(table, self.clusters)
        single = {name: blends.alone(name) for name in table}
        tried = self.evolution.run(
            list(single.values()),
            blends.draw,
            lambda parts: trial(blends.blend(parts)),
            Random(derive_seed("blended", seed)),
        )
        best = max(tried, key=tried.__getitem__)
        log = {
            "evaluations": len(tried),
            "fitness": tried[best],
            "single": {name: tried[parts] for name, parts in single.items()},
            "clusters": {p: [list(c) for c in clusters] for p, clusters in blends.clusters.items()},
            "blend": blends.shares(best),
        }
        return Searched(blends.blend(best), log)
