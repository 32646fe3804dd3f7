"""Mistakes of pivots that a plan alone shows, so that they are told before anything runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reports.document import Document
from reports.pivot.asked import Pivot
from reports.pivot.crossing import all_crossings
from reports.pivot.file import DEVICE
from sweeps.curves import Curves
from sweeps.frozen import Plan
from sweeps.record import Record


@dataclass(frozen=True)
class _Planned:
    """A source in which nothing has run yet."""

    made: Plan
    name: str = "the plan"

    def plan(self, sweep: str) -> Plan:
        return self.made

    def record(self, key: str) -> Record | None:
        return None

    def curves(self, key: str) -> Curves:
        return {}

    def analysis(self, key: str, name: str) -> Mapping[str, Any] | None:
        return None


def check_ahead(plan: Plan, pivots: Sequence[Pivot]) -> None:
    """Look whether a report of the plan could have these pivots, whatever its latencies are.

    Raises:
        UserError: everything that would keep it from them.
    """
    if pivots and plan.cells:
        document = Document.of(_Planned(plan), plan.sweep)
        all_crossings(document, [_without_devices(pivot) for pivot in pivots])


def _without_devices(pivot: Pivot) -> Pivot:
    return replace(pivot, where={k: v for k, v in pivot.where.items() if k != DEVICE})
