"""A sweep that was started, its jobs and its records, as they stand at some time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from conftest import TINY, cells

from sweeps.cell import Cell
from sweeps.cluster.arrays import Array
from sweeps.cluster.queue import Standing, live
from sweeps.cluster.resources import Resources
from sweeps.cluster.slurm import Job
from sweeps.cluster.submission import Submission
from sweeps.frozen import Plan
from sweeps.ledger import Ledger
from sweeps.look import Look, look
from sweeps.overrides import CONF, read_yaml
from sweeps.provenance import sources
from sweeps.record import write_record
from sweeps.state import State, survey

OPTIONS = read_yaml(CONF / "cluster/slurm.yaml")
GRID = cells(*TINY, "attention=none,eca", "pruning=none,control", "seed=0,1")
DENSE = [cell for cell in GRID if cell.is_dense]
PRUNED = [cell for cell in GRID if not cell.is_dense]
PLAN = Plan("demo", "for tests", (*DENSE, *PRUNED))
TRACE = 'Traceback:\n  File "/code/{0}/fit.py", line {1}, in fit\n    step()\nOops: no'


def begun(folder: Path) -> Ledger:
    """A ledger in which the grid was started as sweep ``demo``, with nothing done."""
    made = Ledger(folder / "runs")
    made.prepare()
    made.freeze(PLAN)
    return made


def submit(ledger: Ledger, name: str = "20260101-000000-a-1") -> Submission:
    """Two arrays, as written: dense cells alone, and their children in packs of two."""
    resources = Resources.of(OPTIONS, {"devices": 1})
    dense = Array(resources, tuple((cell.key,) for cell in DENSE))
    pruned = Array(resources, tuple((a.key, b.key) for a, b in [PRUNED[:2], PRUNED[2:]]), after=0)
    folder = ledger.root.absolute() / "submissions" / name
    fields = ("demo", "c0de", OPTIONS, {}, "results", tuple(GRID), (dense, pruned))
    made = Submission(folder, *fields, canaries=(DENSE[0].key,), user="root")
    made.write()
    return made


def job(name: str, state: str = "PENDING", reason: str = "Resources", comment: str = "") -> Job:
    return Job(name, f"9{name.replace('_', '')}", state, reason, comment)


def write(ledger: Ledger, cell: Cell, error: Mapping[str, Any] | None = None, **more: Any) -> None:
    """A record: done, or failed if there is an error."""
    status = "failed" if error else "done"
    origin = {"sources": sources(cell), "attempts": more.get("attempts", [])}
    times = {"latency": None if error else {"ratio": 1.0}, "seconds": {"fit": 60.0}}
    result = None if error else {"accuracy": 0.5, "cost": {}, "weights": "0"}
    record = {"cell": cell.json(), "status": status, "result": result, **times}
    write_record(ledger.paths(cell.key), {**record, "provenance": origin, "error": error})


def error(message: str, folder: str = "a", number: int = 1) -> dict[str, str]:
    trace = TRACE.format(folder, number)
    return {"type": "Oops", "message": message, "traceback": trace, "kind": "error in the code"}


def seen(ledger: Ledger, jobs: Sequence[Job] = (), *made: Submission) -> Look:
    return look(ledger, PLAN, Standing(made, live(made, jobs)))


def states(ledger: Ledger, queued: Sequence[str] = ()) -> dict[str, State]:
    return {s.cell.key: s.state for s in survey(ledger, PLAN.cells, queued)}
