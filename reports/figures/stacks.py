"""Heat maps on a page: in stacks side by side, each as high as the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.figures.cells import EDGE, NOTES
from reports.figures.maps import Map
from reports.figures.style import COLUMN_INCHES, DEEP_INCHES, PAGE_INCHES

ASIDE, APART = 0.2, 0.12
"""Inches between two stacks, and between two maps of one."""


@dataclass(frozen=True)
class Place:
    """Where a map stands.

    Args:
        x, y: its upper left corner, in inches from that of the figure.
        has_names: whether the names of its columns stand below it; they do not if they are those
            of the map below.
    """

    one: Map
    x: float
    y: float
    has_names: bool

    @property
    def end(self) -> float:
        names = self.one.below + 0.08 if self.has_names else 0.0
        return self.y + self.one.above + self.one.body + names


def placed(found: Sequence[Map]) -> tuple[list[Place], float]:
    """The first maps, as many as fit on a page, and how wide the figure is."""
    for count in range(len(found), 0, -1):
        places, right = _stacks(found[:count])
        if count == 1 or max(place.end for place in places) <= DEEP_INCHES - NOTES - EDGE:
            break
    return places, COLUMN_INCHES if round(right, 6) <= COLUMN_INCHES else PAGE_INCHES


def _stacks(found: Sequence[Map]) -> tuple[list[Place], float]:
    """As many stacks as the page is wide, filled line by line; where the last one ends."""
    widest = max(one.width for one in found) + ASIDE
    number = max(int((PAGE_INCHES - 2 * EDGE + ASIDE) / widest), 1)
    places: list[Place] = []
    right = EDGE - ASIDE
    for first in range(min(number, len(found))):
        stack = found[first::number]
        places += _stack(stack, right + ASIDE)
        right += ASIDE + max(one.width for one in stack)
    return places, right + EDGE


def _stack(stack: Sequence[Map], x: float) -> list[Place]:
    places: list[Place] = []
    for one, below in zip(stack, [*stack[1:], None], strict=True):
        y = places[-1].end + APART if places else EDGE
        is_same = below is not None and (one.across, one.left) == (below.across, below.left)
        places.append(Place(one, x, y, has_names=not is_same))
    return places
