"""Cells laid out as SLURM arrays: packs of cells as tasks, children behind their own parents.

A task is a pack: the cells it answers for. Packs of one resource class make an array. The children
of an array's packs are arrays of their own, whose task n waits for task n of their parents' array.
One seed of every cell comes before the next: the first seeds have arrays of their own, later ones
share them, in their order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sweeps.cell import Cell
from sweeps.cluster.resources import Resources

Pack = tuple[str, ...]
"""The keys that one task answers for."""


@dataclass(frozen=True)
class _Packed:
    resources: Resources
    pack: Pack


_Family = tuple[Pack, list[_Packed]]
"""A pack and the packs of its children."""


@dataclass(frozen=True)
class Array:
    """Tasks with the same resources.

    Args:
        tasks: the pack of each task.
        rank: 0 for the first seed, 1 for the second, 2 for the next two, 3 for the next four, ...
        after: the number of the array whose task of the same index must have ended well.
        behind: tasks of earlier submissions that must have ended, by their SLURM names.
    """

    resources: Resources
    tasks: tuple[Pack, ...]
    rank: int = 0
    after: int | None = None
    behind: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layout:
    """What decides the layout.

    Args:
        resources: the class of each cell.
        seconds: how long a cell takes; None where nobody knows.
        pack_seconds: how much work one task gets, if that is known; a cell of unknown length is a
            task of its own.
        longest: most tasks of one array.
        queued: tasks of earlier submissions by the cell they answer for.
    """

    resources: Callable[[Cell], Resources]
    seconds: Callable[[Cell], float | None]
    pack_seconds: float
    longest: int
    queued: Mapping[str, str]

    def arrays(self, cells: Sequence[Cell], most: int) -> list[Array]:
        """Arrays for cells in their preferred order, with at most ``most`` tasks if that can be.

        Packs grow, where needed, beyond what their work would ask for.
        """
        least = 1
        while True:
            made = self._arrays(cells, least)
            if count(made) <= most or least >= len(cells):
                return made
            least *= 2

    def _arrays(self, cells: Sequence[Cell], least: int) -> list[Array]:
        made: list[Array] = []
        seeds = list(dict.fromkeys(cell.seed for cell in cells))
        for rank, band in enumerate(_bands(seeds)):
            self._add_seeds([cell for cell in cells if cell.seed in band], rank, least, made)
        return made

    def _add_seeds(self, cells: Sequence[Cell], rank: int, least: int, made: list[Array]) -> None:
        here = {cell.key for cell in cells}
        children: dict[str, list[Cell]] = defaultdict(list)
        roots: dict[tuple[str, ...], list[Cell]] = defaultdict(list)
        for cell in cells:
            parent = cell.parent.key if cell.parent else ""
            if parent in here:
                children[parent].append(cell)
            else:
                roots[(self.queued[parent],) if parent in self.queued else ()].append(cell)
        for behind, members in roots.items():
            families = self._families(members, children, least)
            for (own, _), group in families.items():
                for part in _parts(group, self.longest):
                    made.append(Array(own, tuple(p for p, _ in part), rank, behind=behind))
                    made += _behind(len(made) - 1, [offspring for _, offspring in part], rank)

    def _families(
        self, roots: Sequence[Cell], children: Mapping[str, Sequence[Cell]], least: int
    ) -> dict[tuple[Resources, tuple[Resources, ...]], list[_Family]]:
        """Packs of roots with the packs of their children, by the classes of both."""
        families = defaultdict(list)
        for packed in self._packs(roots, least):
            offspring = [child for key in packed.pack for child in children.get(key, ())]
            behind = self._packs(offspring, least)
            profile = tuple(one.resources for one in behind)
            families[(packed.resources, profile)].append((packed.pack, behind))
        return families

    def _packs(self, cells: Iterable[Cell], least: int) -> list[_Packed]:
        classes: dict[Resources, list[Cell]] = defaultdict(list)
        for cell in cells:
            classes[self.resources(cell)].append(cell)
        return [
            _Packed(resources, pack)
            for resources, members in classes.items()
            for pack in self._cut(members, resources, least)
        ]

    def _cut(self, cells: Sequence[Cell], resources: Resources, least: int) -> list[Pack]:
        if resources.processes > 1:
            return [(cell.key,) for cell in cells]
        packs: list[list[str]] = []
        room = 0.0
        for cell in cells:
            known = self.seconds(cell)
            spent = self.pack_seconds if known is None else known
            if not packs or (spent > room and len(packs[-1]) >= least):
                packs.append([])
                room = self.pack_seconds
            packs[-1].append(cell.key)
            room -= spent
        return [tuple(pack) for pack in packs]


def _bands(seeds: Sequence[int]) -> list[set[int]]:
    """Seeds in bands of 1, 1, 2, 4, 8, ...: few arrays, however many seeds there are."""
    bands, first, size = [], 0, 1
    while first < len(seeds):
        bands.append(set(seeds[first : first + size]))
        first += size
        size = max(first, 1)
    return bands


def _behind(number: int, offspring: Sequence[Sequence[_Packed]], rank: int) -> list[Array]:
    """The arrays behind array ``number``: the n-th packs of the children of each of its tasks."""
    return [
        Array(column[0].resources, tuple(one.pack for one in column), rank, after=number)
        for column in zip(*offspring, strict=True)
    ]


def _parts(items: Sequence[_Family], size: int) -> list[Sequence[_Family]]:
    return [items[first : first + size] for first in range(0, len(items), size)]


def count(arrays: Iterable[Array]) -> int:
    """How many tasks."""
    return sum(len(array.tasks) for array in arrays)
