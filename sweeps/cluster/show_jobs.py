"""The jobs that a sweep would be sent as, as a table and for machines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from sweeps.cell import Cell
from sweeps.cluster.jobs import Jobs, Planned
from sweeps.estimate import duration
from sweeps.forecast import Bill, over, rounded
from sweeps.settings import Settings
from sweeps.show import MOST_ROWS, table

HEADER = ("array", "seed", "what", "partition", "gpus", "cpus", "memory", "time limit", "tasks")


def jobs_text(jobs: Jobs, settings: Settings) -> str:
    """What each array gets and waits for, what is tried before, and what all of it costs."""
    if not jobs.arrays:
        return "no job to send: nothing is open that has none"
    shown = [_row(n, one, jobs) for n, one in enumerate(jobs.arrays[:MOST_ROWS])]
    more = len(jobs.arrays) - MOST_ROWS
    parts = [table([*HEADER, "cells", _unit(jobs), "waits for"], shown)]
    parts += [f"... and {more} arrays more; format=json has them all"] if more > 0 else []
    parts += ["", *_totals(jobs, settings)]
    if jobs.canaries:
        parts += ["", f"canaries, tried for a few steps before the rest: {len(jobs.canaries)}"]
        parts += [f"  {cell.key}  {cell}" for cell in jobs.canaries]
    parts += ["", *jobs.notes] if jobs.notes else []
    return "\n".join(parts)


def jobs_json(jobs: Jobs, settings: Settings) -> dict[str, Any]:
    """The same for machines; an array's number is that of its jobs' name."""
    arrays = [
        {
            "number": number,
            "seed": one.cells[0].seed,
            "what": _what(one.cells),
            **asdict(one.array),
            "estimate": _bill(one.bill),
        }
        for number, one in enumerate(jobs.arrays)
    ]
    return {
        "arrays": arrays,
        "canaries": [cell.key for cell in jobs.canaries],
        "tasks": jobs.tasks,
        "total": jobs.total,
        "max_running": settings.cluster["max_running"],
        "estimate": _bill(jobs.bill),
        "budget_gpu_hours": settings.budget,
        "notes": list(jobs.notes),
    }


def _bill(bill: Bill) -> dict[str, Any]:
    hours = {"gpu_hours": bill.gpu_hours, "core_hours": bill.core_hours}
    return {**hours, "unknown_cells": bill.unknown}


def _row(number: int, one: Planned, jobs: Jobs) -> list[object]:
    own = one.array.resources
    sizes = [f"{n} x {own.nodes}" if own.nodes > 1 else n for n in (own.gpus, own.cpus)]
    limits = [f"{own.memory_gb} GB", duration(60 * own.minutes)]
    first = [number, one.cells[0].seed, _what(one.cells), own.partition or "default"]
    counts = [len(one.array.tasks), len(one.cells), _hours(one)]
    return [*first, *sizes, *limits, *counts, ", ".join(_waits(one, jobs)) or "nothing"]


def _what(cells: Sequence[Cell]) -> str:
    return ", ".join(sorted({cell.kind for cell in cells}))


def _unit(jobs: Jobs) -> str:
    kinds = {bool(one.array.resources.gpus) for one in jobs.arrays}
    return "hours" if len(kinds) > 1 else "GPU-hours" if True in kinds else "core-hours"


def _hours(one: Planned) -> str:
    """GPU-hours, or core-hours where there is no GPU."""
    if one.bill.unknown == len(one.cells):
        return "?"
    hours = rounded(one.bill.gpu_hours if one.array.resources.gpus else one.bill.core_hours)
    return f"{hours} + ?" if one.bill.unknown else hours


def _waits(one: Planned, jobs: Jobs) -> Iterator[str]:
    array = one.array
    if array.after is not None:
        yield f"array {array.after}" + (", task by task" if len(array.tasks) > 1 else "")
        return
    if jobs.canaries:
        yield "canaries"
    yield from (f"job {name}" for name in array.behind)


def _totals(jobs: Jobs, settings: Settings) -> Iterator[str]:
    parts = [f"{jobs.tasks} tasks", *(["the canaries"] if jobs.canaries else []), "the report"]
    yield (
        f"{jobs.total} jobs: {', '.join(parts)}; at most {settings.cluster['max_running']} tasks "
        "at the same time (cluster.max_running)"
    )
    yield f"cost: {jobs.bill}"
    if settings.budget is not None:
        problem = over(jobs.bill, settings.budget)
        yield f"budget: {problem or f'within budget_gpu_hours={settings.budget:g}'}"
