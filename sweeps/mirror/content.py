"""All that W&B is to hold of a cell that is over, or of a plan, and whether it does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sweeps.cell import Cell
from sweeps.frozen import Plan
from sweeps.mirror import entry
from sweeps.mirror.artifacts import Artifact, artifacts
from sweeps.mirror.plans import JOB_TYPE, plan_config, plan_id
from sweeps.mirror.read import Listed
from sweeps.mirror.session import About, Session
from sweeps.record import Record, RunPaths, read_history

ENDED = ("finished", "failed")
"""States of runs that were sent to their end."""
ARTIFACTS = "artifacts"
"""Name in a summary of the kinds of artifacts that were sent."""


def has_arrived(run: Listed, digest: str | None) -> bool:
    """Whether a run was sent to its end, with that digest; with None, whether it was emptied."""
    return run.digest == digest and (digest is None or run.state in ENDED)


def about(cell: Cell, sweep: str | None, *, group: str | None, commit: str | None) -> About:
    """A cell's run, tagged with the sweep."""
    return About(
        id=cell.key,
        name=entry.name(cell),
        group=group,
        job_type=cell.kind,
        tags=tuple(entry.tags(cell, [sweep] if sweep else [])),
        config=entry.config(cell),
        commit=commit,
    )


@dataclass(frozen=True)
class Content:
    """A record with its history and what it is to carry.

    Raises:
        LookupError, TypeError, ValueError: the record or its history is not what it should be.
    """

    cell: Cell
    record: Record
    history: Sequence[Mapping[str, Any]]
    artifacts: tuple[Artifact, ...] = ()

    @classmethod
    def of(cls, cell: Cell, record: Record, paths: RunPaths, wanted: Collection[str]) -> Content:
        """What the ledger has; ``wanted`` are kinds of artifacts."""
        found = artifacts(cell, record, paths, wanted)
        return cls(cell, record, read_history(paths), found)

    @cached_property
    def digest(self) -> str:
        return entry.digest(self.cell, self.record, self.history)

    @property
    def commit(self) -> str | None:
        return self._origin.get("commit")

    @property
    def diff(self) -> str | None:
        """Name of what was not committed, see ``RunPaths.text``."""
        return self._origin.get("diff")

    @property
    def _origin(self) -> Mapping[str, Any]:
        return self.record.get("provenance") or {}

    @property
    def code(self) -> int:
        """The exit code of the run."""
        return 0 if self.record["status"] == "done" else 1

    @property
    def summary(self) -> dict[str, Any]:
        """The record with the digest, which says that all was sent, and with which artifacts."""
        said = {entry.DIGEST: self.digest, ARTIFACTS: sorted(one.kind for one in self.artifacts)}
        return entry.summary(self.cell, self.record, self.history) | said

    def send(self, session: Session) -> None:
        """Everything; of the history what W&B does not have."""
        for number, epoch in enumerate(self.history):
            session.row(number, entry.row(epoch))
        for one in self.artifacts:
            session.artifact(one.name, one.kind, one.path, one.metadata)
        session.say(self.summary)

    def is_in(self, run: Listed, sweep: str) -> bool:
        """Whether W&B has all of it."""
        kinds = {one.kind for one in self.artifacts}
        is_tagged = entry.sweep_tag(sweep) in run.tags
        carried = set(run.summary.get(ARTIFACTS) or ())
        return has_arrived(run, self.digest) and is_tagged and kinds <= carried

    def differs(self, run: Listed) -> bool:
        """Whether W&B has rows that are no rows of this history, which nobody can change."""
        last = {name: value for name, value in run.summary.items() if "/" in name}
        known = (entry.row(epoch).items() for epoch in self.history)
        return bool(run.rows and self.history) and not any(last.items() <= row for row in known)


@dataclass(frozen=True)
class PlanContent:
    """A sweep's plan, see `sweeps.mirror.plans`."""

    plan: Plan

    @property
    def code(self) -> int:
        return 0

    @cached_property
    def about(self) -> About:
        return About(
            id=plan_id(self.plan.sweep),
            name=f"plan of {self.plan.sweep}",
            group=self.plan.sweep,
            job_type=JOB_TYPE,
            tags=(entry.sweep_tag(self.plan.sweep),),
            config=plan_config(self.plan),
        )

    @cached_property
    def digest(self) -> str:
        text = json.dumps(self.about.config, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def send(self, session: Session) -> None:
        session.say({entry.DIGEST: self.digest})

    def is_in(self, run: Listed) -> bool:
        """Whether W&B has it."""
        return has_arrived(run, self.digest)
