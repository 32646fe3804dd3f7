"""Which cells to try before the rest: few that together go through every code path not yet proven.

A path is an axis value with all its options, and the source it has now. Every path of the cells
occurs in a canary at least once (each-choice coverage); pairs of values need not.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import reduce
from operator import or_

from sweeps.cell import AXES, Cell
from sweeps.evidence import Evidence
from sweeps.provenance import sources

Path = tuple[str, str]
"""An axis, and its value, options and source digest as text."""


def choose(cells: Sequence[Cell], tried: Collection[Path]) -> tuple[Cell, ...]:
    """The canaries of cells; none when every path is proven.

    Args:
        cells: in the order in which they are preferred: the first seed comes first.
        tried: what is proven (see ``proven``).
    """
    known = frozenset(tried)
    reach: dict[frozenset[Path], Cell] = {}
    for cell in cells:
        reach.setdefault(_reached(cell) - known, cell)
    left: frozenset[Path] = reduce(or_, reach, frozenset())
    chosen: list[frozenset[Path]] = []
    while left:
        best = max(reach, key=lambda paths: len(paths & left))  # the first of equals
        chosen.append(best)
        left -= best
    order = {cell.key: n for n, cell in enumerate(cells)}
    needed = [reach[paths] for paths in _without_spare(chosen)]
    return tuple(sorted(needed, key=lambda cell: order[cell.key]))


def proven(evidence: Iterable[Evidence], *, on_gpu: bool) -> frozenset[Path]:
    """The paths that were seen to run, on a GPU or on none."""
    seen = (one for one in evidence if one.on_gpu == on_gpu)
    return frozenset(path for one in seen for path in _paths(one.cell, one.sources))


def _reached(cell: Cell) -> frozenset[Path]:
    """What a rehearsal of a cell goes through: its own values, and those of its dense parent."""
    both = [cell, cell.parent] if cell.parent else [cell]
    return frozenset(path for one in both for path in _paths(one, sources(one)))


def _paths(cell: Cell, digests: Mapping[str, str]) -> Iterable[Path]:
    values = cell.json()
    for axis in AXES:
        yield axis, json.dumps([values[axis], digests.get(axis, "")], sort_keys=True)


def _without_spare(chosen: Sequence[frozenset[Path]]) -> list[frozenset[Path]]:
    """Leave out what the others cover together: the greedy choice may take one too many."""
    kept = list(chosen)
    for one in chosen:
        rest = [other for other in kept if other is not one]
        if one <= reduce(or_, rest, frozenset()):
            kept = rest
    return kept
