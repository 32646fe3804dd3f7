"""Plain tables for a terminal, and the words for a plan and its state."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sweeps.estimate import Estimate, estimate
from sweeps.frozen import Plan
from sweeps.state import State, Status, shares

MOST_ROWS = 60
KINDS = {
    "dense": "dense",
    "pruned": "pruned from them",
    "supernet": "supernets",
    "search": "searched on them",
}


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Columns side by side, numbers to the right."""
    cells = [[str(value) for value in row] for row in rows]
    sizes = [max(map(len, column)) for column in zip(header, *cells, strict=True)]
    numeric = [
        bool(cells)
        and all(
            r[n].replace(".", "").replace("-", "").isdecimal() or r[n] in ("", "-") for r in cells
        )
        for n in range(len(header))
    ]

    def line(row: Sequence[str]) -> str:
        pairs = zip(row, sizes, numeric, strict=True)
        return "  ".join(t.rjust(n) if right else t.ljust(n) for t, n, right in pairs).rstrip()

    return "\n".join([line(header), "  ".join("-" * n for n in sizes), *map(line, cells)])


def plan_text(plan: Plan, statuses: Sequence[Status], left: Estimate | None = None) -> str:
    """What would run, what is done, what cannot run and why, what is stale.

    Args:
        left: the work that is left, where more is known of it than the statuses say.
    """
    counts = Counter(status.state for status in statuses)
    parts = [f"sweep {plan.sweep}: {plan.about}" if plan.about else f"sweep {plan.sweep}"]
    parts += [_grid(statuses), _totals(counts, statuses, left or estimate(statuses))]
    parts += _notes(plan, statuses)
    return "\n\n".join(part for part in parts if part)


def _grid(statuses: Sequence[Status]) -> str:
    groups: dict[tuple[str, ...], Counter[State]] = defaultdict(Counter)
    for status in statuses:
        cell = status.cell
        what = f"{cell.pruning}{_target(cell.pruning.options)}"
        name = (str(cell.data), str(cell.recipe), str(cell.backbone), str(cell.attention), what)
        groups[name][status.state] += 1
    states = [state for state in State if any(counts[state] for counts in groups.values())]
    header = ["data", "recipe", "backbone", "attention", "pruning", "cells", *states]
    rows = [
        [*name, sum(counts.values()), *(counts[state] or "" for state in states)]
        for name, counts in groups.items()
    ]
    text = table(header, rows[:MOST_ROWS])
    more = len(rows) - MOST_ROWS
    return text + (f"\n... and {more} rows more; format=json has them all" if more > 0 else "")


def _target(options: Any) -> str:
    asked = [f"{n}={options[n]}" for n in ("sparsity", "macs", "params") if options.get(n)]
    return f" {asked[0]}" if asked else ""


def _totals(counts: Counter[State], statuses: Sequence[Status], left: Estimate) -> str:
    kinds = Counter(status.cell.kind for status in statuses)
    made = ", ".join(f"{kinds[kind]} {words}" for kind, words in KINDS.items() if kinds[kind])
    told = f"{len(statuses)} cells ({made}): {shares(counts)}"
    return f"{told}\n{left}"


def _notes(plan: Plan, statuses: Sequence[Status]) -> list[str]:
    reasons = Counter(reason for _, reason in plan.inapplicable)
    notes = [f"inapplicable, {count} cells: {reason}" for reason, count in reasons.items()]
    stale = Counter(axis for status in statuses for axis in status.stale)
    notes += [
        f"stale, {count} cells: the source of their {axis} changed since they ran; they stay as "
        "they are, delete their record to run them again (format=json lists the keys)"
        for axis, count in stale.items()
    ]
    said = Counter(status.note for status in statuses if status.note)
    notes += [f"{count} cells: {note}" for note, count in said.items()]
    return ["\n".join(notes)]


def plan_json(
    plan: Plan, statuses: Sequence[Status], left: Estimate | None = None
) -> dict[str, Any]:
    """The plan for machines: every cell with its key, state and what is stale."""
    left = left or estimate(statuses)
    return {
        "sweep": plan.sweep,
        "about": plan.about,
        "counts": dict(Counter(status.state for status in statuses)),
        "estimate": {"seconds": left.seconds, "known": left.known, "cells": left.cells},
        "cells": [
            {
                "key": s.cell.key,
                "parent": s.cell.parent.key if s.cell.parent else None,
                "state": s.state,
                "stale": list(s.stale),
                **s.cell.json(),
            }
            for s in statuses
        ],
        "inapplicable": [{**cell.json(), "reason": reason} for cell, reason in plan.inapplicable],
    }
