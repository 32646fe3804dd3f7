"""A sweep as W&B has it, for reports: the same records as in the ledger, or a reason why not."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweeps.cell import Cell
from sweeps.curves import Curves
from sweeps.errors import MALFORMED, UserError, near_miss
from sweeps.frozen import Plan
from sweeps.mirror import entry, plans
from sweeps.mirror.read import UNFINISHED, Listed, Project
from sweeps.record import Record

ENDED = "finished"
"""The state of a run that must have left one. Of others (failed, crashed, killed) the cell is
open, as it is in the ledger: one that failed by its own fault has a record of that."""
NUMBERS = ("status", "result", "latency", "seconds", "search_seconds")
"""Parts of a record that make the cell's line in a table."""
UNPLANNED = "read from W&B, which has no plan of it: cells that never started are unknown"


@dataclass(frozen=True)
class WandbSource:
    """A sweep, read from a project of W&B.

    Args:
        name: where it was read, for messages.
        found: the sweep's plan.
        runs: the runs of each cell of the plan, oldest first; of many there is none.
    """

    name: str
    found: Plan
    runs: Mapping[str, Sequence[Listed]]

    @classmethod
    def read(cls, entity: str, project: str, sweep: str) -> WandbSource:
        """Read a sweep, and say on stderr what of it is no result.

        Raises:
            UserError: W&B cannot be read, has nothing of the sweep, or another version's plan.
        """
        name = f"W&B {entity}/{project}"
        print(f"{name}: reading sweep {sweep}", file=sys.stderr)
        place = Project.open(entity, project)
        tagged = place.tagged(sweep)
        if tagged is None:
            raise UserError(
                f"{name} is not there at {place.url}, or your key may not read it; look at "
                "source=wandb://<entity>/<project>"
            )
        tagged.pop(plans.plan_id(sweep), None)
        planned = _planned(place, sweep, name)
        keys = _keys(planned)
        tagged |= place.named([one for one in tagged if one not in keys], config=True)
        plan = planned or _unplanned(sweep, tagged.values())
        if plan is None:
            there = [str(one.config.get("sweep")) for one in place.of_type(plans.JOB_TYPE).values()]
            raise UserError(_nothing(name, sweep, there, len(tagged)))
        keys = _keys(plan)
        known = _by_key(tagged.values(), keys)
        late = place.named([key for key in keys if key not in known])
        runs = _by_key((tagged | late).values(), keys)
        for line in _remarks(sweep, runs, keys, planned=planned is not None):
            print(f"{name}: {line}", file=sys.stderr)
        return cls(name, plan, {key: runs[key] for key in keys if key in runs})

    def plan(self, sweep: str) -> Plan:
        if sweep != self.found.sweep:
            raise UserError(f"{self.name} was read for sweep '{self.found.sweep}', not '{sweep}'")
        return self.found

    def record(self, key: str) -> Record | None:
        """A cell's record, None if there is none yet.

        Raises:
            UserError: a run ended without one, has other numbers than its record, or several runs
                of the cell say different things.
        """
        chosen = self._chosen(key)
        return chosen and chosen[1]

    def curves(self, key: str) -> Curves:
        """A cell's training curves; empty if there are none."""
        try:
            chosen = self._chosen(key)
        except UserError:
            return {}
        return entry.curves_of(chosen[0].summary) if chosen else {}

    def analysis(self, key: str, name: str) -> Mapping[str, Any] | None:
        """None: what analyses found stays in the ledger."""
        return None

    def _chosen(self, key: str) -> tuple[Listed, Record] | None:
        """The run that speaks for a cell, and its record: one that is done, where there is one."""
        runs = self.runs.get(key, ())
        told = [run for run in runs if _has_record(run)]
        told = told or [run for run in runs if run.state == ENDED]
        found = [(run, _record(run)) for run in told]
        done = [one for one in found if one[1].get("status") == "done"] or found
        if not done:
            return None
        _agree(key, done)
        return next((one for one in done if one[0].id == key), done[-1])


def _has_record(run: Listed) -> bool:
    return entry.RECORD in run.summary and run.state not in UNFINISHED


