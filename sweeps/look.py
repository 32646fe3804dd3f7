"""A sweep at one moment: its plan, its cells, its jobs, and what follows from them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from sweeps.cluster import accounting
from sweeps.cluster.queue import Live, Standing, standing
from sweeps.cluster.submission import CANARY, FOLDER, REPORT, last_over
from sweeps.estimate import Estimate, estimate
from sweeps.evidence import of_record, rehearsed
from sweeps.forecast import Forecast
from sweeps.frozen import Plan
from sweeps.ledger import Ledger
from sweeps.state import State, Status, survey


@dataclass(frozen=True)
class Look:
    """A sweep as the ledger and SLURM have it."""

    ledger: Ledger
    plan: Plan
    standing: Standing
    statuses: Sequence[Status]

    @cached_property
    def counts(self) -> Mapping[State, int]:
        return Counter(status.state for status in self.statuses)

    @cached_property
    def live(self) -> tuple[Live, ...]:
        """The jobs that are about this sweep."""
        return self.standing.of(self.plan.sweep, [cell.key for cell in self.plan.cells])

    @cached_property
    def jobs(self) -> tuple[Live, ...]:
        """Those of them that are for cells."""
        return tuple(one for one in self.live if one.array not in (CANARY, REPORT))

    @property
    def running_jobs(self) -> int:
        return sum(one.runs for one in self.jobs)

    @property
    def reasons(self) -> dict[str, int]:
        """Why jobs wait, in SLURM's words, and how many do; the most frequent first."""
        words = (one.job.reason.partition(",")[0].strip("()") for one in self.jobs if not one.runs)
        return dict(Counter(words).most_common())

    def state_of(self, array: str) -> str | None:
        """The state of the job of the canaries or the report; None if it is not in the queue."""
        return next((one.job.state for one in reversed(self.live) if one.array == array), None)

    @property
    def is_active(self) -> bool:
        """Whether anything runs or is queued; if SLURM is silent, whether anything is open."""
        if self.live or self.counts[State.RUNNING] or self.counts[State.QUEUED]:
            return True
        return not self.standing.known and bool(self.counts[State.PENDING])

    @property
    def is_settled(self) -> bool:
        """Whether no cell could still run."""
        return not self.counts[State.PENDING] + self.counts[State.UNTIMED]

    @cached_property
    def lost(self) -> dict[str, str]:
        """Open cells that were submitted and that no job answers for any more: how it ended."""
        open_states = (State.PENDING, State.UNTIMED)
        left = [s.cell.key for s in self.statuses if s.state in open_states]
        left = [key for key in left if key not in self.standing.tasks]
        if not left or not self.standing.known:
            return {}
        mine = (one for one in self.standing.submissions if one.sweep == self.plan.sweep)
        sent = (*last_over(self.ledger.root, self.plan.sweep), *mine)
        tasks = {key: name for one in sent for name, pack in one.tasks() for key in pack}
        ends = accounting.ends({tasks[key] for key in left if key in tasks})
        return {key: ends[tasks[key]] for key in left if key in tasks}

    @cached_property
    def failed_canaries(self) -> list[dict[str, Any]]:
        """The rows (see ``sweeps.cluster.rehearsal``) of those whose cells are still open."""
        newest = max((one.submission.id for one in self.live), default="")
        rows: dict[str, Any] = {}
        for path in sorted((self.ledger.root / FOLDER).glob("*/canaries.json")):
            if path.parent.name >= newest:
                rows |= {row["key"]: row for row in json.loads(path.read_bytes())["cells"]}
        still = (State.PENDING, State.QUEUED)
        due = {status.cell.key for status in self.statuses if status.state in still}
        return [row for key, row in rows.items() if not row["ok"] and key in due]

    @cached_property
    def forecast(self) -> Forecast:
        """From the sweep's own cells that are done, and the ledger's rehearsals."""
        records = (s.record for s in self.statuses if s.record and s.record["status"] == "done")
        return Forecast([*map(of_record, records), *rehearsed(self.ledger.root)])

    @property
    def lanes(self) -> int:
        """How many cells run at a time; if none does yet, how many jobs may."""
        running = max(self.counts[State.RUNNING], self.running_jobs)
        if running or not self.jobs:
            return running
        return min(len(self.jobs), int(self.jobs[-1].submission.options["max_running"]))

    @cached_property
    def due(self) -> Estimate:
        """The work of what runs and waits; without jobs, of all that is open."""
        here = [s for s in self.statuses if not (self.jobs and s.state is State.PENDING)]
        return estimate(here, self.forecast)

    @property
    def seconds_left(self) -> float | None:
        """Until that is done, if as many cells go on running at a time."""
        if not self.lanes or not self.due.known:
            return None
        running = (s for s in self.statuses if s.state is State.RUNNING)
        spent = sum(_spent(status, self.due) for status in running)
        return max(self.due.seconds - spent, 0.0) / self.lanes


def look(
    ledger: Ledger, plan: Plan, now: Standing | None = None, *, again: Collection[str] = ()
) -> Look:
    """Look at a sweep; ``now`` is the queue, which is asked if it is not given; ``again`` as in
    ``survey``."""
    now = now or standing(ledger.root)
    found = survey(ledger, plan.cells, now.tasks, now.running, again=again)
    return Look(ledger, plan, now, found)


def _spent(status: Status, work: Estimate) -> float:
    """Of a cell that runs: how long it has been running, at most what such cells take."""
    if not status.attempts:
        return 0.0
    begun = datetime.fromisoformat(status.attempts[-1]["since"])
    return max(0.0, min((datetime.now(UTC) - begun).total_seconds(), work.seconds / work.known))
