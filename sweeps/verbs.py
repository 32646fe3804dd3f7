"""What `python run.py do=...` does with a sweep. None of it imports torch before cells run."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sweeps.analysable import chosen, due
from sweeps.cell import Cell
from sweeps.cluster.cancel import cancel
from sweeps.cluster.jobs import jobs
from sweeps.cluster.show_jobs import jobs_json, jobs_text
from sweeps.errors import UserError
from sweeps.estimate import estimate
from sweeps.forecast import Forecast
from sweeps.frozen import Plan
from sweeps.listing import listing, listing_text
from sweeps.logs import list_text, of_interest, trace
from sweeps.look import look
from sweeps.record import check_writable
from sweeps.reporting import make_report, write_report
from sweeps.request import Request
from sweeps.settings import Settings
from sweeps.show import plan_json, plan_text
from sweeps.source import LEDGER
from sweeps.start import start
from sweeps.state import OPEN, State
from sweeps.status import status_json, status_text
from sweeps.watch import watch


def do_list(request: Request) -> int:
    show(request.settings, listing_text, listing)
    return 0


def do_plan(request: Request) -> int:
    made, settings = request.plan(), request.settings
    settings.ledger.check()
    now, forecast = look(settings.ledger, made), Forecast.of(settings.ledger)
    left = estimate(now.statuses, forecast)
    text, machine = plan_text(made, now.statuses, left), plan_json(made, now.statuses, left)
    if settings.is_elsewhere:
        cells = [status.cell for status in now.statuses if status.state in OPEN]
        found = jobs(made, cells, settings, now.standing, forecast)
        text = f"{text}\n\n{jobs_text(found, settings)}"
        machine |= {"jobs": jobs_json(found, settings)}
    show(settings, lambda: text, lambda: machine)
    return 0


def do_status(request: Request) -> int:
    settings = request.settings
    made = _started_plan(request)
    if settings.watch and settings.format == "text":
        return watch(settings.ledger, made)
    now = look(settings.ledger, made)
    show(settings, lambda: status_text(now), lambda: status_json(now))
    return 0


def do_logs(request: Request) -> int:
    settings = request.settings
    settings.ledger.check()
    if request.key:
        found = trace(settings.ledger, request.key)
        show(settings, found.text, found.json)
    else:
        now = look(settings.ledger, _started_plan(request))
        rows = of_interest(now.statuses, settings.ledger)
        show(settings, lambda: list_text(rows), lambda: {"cells": rows})
    return 0


def do_cancel(request: Request) -> int:
    made = _started_plan(request)
    print(cancel(request.settings.ledger.root, made.sweep))
    return 0


def do_sweep(request: Request) -> int:
    made, settings = request.plan(), request.settings
    settings.ledger.check()
    return start(settings, made)


def do_retry(request: Request) -> int:
    settings, made = request.settings, _started_plan(request)
    now = look(settings.ledger, made)
    failed = [status.cell.key for status in now.statuses if status.state is State.FAILED]
    if not failed:
        print(f"sweep {made.sweep}: no cell has failed", file=sys.stderr)
        return 0
    if settings.is_elsewhere and not now.standing.known:
        raise UserError(f"SLURM could not be asked ({now.standing.note}); retry when it answers")
    again = [key for key in failed if key not in now.standing.tasks]
    if held := len(failed) - len(again):
        print(_held_text(made.sweep, held), file=sys.stderr)
    return start(settings, request.yielding(made), again)


def _held_text(sweep: str, count: int) -> str:
    return (
        f"{count} failed cells stay as they are: their jobs are not over, and run the code as it "
        f"was when they were submitted; retry later, or first: make cancel SWEEP={sweep}"
    )


def do_report(request: Request) -> int:
    """The exit status is 1 if a cell has failed or its record is damaged."""
    if request.settings.source == LEDGER:
        request.settings.ledger.check()
    return make_report(request.settings, request.sweep)


def do_analyze(request: Request) -> int:
    """The exit status is 1 if an analysis of a cell failed."""
    settings, made = request.settings, _started_plan(request)
    found = due(settings.ledger, _asked_cells(request, made), chosen(settings.analysis))
    check_writable(settings.results)
    print(found.text(), file=sys.stderr)
    failures = []
    if found.jobs:
        from sweeps.analyze import analyze

        failures = analyze(settings, found)
    folder, _ = write_report(settings.ledger, made.sweep, settings.results, tables=settings.tables)
    print(f"open {folder}/index.html")
    if failures:
        print(f"{len(failures)} failed, see above; the same command tries again", file=sys.stderr)
    return 1 if failures else 0


def _asked_cells(request: Request, made: Plan) -> Sequence[Cell]:
    """The cells of the sweep, or the one that ``key`` names."""
    if not request.key:
        return made.cells
    found = [cell for cell in made.cells if cell.key.startswith(request.key)]
    if len(found) != 1:
        which = "no cell has" if not found else f"{len(found)} cells have"
        raise UserError(f"{which} a key that begins with '{request.key}' in sweep {made.sweep}")
    return found


def do_publish(request: Request) -> int:
    """The exit status is 1 if some runs could not be published."""
    from sweeps.mirror.publish import publish

    return publish(request.settings, _started_plan(request))


def do_dashboard(request: Request) -> int:
    from sweeps.mirror.dashboard import dashboard

    return dashboard(request.settings, _started_plan(request))


def do_browse(request: Request) -> int:
    from sweeps.mirror.browse import browse

    request.settings.ledger.check()
    return browse(request.settings.ledger)


VERBS: Mapping[str, Callable[[Request], int]] = {
    "plan": do_plan,
    "sweep": do_sweep,
    "status": do_status,
    "logs": do_logs,
    "cancel": do_cancel,
    "retry": do_retry,
    "report": do_report,
    "analyze": do_analyze,
    "publish": do_publish,
    "dashboard": do_dashboard,
    "browse": do_browse,
    "list": do_list,
}


def show(
    settings: Settings, text: Callable[[], str], machine: Callable[[], Mapping[str, Any]]
) -> None:
    """Print as the format asks."""
    print(json.dumps(machine(), indent=1) if settings.format == "json" else text())


def _started_plan(request: Request) -> Plan:
    ledger = request.settings.ledger
    ledger.check()
    return ledger.plan(request.sweep)