def _record(run: Listed) -> Record:
    try:
        return entry.record_of(run.summary)
    except UserError as error:
        raise UserError(f"run {run.id} in W&B: {error}; publish the cell again") from None


def _agree(key: str, found: Sequence[tuple[Listed, Record]]) -> None:
    first, record = found[0]
    for run, other in found[1:]:
        wrong = [part for part in NUMBERS if other.get(part) != record.get(part)]
        if wrong:
            raise UserError(
                f"runs {first.id} and {run.id} in W&B are both of cell {key} and differ in "
                f"{', '.join(wrong)}; delete the one that is wrong"
            )


def _by_key(runs: Iterable[Listed], keys: Collection[str]) -> dict[str, list[Listed]]:
    """Runs by the key of their cell: their id if it is planned, else what their config says."""
    found: dict[str, list[Listed]] = {}
    for run in runs:
        key = run.id if run.id in keys else str(run.config.get("key", run.id))
        found.setdefault(key, []).append(run)
    return found


def _planned(place: Project, sweep: str, name: str) -> Plan | None:
    """The plan that was published; None if none was."""
    about = plans.plan_id(sweep)
    run = place.named([about], config=True).get(about)
    if run is None:
        return None
    try:
        return plans.plan_of(run.config)
    except MALFORMED as error:
        raise UserError(
            f"the sweep's plan, run {run.id} of {name}, cannot be read "
            f"({type(error).__name__}: {error}); publish it again"
        ) from None


def _keys(plan: Plan | None) -> dict[str, None]:
    """The keys of a plan's cells, in order."""
    return dict.fromkeys(cell.key for cell in plan.cells) if plan else {}


def _unplanned(sweep: str, runs: Iterable[Listed]) -> Plan | None:
    """A plan of the cells that have a run, dense ones first; None if there is no such run."""
    cells: dict[str, Cell] = {}
    for run in runs:
        try:
            cell = entry.cell_of(run.config)
        except MALFORMED:
            continue
        cells[cell.key] = cell
    ordered = sorted(cells.values(), key=lambda cell: not cell.is_dense)
    return Plan(sweep, UNPLANNED, tuple(ordered)) if cells else None


def _nothing(name: str, sweep: str, known: Collection[str], others: int) -> str:
    passed = f" ({others} runs have its tag, but are not Triptych's)" if others else ""
    return (
        f"{near_miss('published sweep', sweep, known)}{passed} in {name}. "
        f"Publish it with: make publish SWEEP={sweep}"
    )


def _remarks(
    sweep: str, runs: Mapping[str, Sequence[Listed]], keys: Collection[str], *, planned: bool
) -> Iterator[str]:
    """What a reader must know of the runs that are no result."""
    tag = entry.sweep_tag(sweep)
    others = sum(len(found) for key, found in runs.items() if key not in keys and _foreign(found))
    if others:
        yield f"{_count(others, 'run')} not Triptych's, but tagged {tag}: ignored"
    if not planned:
        yield f"no plan of sweep {sweep} was published, so cells that never started are unknown"
    ends: Counter[str] = Counter()
    for key in keys:
        found = runs.get(key, ())
        if found and not any(_has_record(run) or run.state == ENDED for run in found):
            states = [run.state for run in found]
            ends[next((one for one in states if one in UNFINISHED), states[-1])] += 1
    going = sum(ends.pop(state, 0) for state in UNFINISHED)
    if going:
        yield f"{_count(going, 'cell')} still going on: shown as missing"
    if ends:
        how = ", ".join(f"{count} {state}" for state, count in ends.items())
        yield (
            f"{_count(sum(ends.values()), 'cell')} without a record ({how}): shown as missing; "
            f"what the ledger knows is added by: make publish SWEEP={sweep}"
        )


def _foreign(runs: Sequence[Listed]) -> bool:
    return not any(isinstance(run.config.get("cell"), str) for run in runs)


def _count(number: int, noun: str) -> str:
    return f"1 {noun} is" if number == 1 else f"{number} {noun}s are"
