"""From a sweep to a plan: every cell of the grid, seed by seed, and what cannot run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from sweeps.applicable import why_not
from sweeps.cell import Cell, Choice
from sweeps.compose import Value, resolve
from sweeps.errors import UserError
from sweeps.frozen import Plan
from sweeps.grid import Point, Sweep
from sweeps.overrides import value_of
from sweeps.published import Published
from sweeps.tickets import mismatch

Resolve = Callable[[Iterable[Value]], Mapping[Value, Choice]]


def plan(sweep: Sweep, defaults: Mapping[str, str], resolve: Resolve = resolve) -> Plan:
    """Resolve a sweep; ``defaults`` are the values of the axes that it does not name.

    Raises:
        UserError: a value that does not exist or cannot be, or no cell that could run.
    """
    asked, published = _asked(sweep, defaults, resolve)
    runnable: list[Cell] = []
    inapplicable: list[tuple[Cell, str]] = []
    for cell, _ in asked.values():
        excluded = next((e.reason for e in sweep.exclusions if e.hits(cell)), None)
        reason = excluded or why_not(cell)
        if reason:
            inapplicable.append((cell, reason))
        else:
            runnable.append(cell)
    if not runnable:
        reasons = "; ".join(sorted({reason for _, reason in inapplicable}))
        raise UserError(f"sweep '{sweep.name}' has no cell that can run: {reasons}")
    resources = _resources(runnable, {key: own for key, (_, own) in asked.items()})
    cells = tuple(ordered(runnable))
    return Plan(sweep.name, sweep.about, cells, tuple(inapplicable), resources, published)


def cells_of(sweep: Sweep, defaults: Mapping[str, str], resolve: Resolve = resolve) -> list[Cell]:
    """Every cell of a sweep once, whether it can run or not.

    Raises:
        UserError: a value that does not exist or cannot be.
    """
    return [cell for cell, _ in _asked(sweep, defaults, resolve)[0].values()]


def _asked(
    sweep: Sweep, defaults: Mapping[str, str], resolve: Resolve
) -> tuple[dict[str, tuple[Cell, dict[str, Any]]], tuple[Published, ...]]:
    """Each cell once, by key, with the resources that its blocks set (a later block wins); and
    what is published for them."""
    points = sweep.points(defaults)
    wanted = chain((p.values for p in points), (q.values for q in sweep.published))
    choices = resolve(chain.from_iterable(wanted))
    _check_tickets(points)
    found: dict[str, tuple[Cell, dict[str, Any]]] = {}
    for point in points:
        cell = Cell(**{value.axis: choices[value] for value in point.values}, seed=point.seed)
        found.setdefault(cell.key, (cell, {}))[1].update(point.resources)
    return found, tuple(_published(sweep, [cell for cell, _ in found.values()], choices))


def _published(
    sweep: Sweep, cells: Sequence[Cell], choices: Mapping[Value, Choice]
) -> Iterator[Published]:
    """What papers print for cells of the sweep.

    Raises:
        UserError: for none of them, though the grid is that of the file.
    """
    for quotation in sweep.published:
        try:
            yield quotation.beside(cells, choices)
        except UserError as error:
            if not sweep.is_changed:
                raise UserError(f"sweep '{sweep.name}': {error}") from None


def _check_tickets(points: Iterable[Point]) -> None:
    """No point may plug a backbone by a scheme that was found for another one."""
    asked = set[tuple[str, str]]()
    for point in points:
        chosen = {value.axis: value for value in point.values}
        connect = dict(chosen["attention"].overrides).get("connect")
        if connect is not None:
            asked.add((str(value_of(connect)), chosen["backbone"].name))
    problems = filter(None, (mismatch(*pair) for pair in sorted(asked)))
    if text := "\n".join(problems):
        raise UserError(text)


def _resources(
    cells: Sequence[Cell], asked: Mapping[str, Mapping[str, Any]]
) -> dict[str, Mapping[str, Any]]:
    """What each cell asks itself; a dense parent that the grid does not name, as its first child.

    Cells that ask nothing have no entry.
    """
    found = {cell.key: asked[cell.key] for cell in cells}
    for cell in cells:
        if cell.parent is not None:
            found.setdefault(cell.parent.key, asked[cell.key])
    return {key: own for key, own in found.items() if own}


def ordered(cells: Iterable[Cell]) -> list[Cell]:
    """All cells of the first seed, then of the next; in each, dense parents before children.

    Parents that the grid does not name are added. Whatever ends a sweep early, it has then whole
    tables of some seeds instead of some rows of all.
    """
    found = {cell.key: cell for cell in cells}
    for cell in list(found.values()):
        if cell.parent is not None:
            found.setdefault(cell.parent.key, cell.parent)
    return sorted(found.values(), key=lambda cell: (cell.seed, not cell.is_dense))
