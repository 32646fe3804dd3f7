"""How long the cells that are left will take, from the cells of their kind that are done."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sweeps.cell import Cell
from sweeps.state import State, Status


@dataclass(frozen=True)
class Estimate:
    """Seconds of work, on one worker, for ``known`` of ``cells`` cells."""

    seconds: float
    known: int
    cells: int

    def __str__(self) -> str:
        if not self.cells:
            return "nothing left to run"
        if not self.known:
            return "time unknown until one cell of each kind is done"
        text = f"about {duration(self.seconds)} of work"
        missing = self.cells - self.known
        return f"{text}, and {missing} cells of unknown length" if missing else text


def estimate(statuses: Sequence[Status]) -> Estimate:
    """Median seconds of the done cells that differ in the seed only, else of the same backbone."""
    exact: dict[str, list[float]] = defaultdict(list)
    alike: dict[str, list[float]] = defaultdict(list)
    for status in statuses:
        if status.record and status.state in (State.DONE, State.UNTIMED):
            seconds = sum(status.record["seconds"].values())
            exact[_kind(status.cell)].append(seconds)
            alike[_near(status.cell)].append(seconds)
    left = [s.cell for s in statuses if s.state in (State.PENDING, State.RUNNING)]
    found = [exact.get(_kind(cell)) or alike.get(_near(cell)) for cell in left]
    known = [sorted(seconds)[len(seconds) // 2] for seconds in found if seconds]
    return Estimate(sum(known), len(known), len(left))


def _kind(cell: Cell) -> str:
    return repr({**cell.json(), "seed": None})


def _near(cell: Cell) -> str:
    return f"{cell.data} {cell.backbone} {cell.recipe} {cell.is_dense}"


def duration(seconds: float) -> str:
    """12 s, 3 min, 2.5 h, 4.1 days."""
    for unit, size in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return (
                f"{seconds / size:.1f} {unit}"
                if seconds < 10 * size
                else f"{seconds / size:.0f} {unit}"
            )
    return f"{seconds:.0f} s"
