"""How long cells will take, from what ran before; what that costs, and whether it is too much."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median

from sweeps.cell import Cell
from sweeps.cluster.resources import Resources
from sweeps.errors import UserError
from sweeps.evidence import Evidence, evidence
from sweeps.ledger import Ledger

SHOWN = 3
"""How many of the largest contributors a message lists."""
LESS = "Raise the budget, or leave out seeds, variants or epochs, for example with: ARGS='seed=0'"
FIRST = (
    "A first run of one seed makes it known, or its canaries alone: "
    "ARGS='seed=0 budget_gpu_hours=null'"
)
LIFT = (
    "What has failed is retried as a whole: raise the budget, or lift it with: "
    "ARGS='budget_gpu_hours=null'"
)


@dataclass(frozen=True)
class Forecast:
    """Seconds of cells, from what was seen to run."""

    evidence: Sequence[Evidence]

    @classmethod
    def of(cls, ledger: Ledger) -> Forecast:
        """From everything that a ledger holds."""
        return cls(evidence(ledger))

    def seconds(self, cell: Cell, *, on_gpu: bool | None = None) -> float | None:
        """How long a cell takes on one worker; None where nobody knows.

        The median of the first of these that there are: done cells that differ in the seed only,
        rehearsals of such; then the same of cells that are alike (data, backbone, recipe, kind).

        Args:
            on_gpu: look only at what ran with a GPU, or without.
        """
        if not self.evidence:
            return None
        place = cell.key, on_gpu
        if place not in self._known:
            self._known[place] = self._median(cell, on_gpu)
        return self._known[place]

    def _median(self, cell: Cell, on_gpu: bool | None) -> float | None:
        for name in (_kind(cell), _likeness(cell)):
            for rehearsed in (False, True):
                if found := self._seen.get((on_gpu, rehearsed, name)):
                    return median(found)
        return None

    @cached_property
    def _known(self) -> dict[tuple[str, bool | None], float | None]:
        return {}

    @cached_property
    def _seen(self) -> Mapping[tuple[bool | None, bool, str], Sequence[float]]:
        found = defaultdict(list)
        for one in self.evidence:
            if one.seconds is None:
                continue
            for name in (_kind(one.cell), _likeness(one.cell)):
                for on_gpu in (None, one.on_gpu):
                    found[on_gpu, one.rehearsed, name].append(one.seconds)
        return found


def _kind(cell: Cell) -> str:
    return repr({**cell.json(), "seed": None})


def _likeness(cell: Cell) -> str:
    axes = cell.json()
    same = [axes[axis] for axis in ("data", "backbone", "recipe")]
    return repr([*same, cell.kind])


@dataclass(frozen=True)
class Bill:
    """What cells cost, as far as their length is known.

    Args:
        gpu: GPU-hours by what the cells have in common, the largest first.
        core_hours: of cells without a GPU.
        unknown: cells of unknown length.
        unknown_gpu: those among them that get a GPU.
    """

    gpu: Mapping[str, float]
    core_hours: float
    unknown: int
    unknown_gpu: int

    @classmethod
    def of(
        cls, cells: Iterable[Cell], resources: Callable[[Cell], Resources], forecast: Forecast
    ) -> Bill:
        """With the resources that each cell gets; these count while the cell runs."""
        gpu: defaultdict[str, float] = defaultdict(float)
        core_hours, unknown = 0.0, Counter[bool]()
        for cell in cells:
            own = resources(cell)
            seconds = forecast.seconds(cell, on_gpu=own.gpus > 0)
            if seconds is None:
                unknown[own.gpus > 0] += 1
            elif own.gpus:
                gpu[_group(cell)] += seconds * own.gpus * own.nodes / 3600
            else:
                core_hours += seconds * own.cpus * own.nodes / 3600
        largest = dict(sorted(gpu.items(), key=lambda item: -item[1]))
        return cls(largest, core_hours, unknown.total(), unknown[True])

    @property
    def gpu_hours(self) -> float:
        return sum(self.gpu.values())

    def __str__(self) -> str:
        known = {"GPU-hours": self.gpu_hours, "CPU core-hours": self.core_hours}
        found = [f"about {rounded(hours)} {unit}" for unit, hours in known.items() if hours]
        found += [f"{self.unknown} cells of unknown length"] if self.unknown else []
        return " and ".join(found) or "nothing"


def _group(cell: Cell) -> str:
    return f"{cell.data} {cell.backbone} {cell.recipe} {cell.kind}"


def rounded(hours: float) -> str:
    """Hours with as many digits as an estimate deserves."""
    return f"{hours:,.0f}" if hours >= 10 else f"{hours:.1f}" if hours >= 1 else f"{hours:.2g}"


def check_budget(
    forecast: Forecast,
    cells: Sequence[Cell],
    resources: Callable[[Cell], Resources],
    budget: float | None,
    *,
    verb: str = "sweep",
) -> None:
    """Look whether cells stay within a budget of GPU-hours; None is no limit.

    Args:
        verb: what was asked, as in ``over``.

    Raises:
        UserError: they would cost more, or nobody knows what some of them cost.
    """
    if budget is None:
        return
    if problem := over(Bill.of(cells, resources, forecast), budget, verb):
        raise UserError(problem)


def over(bill: Bill, budget: float, verb: str = "sweep") -> str | None:
    """Why a bill does not stay within a budget, if it does not, and what to do: ``retry`` is about
    all that has failed, other verbs may ask for a part."""
    limit = f"budget_gpu_hours={budget:g}"
    is_whole = verb == "retry"
    if bill.gpu_hours > budget:
        largest = [f"{rounded(hours)} for {group}" for group, hours in bill.gpu.items()][:SHOWN]
        return (
            f"{bill} are more than {limit}; the largest parts: {', '.join(largest)}. "
            f"{LIFT if is_whole else LESS}"
        )
    if bill.unknown_gpu:
        return (
            f"{bill.unknown_gpu} cells have an unknown length, so that {limit} cannot be "
            f"promised; known: {rounded(bill.gpu_hours)} GPU-hours. "
            f"{LIFT if is_whole else FIRST}"
        )
    return None
