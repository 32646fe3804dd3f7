"""A cell's training curves, as short as a page of thousands of them can carry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from operator import index
from typing import Any

SHOWN = ("train_loss", "val_accuracy")
MOST = 32
"""Points of one phase that are kept: its first and last epoch, and evenly spaced ones between."""
DIGITS = 4

Curves = dict[str, dict[str, list[float | None]]]
"""phase -> {epoch, train_loss, val_accuracy}, lists of equal length; phases in order of training.
Losses are means over the epoch's images, accuracies shares in [0, 1]; what is not there is None."""


def curves(history: Sequence[Mapping[str, Any]]) -> Curves:
    """The rows of a ``history.json``, thinned and rounded; what they lack is None.

    Raises:
        LookupError, TypeError, ValueError: they are no rows of a history.
    """
    phases: dict[str, list[Mapping[str, Any]]] = {}
    for row in history:
        phases.setdefault(str(row["phase"]), []).append(row)
    return {phase: _columns(_thinned(rows)) for phase, rows in phases.items()}


def _thinned(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    if len(rows) <= MOST:
        return list(rows)
    last = len(rows) - 1
    return [rows[round(place * last / (MOST - 1))] for place in range(MOST)]


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[float | None]]:
    found: dict[str, list[float | None]] = {"epoch": [index(row["epoch"]) for row in rows]}
    return found | {name: [_short(row.get(name)) for row in rows] for name in SHOWN}


def _short(value: float | None) -> float | None:
    """A number that JSON can say; a loss that is none is not there."""
    return None if value is None or not isfinite(value) else float(f"{value:.{DIGITS}g}")
