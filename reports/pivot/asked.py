"""What is asked for: a pivot as it is, whatever it was written in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Pivot:
    """One pivot; `reports.pivot.file` says what each of it means.

    Args:
        where: patterns by field; None stands for "has no such option".
        order: whether descending, by field or value; what comes first counts most.
        best: max, min or none, by value.
    """

    name: str
    about: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[str, ...]
    where: Mapping[str, tuple[str | None, ...]]
    order: Mapping[str, bool]
    best: Mapping[str, str]
    split: tuple[str, ...]

    @property
    def fields(self) -> tuple[str, ...]:
        """What tells its tables, lines and columns apart."""
        return (*self.split, *self.rows, *self.columns)
