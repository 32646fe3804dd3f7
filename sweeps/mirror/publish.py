"""``do=publish``: the ledger's records of a sweep, written to W&B; what is there is not sent again.

A run counts as published when W&B has its digest and says that it has ended, so that whatever ends
this, calling it again sends the rest. The digest is sent when W&B has confirmed the artifacts; of
the file ``diff.patch`` its client does not say what became of it, and asking would take a request
for every run, so that one which W&B did not take is not noticed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping

from sweeps.errors import UserError
from sweeps.frozen import Plan
from sweeps.ledger import Ledger
from sweeps.mirror import client
from sweeps.mirror.content import PlanContent, has_arrived
from sweeps.mirror.outdated import earlier_records
from sweeps.mirror.place import Place
from sweeps.mirror.read import Listed, Project
from sweeps.mirror.sending import Sender
from sweeps.mirror.survey import Survey, survey_of
from sweeps.settings import Settings

LOOKS, PAUSE_S = 8, 3.0
"""How often W&B is asked for what was sent, and how long it may take in between."""
SHOWN = 5
"""Runs that are named where many have the same trouble."""


def publish(settings: Settings, plan: Plan) -> int:
    """Send what W&B lacks of a sweep; the exit status is 1 if something could not be sent.

    Raises:
        UserError: there is nothing to publish; W&B refuses the key or the place, does not answer,
            or is not to be asked.
    """
    ledger, wanted = settings.ledger, settings.wandb.get("artifacts") or ()
    _check_is_begun(ledger, plan)
    if why := client.offline():
        raise UserError(f"{why}: publishing needs W&B; unset the variable, or set it to online")
    place = Place.of(settings.wandb)
    project = Project.open(place.entity, place.project)
    about = PlanContent(plan)
    runs = _listed(project, plan, about)
    survey = survey_of(ledger, plan, runs, wanted)
    sender = Sender(ledger, plan.sweep, Place(*project.path.split("/", 1)), tuple(wanted))
    sent: dict[str, str | None] = {}
    known = runs.get(about.about.id)
    if not (known and about.is_in(known)):
        sender.send_plan(about)
        sent[about.about.id] = about.digest
    refused = sender.send(survey.due)
    sent |= {one.key: one.digest for one in survey.due if one.key not in refused}
    survey.troubles += [f"cell {key} is not published: {why}" for key, why in refused.items()]
    missing = _missing(Project.open(place.entity, place.project), sent) if sent else set()
    survey.troubles += [_lost(key, project.path) for key in missing]
    survey.lost |= missing | set(refused)
    _say(survey)
    print(f"{survey.text(plan.sweep)} -> {client.page(project.path)}")
    return 1 if survey.troubles else 0


def _check_is_begun(ledger: Ledger, plan: Plan) -> None:
    found = (ledger.paths(cell.key) for cell in plan.cells)
    if not any(paths.record.exists() or any(earlier_records(paths)) for paths in found):
        raise UserError(
            f"sweep {plan.sweep} has no record in {ledger.name}, so there is nothing to publish; "
            f"run it with: make sweep SWEEP={plan.sweep}"
        )


def _listed(project: Project, plan: Plan, about: PlanContent) -> Mapping[str, Listed]:
    """The sweep's runs in W&B, and those of its cells that other sweeps published."""
    runs = project.tagged(plan.sweep) or {}
    keys = (about.about.id, *(cell.key for cell in plan.cells))
    return runs | project.named([key for key in keys if key not in runs])


def _missing(project: Project, sent: Mapping[str, str | None]) -> set[str]:
    """Looks whether all that was sent is there: its client does not say when a server drops it."""
    left = dict(sent)
    for look in range(LOOKS):
        runs = project.named(list(left))
        arrived = [key for key, run in runs.items() if has_arrived(run, left[key])]
        left = {key: digest for key, digest in left.items() if key not in arrived}
        if not left:
            break
        time.sleep(PAUSE_S * (look + 1 < LOOKS))
    return set(left)


def _lost(key: str, path: str) -> str:
    return (
        f"run {key} has not arrived; the same command sends it again. W&B's client keeps to itself "
        f"what W&B answered: if that stays so, look whether your key may write to {path}"
    )


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
