"""A small evolutionary search over strings of genes, whose fitness is costly to find out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

__all__ = ["Evolution"]

Gene = TypeVar("Gene")


@dataclass(frozen=True)
class Evolution:
    """The better half of each generation lives on; its children replace the other half.

    Args:
        population: number of individuals, at least 2; all that are given to start with take part.
        generations: how often children are made; 0 evaluates the first population only.
        mutation: chance of each gene of a child to be drawn anew, in [0, 1].
        crossover: chance of each gene of a child to come from its second parent, in [0, 1].
    """

    population: int
    generations: int
    mutation: float
    crossover: float

    def __post_init__(self) -> None:
        for name, least in (("population", 2), ("generations", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is at least {least}; came {getattr(self, name)}")
        for name in ("mutation", "crossover"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a chance in [0, 1]; came {getattr(self, name)}")

    def run(
        self,
        first: Sequence[tuple[Gene, ...]],
        draw: Callable[[int, Random], Gene],
        fitness: Callable[[tuple[Gene, ...]], float],
        rng: Random,
    ) -> dict[tuple[Gene, ...], float]:
        """Search for an individual of high fitness.

        Args:
            first: at least one individual to start with; drawn ones fill the population up.
            draw: a gene for a position, at random.
            fitness: called once for each individual that differs from all before.
            rng: where every draw comes from.

        Returns:
            every individual that was tried and its fitness, in the order of trying.
        """
        tried: dict[tuple[Gene, ...], float] = {}

        def ranked(individuals: Sequence[tuple[Gene, ...]]) -> list[tuple[Gene, ...]]:
            for one in individuals:
                if one not in tried:
                    tried[one] = fitness(one)
            return sorted(dict.fromkeys(individuals), key=lambda one: -tried[one])

        places = range(len(first[0]))
        missing = range(self.population - len(first))
        alive = [*first, *(tuple(draw(place, rng) for place in places) for _ in missing)]
        for _ in range(self.generations):
            parents = ranked(alive)[: max(2, self.population // 2)]
            missing = range(self.population - len(parents))
            alive = parents + [self._child(parents, draw, rng) for _ in missing]
        ranked(alive)
        return tried

    def _child(
        self,
        parents: Sequence[tuple[Gene, ...]],
        draw: Callable[[int, Random], Gene],
        rng: Random,
    ) -> tuple[Gene, ...]:
        one, other = rng.choice(parents), rng.choice(parents)

        def gene(place: int) -> Gene:
            if rng.random() < self.mutation:
                return draw(place, rng)
            return (other if rng.random() < self.crossover else one)[place]

        return tuple(gene(place) for place in range(len(one)))
