"""From a sweep to a plan: every cell of the grid, dense parents first, and what cannot run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from sweeps.applicable import why_not
from sweeps.cell import Cell, Choice
from sweeps.compose import Value, resolve
from sweeps.errors import UserError
from sweeps.grid import Sweep
from sweeps.ledger import Plan

Resolve = Callable[[Iterable[Value]], Mapping[Value, Choice]]


def plan(sweep: Sweep, defaults: Mapping[str, str], resolve: Resolve = resolve) -> Plan:
    """Resolve a sweep; ``defaults`` are the values of the axes that it does not name.

    Raises:
        UserError: a value that does not exist or cannot be, or no cell that could run.
    """
    cells = cells_of(sweep, defaults, resolve)
    runnable: list[Cell] = []
    inapplicable: list[tuple[Cell, str]] = []
    for cell in cells:
        excluded = next((e.reason for e in sweep.exclusions if e.hits(cell)), None)
        reason = excluded or why_not(cell)
        if reason:
            inapplicable.append((cell, reason))
        else:
            runnable.append(cell)
    if not runnable:
        reasons = "; ".join(sorted({reason for _, reason in inapplicable}))
        raise UserError(f"sweep '{sweep.name}' has no cell that can run: {reasons}")
    return Plan(sweep.name, sweep.about, tuple(ordered(runnable)), tuple(inapplicable))


def cells_of(sweep: Sweep, defaults: Mapping[str, str], resolve: Resolve = resolve) -> list[Cell]:
    """Every cell of a sweep once, whether it can run or not.

    Raises:
        UserError: a value that does not exist or cannot be.
    """
    points = sweep.points(defaults)
    choices = resolve(value for point in points for value in point.values)
    cells = (
        Cell(**{value.axis: choices[value] for value in point.values}, seed=point.seed)
        for point in points
    )
    return list({cell.key: cell for cell in cells}.values())


def ordered(cells: Iterable[Cell]) -> list[Cell]:
    """Dense parents (those the grid does not name included), then children, each seed by seed."""
    found = {cell.key: cell for cell in cells}
    for cell in list(found.values()):
        if cell.parent is not None:
            found.setdefault(cell.parent.key, cell.parent)
    return sorted(found.values(), key=lambda cell: (not cell.is_dense, cell.seed))
