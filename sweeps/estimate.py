"""How long the cells of a sweep that are left will take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sweeps.evidence import of_record
from sweeps.forecast import Forecast
from sweeps.state import State, Status

OVER = (State.DONE, State.UNTIMED, State.FAILED, State.BLOCKED)


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


def estimate(statuses: Sequence[Status], forecast: Forecast | None = None) -> Estimate:
    """For the cells that are open; without a forecast, from the done ones among the statuses."""
    if forecast is None:
        records = [s.record for s in statuses if s.record and s.record["status"] == "done"]
        forecast = Forecast([of_record(record) for record in records])
    found = [forecast.seconds(s.cell) for s in statuses if s.state not in OVER]
    known = [seconds for seconds in found if seconds is not None]
    return Estimate(sum(known), len(known), len(found))


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
