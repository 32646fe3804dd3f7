"""What an analysis found in the cells of one row of the tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Found", "Row", "by_heading", "mean", "plain", "spread"]

Found = Mapping[str, Any]
"""The plain JSON that an analysis returned for one cell."""


@dataclass(frozen=True)
class Row:
    """One backbone with one attention and one pruning.

    Args:
        backbone: its name and options.
        attention, pruning: their names and options.
        found: one for each seed.
        protocol: how it was made, where a sweep has several protocols.
    """

    backbone: str
    attention: str
    pruning: str
    found: Sequence[Found]
    protocol: str = ""

    @property
    def heading(self) -> str:
        """What rows that are compared have in common."""
        return f"{self.backbone}, {self.protocol}" if self.protocol else self.backbone

    @property
    def name(self) -> str:
        """What tells the row from others of its backbone."""
        pruned = "" if self.pruning == "none" else f" · {self.pruning}"
        return self.attention + pruned

    @property
    def is_plain(self) -> bool:
        """Whether it is the backbone as such, which others are compared with."""
        return (self.attention, self.pruning) == ("none", "none")


def by_heading(rows: Iterable[Row]) -> list[tuple[str, list[Row]]]:
    """The rows of each backbone and protocol, in the order of the tables."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.heading, []).append(row)
    return list(found.items())


def plain(rows: Iterable[Row], row: Row) -> Row | None:
    """The backbone as such that a row is compared with; None if it is that itself."""
    found = (other for other in rows if other.is_plain and other.heading == row.heading)
    return None if row.is_plain else next(found, None)


def mean(values: Iterable[Any]) -> np.ndarray:
    """Mean of equal-sized lists, element by element; None is left out, and NaN where all are."""
    return _over(np.mean, values)


def spread(values: Iterable[Any]) -> np.ndarray:
    """Standard deviation of the same kind; 0 for a single value."""
    return _over(np.std, values)


def _over(rule: Callable[..., Any], values: Iterable[Any]) -> np.ndarray:
    stack = np.ma.masked_invalid(np.array(list(values), dtype=float))
    found: np.ndarray = np.ma.filled(np.ma.atleast_1d(rule(stack, axis=0)), np.nan)
    return found
