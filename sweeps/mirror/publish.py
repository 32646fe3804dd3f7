"""``do=publish``: the ledger's records of a sweep, written to W&B; what is there is not sent again.

A run counts as published when W&B has its digest and says that it has ended, so that whatever ends
this, calling it again sends the rest.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sweeps.errors import UserError
from sweeps.ledger import Ledger, Plan
from sweeps.mirror.content import Content, PlanContent, has_arrived
from sweeps.mirror.read import Listed, Project
from sweeps.mirror.sending import Due, Sender
from sweeps.mirror.session import Place, page
from sweeps.record import Damaged
from sweeps.settings import Settings

MALFORMED = (LookupError, TypeError, ValueError, AttributeError)
"""What reading a record raises that is JSON but no record."""
LOOKS, PAUSE_S = 8, 3.0
"""How often W&B is asked for what was sent, and how long it may take in between."""
SHOWN = 5
"""Runs that are named where many have the same trouble."""


@dataclass
class Survey:
    """The ledger beside W&B.

    Attributes:
        kept: keys of runs in W&B with rows of an earlier attempt.
        troubles: what keeps cells from being published, a line each.
    """

    due: list[Due] = field(default_factory=list)
    unchanged: int = 0
    kept: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    def text(self, sweep: str) -> str:
        new = sum(one.run is None for one in self.due)
        changed, total = len(self.due) - new, len(self.due) + self.unchanged
        return f"{sweep}: {total} runs: {new} new, {changed} changed, {self.unchanged} unchanged"


def publish(settings: Settings, plan: Plan) -> int:
    """Send what W&B lacks of a sweep; the exit status is 1 if something could not be sent.

    Raises:
        UserError: there is nothing to publish; W&B refuses the key or the place, or does not
            answer.
    """
    ledger, wanted = settings.ledger, settings.wandb.get("artifacts") or ()
    if not any(ledger.paths(cell.key).record.exists() for cell in plan.cells):
        raise UserError(
            f"sweep {plan.sweep} has no record in {ledger.name}, so there is nothing to publish; "
            f"run it with: make sweep SWEEP={plan.sweep}"
        )
    place = Place.of(settings.wandb)
    project = Project.open(place.entity, place.project)
    about = PlanContent(plan)
    runs = _listed(project, plan, about)
    survey = _survey(ledger, plan, runs, wanted)
    known = runs.get(about.about.id)
    sender = Sender(ledger, plan.sweep, Place(*project.path.split("/", 1)), tuple(wanted))
    if not (known and about.is_in(known)):
        sender.send_plan(about)
    refused = sender.send(survey.due)
    survey.troubles += [f"cell {key} is not published: {why}" for key, why in refused.items()]
    if sent := [one for one in survey.due if one.key not in refused]:
        survey.troubles += _missing(Project.open(place.entity, place.project), sent)
    _say(survey)
    print(f"{survey.text(plan.sweep)} -> {page(project.path)}")
    return 1 if survey.troubles else 0


def _listed(project: Project, plan: Plan, about: PlanContent) -> Mapping[str, Listed]:
    """The sweep's runs in W&B, and those of its cells that other sweeps published."""
    runs = project.tagged(plan.sweep) or {}
    keys = (about.about.id, *(cell.key for cell in plan.cells))
    return runs | project.named([key for key in keys if key not in runs])


def _survey(
    ledger: Ledger, plan: Plan, runs: Mapping[str, Listed], wanted: Sequence[str]
) -> Survey:
    found = Survey()
    for cell in plan.cells:
        paths, run = ledger.paths(cell.key), runs.get(cell.key)
        try:
            record = ledger.record(cell.key)
            content = record and Content.of(cell, record, paths, wanted)
            if not content:
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


def _missing(project: Project, sent: Sequence[Due]) -> list[str]:
    """Looks whether all that was sent is there: its client does not say when a server drops it."""
    left = {one.cell.key: one.digest for one in sent}
    for look in range(LOOKS):
        runs = project.named(list(left))
        arrived = [key for key, run in runs.items() if has_arrived(run, left[key])]
        left = {key: digest for key, digest in left.items() if key not in arrived}
        if not left:
            return []
        time.sleep(PAUSE_S * (look + 1 < LOOKS))
    return [f"run {key} has not arrived; the same command sends it again" for key in left]


def _say(survey: Survey) -> None:
    for line in survey.troubles:
        print(line, file=sys.stderr)
    if survey.kept:
        keys = ", ".join(survey.kept[:SHOWN]) + ", ..." * (len(survey.kept) > SHOWN)
        print(
            f"{len(survey.kept)} runs keep rows of an earlier attempt, as W&B cannot rewrite a "
            f"history: {keys}",
            file=sys.stderr,
        )
