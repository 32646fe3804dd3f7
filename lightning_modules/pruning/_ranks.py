"""How alike criteria rank the channels of a layer: Spearman's correlation, and clusters by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn.functional import normalize

__all__ = ["agglomerate", "correlations", "ranks", "spearman"]


def ranks(score: Tensor) -> Tensor:
    """Rank of each score (n,), from 1 for the smallest; equal scores share their mean rank."""
    _, place, counts = torch.unique(score, return_inverse=True, return_counts=True)
    middle: Tensor = counts.cumsum(0).double() - (counts - 1) / 2
    return middle[place]


def spearman(scores: Sequence[Tensor]) -> Tensor:
    """Spearman's rank correlation (k, k) of k scores (n,) of the same channels.

    A score that is the same for all channels ranks nothing: 0 with every other, 1 with itself.
    """
    rows = torch.stack([ranks(score.cpu()) for score in scores])
    rows = normalize(rows - rows.mean(1, keepdim=True), dim=1)
    return (rows @ rows.T).fill_diagonal_(1).clamp(-1, 1)


def correlations(table: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The correlations of criteria in each layer, {producer: (k, k)}.

    Args:
        table: {criterion: {producer: score (n,)}}, at least one criterion.
    """
    columns = list(table.values())
    return {p: spearman([column[p] for column in columns]) for p in columns[0]}


def agglomerate(distance: Tensor, count: int) -> list[tuple[int, ...]]:
    """Clusters of k things by average linkage: the two nearest are joined until few are left.

    Args:
        distance: (k, k), symmetric.
        count: number of clusters; of fewer things each is its own.

    Returns:
        ascending indices, each cluster before those that start later; of equal distances the
        earlier pair is joined.
    """
    clusters: list[tuple[int, ...]] = [(i,) for i in range(len(distance))]
    while len(clusters) > count:
        pairs = [(a, b) for a in clusters for b in clusters if a < b]
        a, b = min(pairs, key=lambda pair: float(distance[list(pair[0])][:, list(pair[1])].mean()))
        clusters = sorted({*clusters, tuple(sorted(a + b))} - {a, b})
    return clusters
