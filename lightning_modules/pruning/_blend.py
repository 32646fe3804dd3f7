"""Blends of criteria: in each layer one criterion of each cluster, and a factor for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random

import torch
from torch import Tensor

from lightning_modules.pruning._ranks import agglomerate, correlations

__all__ = ["Blends", "Part"]

Part = tuple[str, float]
"""A criterion and its factor, in [0, 1]: what a blend holds for a cluster of a layer."""


@dataclass(frozen=True)
class Blends:
    """All blends of a network's criteria; each has one part for each of ``places``.

    Args:
        scores: {criterion: {producer: (n,)}}, comparable.
        clusters: {producer: clusters of criteria}.
    """

    scores: Mapping[str, Mapping[str, Tensor]]
    clusters: Mapping[str, Sequence[tuple[str, ...]]]

    @classmethod
    def of(cls, table: Mapping[str, Mapping[str, Tensor]], count: int) -> Blends:
        names = list(table)
        clusters = {
            producer: [tuple(names[i] for i in group) for group in agglomerate(1 - rho, count)]
            for producer, rho in correlations(table).items()
        }
        return cls({name: _comparable(scores) for name, scores in table.items()}, clusters)

    @cached_property
    def places(self) -> list[tuple[str, tuple[str, ...]]]:
        """(producer, cluster) of each part of an individual."""
        return [(p, cluster) for p, clusters in self.clusters.items() for cluster in clusters]

    def alone(self, name: str) -> tuple[Part, ...]:
        """The blend that is one criterion in every layer."""
        clusters = [cluster for _, cluster in self.places]
        return tuple((name, 1.0) if name in c else (c[0], 0.0) for c in clusters)

    def draw(self, place: int, rng: Random) -> Part:
        return rng.choice(self.places[place][1]), 1 - rng.random()

    def shares(self, parts: Sequence[Part]) -> dict[str, dict[str, float]]:
        """{producer: {criterion: its share of the layer's factors}}; of no factors, equal ones."""
        found: dict[str, dict[str, float]] = {producer: {} for producer in self.clusters}
        for (producer, _), (name, factor) in zip(self.places, parts, strict=True):
            found[producer][name] = factor
        for producer, factors in found.items():
            total = sum(factors.values())
            even = 1 / len(factors)
            found[producer] = {n: f / total if total else even for n, f in factors.items()}
        return found

    def blend(self, parts: Sequence[Part]) -> dict[str, Tensor]:
        """{producer: blended score (n,)}"""
        return {
            producer: torch.stack([f * self.scores[n][producer] for n, f in shares.items()]).sum(0)
            for producer, shares in self.shares(parts).items()
        }


def _comparable(scores: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A criterion's scores with minimum 0 and mean 1 over the network; no order changes."""
    every = torch.cat(list(scores.values()))
    low, tiny = every.min(), torch.finfo(every.dtype).tiny
    scale = (every.mean() - low).clamp_min(tiny)
    return {producer: (score - low) / scale for producer, score in scores.items()}
