"""Where one cell stands, how its attempts ended, and what it and its jobs printed."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from sweeps.cell import Cell
from sweeps.cluster.queue import Standing, standing
from sweeps.cluster.submission import CANARY
from sweeps.errors import MALFORMED, UserError
from sweeps.ledger import Ledger
from sweeps.show import table
from sweeps.state import State, Status, survey

KEY = re.compile(r"[0-9a-f]{12}")
LINES = 100
TAIL_BYTES = 200_000
LISTED = 12


@dataclass(frozen=True)
class Trace:
    """All that is left of a cell's runs."""

    ledger: Ledger
    status: Status
    standing: Standing

    @property
    def key(self) -> str:
        return self.status.cell.key

    @property
    def log(self) -> Path:
        """What the cell itself printed."""
        return self.ledger.paths(self.key).log

    @cached_property
    def outputs(self) -> list[Path]:
        """What the jobs printed that ran it or answer for it, as far as the files are there."""
        names = [str(one["job"]) for one in self.status.attempts if one.get("job")]
        for one in self.standing.submissions:
            names += [name for name, pack in one.tasks() if self.key in pack]
            if self.key in one.canaries and (canary := one.jobs.get(CANARY)):
                names.append(canary)
        files = [f"{name}_0_log.{end}" for name in dict.fromkeys(names) for end in ("out", "err")]
        folders = sorted((self.ledger.root / "submissions").glob("*/jobs"))
        found = (folder / name for name in files for folder in folders)
        return [path for path in found if path.exists()]

    def text(self) -> str:
        parts = [f"{self.key}  {self.status.cell}\n{self._where()}", self._attempts()]
        files = [("log", self.log), ("record", self.ledger.paths(self.key).record)]
        files += [("job", path) for path in self.outputs]
        parts.append("\n".join(f"{name:6} {path}" for name, path in files if path.exists()))
        error = self.status.record["error"] if self.status.record else None
        parts.append(error["traceback"].rstrip() if error else "")
        if lines := tail(self.log, LINES):
            parts.append(f"last {len(lines)} lines of the log\n" + "\n".join(lines))
        return "\n\n".join(part for part in parts if part)

    def json(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "cell": self.status.cell.json(),
            "state": self.status.state,
            "attempts": list(self.status.attempts),
            "log": str(self.log) if self.log.exists() else None,
            "record": str(self.ledger.paths(self.key).record) if self.status.record else None,
            "jobs": [str(path) for path in self.outputs],
        }

    def _where(self) -> str:
        text = str(self.status.state)
        job = self.standing.tasks.get(self.key)
        if job and self.status.state in (State.QUEUED, State.RUNNING, State.UNTIMED):
            why = f", {job.reason}" if job.state == "PENDING" else ""
            text += f"; job {job.name} answers for it ({job.state.lower()}{why})"
        return f"{text}; {self.status.note}" if self.status.note else text

    def _attempts(self) -> str:
        if not self.status.attempts:
            return ""
        rows = [
            [n, one["host"], one.get("job") or "", _local(one["since"]), _local(one.get("until")),
             one.get("ended") or ""]
            for n, one in enumerate(self.status.attempts, start=1)
        ]  # fmt: skip
        return table(["attempt", "host", "job", "since", "until", "how it ended"], rows)


def _local(moment: str | None) -> str:
    if not moment:
        return ""
    return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def trace(ledger: Ledger, prefix: str) -> Trace:
    """The one cell whose key begins so.

    Raises:
        UserError: there is none, or there are several.
    """
    cell = find(ledger, prefix)
    now = _standing(ledger)
    family = [cell.parent, cell] if cell.parent else [cell]
    return Trace(ledger, survey(ledger, family, now.tasks, now.running)[-1], now)


def _standing(ledger: Ledger) -> Standing:
    """The cell's log can be read without the submissions, if one of them cannot."""
    try:
        return standing(ledger.root)
    except UserError as error:
        _leave_out(str(error))
        return Standing(note=str(error))


def find(ledger: Ledger, prefix: str) -> Cell:
    """The cell of a ledger whose key begins so; it has run, or belongs to a started sweep.

    Raises:
        UserError: there is none, or there are several.
    """
    by_key = {cell.key: cell for cell in _cells(ledger, prefix)}
    found = list(by_key.values())
    if len(found) == 1:
        return found[0]
    if not found:
        raise UserError(
            f"key={prefix}: no cell of ledger {ledger.root} has a key that begins so; "
            "all keys are in: make status ARGS=format=json"
        )
    rows = [f"  {cell.key}  {cell}" for cell in found[:LISTED]]
    rows += [f"  ... and {len(found) - LISTED} more"] * (len(found) > LISTED)
    raise UserError("\n".join([f"key={prefix}: {len(found)} cells begin so; give more of", *rows]))


def _cells(ledger: Ledger, prefix: str) -> Iterator[Cell]:
    """Those that have run, and those of every plan; what cannot be read is left out and told."""
    names = sorted(os.listdir(ledger.root)) if ledger.root.is_dir() else []
    for name in names:
        path = ledger.paths(name).cell
        if KEY.fullmatch(name) and name.startswith(prefix) and path.exists():
            try:
                cell = Cell.from_json(json.loads(path.read_bytes()))
                found = cell.key.startswith(prefix)
            except (OSError, *MALFORMED) as error:
                _leave_out(f"cell {path} cannot be read ({error})")
                continue
            if found:
                yield cell
    for path in sorted(ledger.plans.glob("*.json")):
        try:
            yield from (c for c in ledger.plan(path.stem).cells if c.key.startswith(prefix))
        except UserError as error:
            _leave_out(str(error))


def _leave_out(why: str) -> None:
    print(f"left out: {why}", file=sys.stderr)


def of_interest(statuses: Iterable[Status], ledger: Ledger) -> list[dict[str, str]]:
    """Key, state, log and cell of what has failed, then of what runs."""
    states = (State.FAILED, State.RUNNING)
    found = sorted((s for s in statuses if s.state in states), key=lambda s: states.index(s.state))
    return [
        {
            "key": s.cell.key,
            "state": str(s.state),
            "log": str(ledger.paths(s.cell.key).log),
            "cell": str(s.cell),
        }
        for s in found
    ]


def list_text(rows: Sequence[Mapping[str, str]]) -> str:
    if not rows:
        return "no cell has failed and none runs; the log of any other: make logs KEY=..."
    return table([*rows[0]], [[*row.values()] for row in rows])


def tail(path: Path, count: int) -> list[str]:
    """The last lines of a file as a terminal would have left them; none if it is not there."""
    try:
        with path.open("rb") as file:
            file.seek(max(os.path.getsize(path) - TAIL_BYTES, 0))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    return [line.rstrip("\r").rpartition("\r")[2] for line in text.rstrip("\n").split("\n")][
        -count:
    ]
