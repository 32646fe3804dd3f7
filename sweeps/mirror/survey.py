"""The ledger beside W&B: what W&B lacks of a sweep, and how that is counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sweeps.errors import MALFORMED
from sweeps.frozen import Plan
from sweeps.ledger import Ledger
from sweeps.mirror.content import Content
from sweeps.mirror.outdated import is_outdated
from sweeps.mirror.read import Listed
from sweeps.mirror.sending import Due
from sweeps.record import Damaged


@dataclass
class Survey:
    """What came of looking at every cell, and later of sending what was due.

    Attributes:
        kept: keys of runs in W&B with rows of an earlier attempt.
        lost: keys of runs that were due and are not in W&B, or not all of them.
        troubles: what keeps cells from being published, a line each.
    """

    due: list[Due] = field(default_factory=list)
    unchanged: int = 0
    kept: list[str] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)
    troubles: list[str] = field(default_factory=list)

    def text(self, sweep: str) -> str:
        sent = [one for one in self.due if one.key not in self.lost]
        new = sum(one.run is None for one in sent)
        emptied = sum(one.digest is None for one in sent)
        changed, total = len(sent) - new - emptied, len(self.due) + self.unchanged
        counts = f"{new} new, {changed} changed, {self.unchanged} unchanged"
        counts += f", {emptied} emptied of a failure that runs again" if emptied else ""
        unsent = len(self.due) - len(sent)
        counts += f", {unsent} not sent" if unsent else ""
        return f"{sweep}: {total} runs: {counts}"


def survey_of(
    ledger: Ledger, plan: Plan, runs: Mapping[str, Listed], wanted: Sequence[str]
) -> Survey:
    """What is due; ``wanted`` are kinds of artifacts."""
    found = Survey()
    for cell in plan.cells:
        paths, run = ledger.paths(cell.key), runs.get(cell.key)
        try:
            record = ledger.record(cell.key)
            content = record and Content.of(cell, record, paths, wanted)
            if not content:
                if run and is_outdated(cell, run, paths):
                    found.due.append(Due(cell, run, None))
                continue
            if run and content.is_in(run, plan.sweep):
                found.unchanged += 1
            else:
                found.due.append(Due(cell, run, content.digest))
                found.kept += [cell.key] * bool(run and content.differs(run))
        except Damaged as error:
            found.troubles.append(str(error))
        except MALFORMED as error:
            what = f"{type(error).__name__}: {error}"
            found.troubles.append(f"record {paths.record} is damaged ({what})")
    return found
