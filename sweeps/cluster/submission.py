"""What was submitted to SLURM: the cells and arrays as they were, and the ids they were given.

A submission is a folder ``<ledger>/submissions/<id>/``. ``plan.json`` is written before anything is
sent and never changes; ``jobs.jsonl`` gets a line for every array that SLURM has accepted.
"""

from __future__ import annotations

import getpass
import json
import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from sweeps.cell import Cell, Choice
from sweeps.cluster.arrays import Array
from sweeps.cluster.resources import Resources
from sweeps.context import Context
from sweeps.errors import MALFORMED, UserError
from sweeps.record import write_atomically

FOLDER, OVER = "submissions", "over"
"""Below the ledger, and in the folder of a submission that is over."""

CANARY, REPORT = "canary", "report"
"""Names of the jobs that are no arrays of cells; an array's name is its number."""


MARK = "triptych:"
"""What the comment of every submission's jobs begins with: SLURM may have given an id twice."""


@dataclass(frozen=True)
class Submission:
    """One submission.

    Args:
        folder: where it is kept.
        code: digest of the snapshot that its jobs run.
        options: the cluster's options.
        context: how cells run, as ``Context.json``.
        results: where the report goes.
        cells: every cell that is open, in the order in which they are preferred.
        canaries: keys of the cells that are tried first.
        tables: further tables of the report, see `sweeps.tables.tables`.
    """

    folder: Path
    sweep: str
    code: str
    options: Mapping[str, Any]
    context: Mapping[str, Any]
    results: str
    cells: tuple[Cell, ...]
    arrays: tuple[Array, ...]
    canaries: tuple[str, ...] = ()
    user: str = ""
    tables: tuple[Mapping[str, Any], ...] = ()

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def ledger(self) -> Path:
        return self.folder.parents[1]

    @property
    def snapshot(self) -> Path:
        return self.ledger / "code" / self.code

    @property
    def logs(self) -> Path:
        """Where submitit keeps its files, and SLURM the jobs' output."""
        return self.folder / "jobs"

    @property
    def comment(self) -> str:
        """What every job of it carries, so that it is found even if its id was never written."""
        return f"{MARK}{self.id}"

    @cached_property
    def by_key(self) -> Mapping[str, Cell]:
        return {cell.key: cell for cell in self.cells}

    def write(self) -> None:
        plain = ("sweep", "code", "options", "context", "results", "canaries", "user", "tables")
        data = {name: getattr(self, name) for name in plain}
        data["cells"] = [cell.json() for cell in self.cells]
        data["arrays"] = [asdict(array) for array in self.arrays]
        write_atomically(self.folder / "plan.json", json.dumps(data).encode())

    @classmethod
    def read(cls, folder: Path) -> Submission:
        """The submission that was written there.

        Raises:
            UserError: the file is none.
        """
        try:
            data = json.loads((folder / "plan.json").read_bytes())
            known: dict[bytes, Choice] = {}
            data["cells"] = tuple(Cell.from_json(one, known) for one in data["cells"])
            data["arrays"] = tuple(map(_array, data["arrays"]))
            data["canaries"] = tuple(data["canaries"])
            data["tables"] = tuple(data.get("tables", ()))
            return cls(folder, **data)
        except MALFORMED as error:
            raise UserError(
                f"submission {folder / 'plan.json'} is damaged ({error}); look with squeue that "
                "none of its jobs is left, then take its folder away"
            ) from None

    def accepted(self, name: str | int, job: str) -> None:
        """Note the id that SLURM gave to an array, the canaries or the report."""
        with (self.folder / "jobs.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps({"name": str(name), "job": job}) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def close(self, outcome: str) -> None:
        """It is over, and how: nobody looks for its jobs any more."""
        (self.folder / OVER).write_text(f"sweep {self.sweep} {outcome}\n", encoding="utf-8")

    @property
    def jobs(self) -> dict[str, str]:
        """SLURM's ids by the array's number, ``canary`` or ``report``."""
        try:
            lines = (self.folder / "jobs.jsonl").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return {}
        rows = [json.loads(line) for line in lines if line.endswith("}")]
        return {row["name"]: row["job"] for row in rows}

    def tasks(self) -> Iterable[tuple[str, Sequence[str]]]:
        """SLURM's name of every accepted task, and the keys it answers for."""
        jobs = self.jobs
        for number, array in enumerate(self.arrays):
            if job := jobs.get(str(number)):
                for index, pack in enumerate(array.tasks):
                    yield (f"{job}_{index}" if len(array.tasks) > 1 else job), pack

    def run_context(self, resources: Resources) -> Context:
        """How a cell of these resources runs."""
        context = Context.from_json(self.context)
        places = {"devices": resources.devices, "num_nodes": resources.nodes}
        return replace(context, trainer={**context.trainer, **places})


def _array(data: Mapping[str, Any]) -> Array:
    return Array(
        Resources(**data["resources"]),
        tuple(map(tuple, data["tasks"])),
        data["rank"],
        data["after"],
        tuple(data["behind"]),
    )


def new_folder(ledger: Path) -> Path:
    """A folder for a new submission; names sort by time."""
    now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    return ledger.absolute() / FOLDER / f"{now}-{socket.gethostname()[:8]}-{os.getpid()}"


def submissions(ledger: Path, sweep: str | None = None) -> list[Submission]:
    """The submissions that are not over, of one sweep if it is given, oldest first."""
    plans = sorted((ledger.absolute() / FOLDER).glob("*/plan.json"))
    found = [Submission.read(p.parent) for p in plans if not (p.parent / OVER).exists()]
    return [one for one in found if sweep is None or one.sweep == sweep]


def last_over(ledger: Path, sweep: str) -> list[Submission]:
    """The last submission of a sweep that is over and can be read; empty if none is."""
    notes = sorted((ledger.absolute() / FOLDER).glob(f"*/{OVER}"), reverse=True)
    head = f"sweep {sweep} ".encode()
    for path in notes:
        if path.read_bytes().startswith(head):
            with suppress(UserError):
                return [Submission.read(path.parent)]
    return []


def lock(ledger: Path) -> Path:
    """Held by who submits, cancels or tidies: one at a time."""
    return ledger / FOLDER / "lock"


def whoami() -> str:
    return getpass.getuser()
