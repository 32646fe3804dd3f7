"""Which analyses of which cells are due, and why others are not (imports no torch)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from lightning_modules.analyses import WORDS, analyses
from lightning_modules.catalog import variant
from lightning_modules.structure import SCHEMED
from lightning_modules.variant import Variant
from sweeps.cell import Cell
from sweeps.errors import UserError, near_miss
from sweeps.ledger import Ledger
from sweeps.record import Record
from sweeps.show import table

ALL = "all"


@dataclass(frozen=True)
class Job:
    """The analyses that are due for one finished cell, whose weights have this digest."""

    cell: Cell
    weights: str
    entries: Sequence[Variant]


@dataclass
class Due:
    """What is to be done, and how everything else stands.

    Args:
        names: the analyses that were asked for.
        jobs: one for each cell of which something is due.
        known: how many cells have a result already, by analysis.
        skipped: how many cells have none for which reason, by analysis.
    """

    names: Sequence[str]
    jobs: list[Job] = field(default_factory=list)
    known: Counter[str] = field(default_factory=Counter)
    skipped: dict[str, Counter[str]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return sum(len(job.entries) for job in self.jobs)

    def text(self) -> str:
        """A line for each analysis: how many cells are due, known and left out, and why."""
        todo = Counter(entry.name for job in self.jobs for entry in job.entries)
        rows = []
        for name in self.names:
            left = self.skipped.get(name, Counter())
            why = ", ".join(f"{count} {reason}" for reason, count in left.most_common())
            rows.append([name, todo[name], self.known[name], left.total(), why])
        return table(["analysis", "to do", "known", "skipped", "because"], rows)


def chosen(asked: Sequence[str]) -> list[Variant]:
    """The analyses of these names, which are known, each once; ``all`` is every one.

    Raises:
        UserError: there is no name.
    """
    known = analyses()
    if not asked:
        raise UserError(f"this needs an analysis: analysis=all, or of {', '.join(known)}")
    names = known if ALL in asked else dict.fromkeys(asked)
    return [known[name] for name in names]


def unknown(asked: Iterable[str]) -> list[str]:
    """What is wrong with the names of analyses; no file is read for none."""
    return [
        near_miss("analysis", name, [*analyses(), ALL])
        for name in asked
        if name not in (*analyses(), ALL)
    ]


def due(ledger: Ledger, cells: Iterable[Cell], entries: Sequence[Variant]) -> Due:
    """Sort the pairs of cells and analyses; results of the same code and weights are known."""
    found = Due([entry.name for entry in entries])
    for cell in cells:
        record = ledger.sound_record(cell.key)
        work = []
        for entry in entries:
            if reason := why_not(cell, record, entry):
                found.skipped.setdefault(entry.name, Counter())[reason] += 1
            elif record and is_known(ledger, cell, record, entry):
                found.known[entry.name] += 1
            else:
                work.append(entry)
        if record and work:
            found.jobs.append(Job(cell, record["result"]["weights"], work))
    return found


def why_not(cell: Cell, record: Record | None, entry: Variant) -> str | None:
    """Why a cell cannot be analysed so, in a few words; None if it can."""
    if record is None or record["status"] != "done":
        return "not done"
    has = dict(_has(cell))
    return next((WORDS[word] for word in entry.facts["NEEDS"] if not has[word]), None)


def _has(cell: Cell) -> Iterator[tuple[str, bool]]:
    """Whether a cell has what analyses may need, by the words for it."""
    backbone = variant("backbone", cell.backbone.name).facts
    attention = variant("attention", cell.attention.name)
    slot = attention.facts.get("slot", "gate") if attention.path else None
    connect = cell.attention.options.get("connect", "all")
    is_plugged = connect in ("all", "random") or "1" in connect
    yield "gate", slot in SCHEMED and is_plugged
    yield "step", slot == "step" and is_plugged
    yield "residual", "step" in backbone["SLOTS"]
    yield "norm", backbone["NORM"] == "batch"
    yield "widths", bool(backbone["widths"])
    yield "validation", cell.data.options["val_fraction"] > 0


def is_known(ledger: Ledger, cell: Cell, record: Record, entry: Variant) -> bool:
    """Whether there is a result of this code, on these weights."""
    before = ledger.analysis(cell.key, entry.name) or {}
    weights = record["result"]["weights"]
    return (before.get("digest"), before.get("weights")) == (entry.digest(), weights)
