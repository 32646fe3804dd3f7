"""What `python run.py do=...` does with a sweep. None of it imports torch before cells run."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sweeps.cell import Cell
from sweeps.ledger import Plan
from sweeps.listing import listing, listing_text, reconstructions
from sweeps.record import check_writable
from sweeps.request import Request
from sweeps.settings import Settings
from sweeps.show import failures_text, plan_json, plan_text
from sweeps.state import State, Status, survey


def do_list(request: Request) -> int:
    show(request.settings, listing_text, listing)
    return 0


def do_plan(request: Request) -> int:
    made, settings = request.plan(), request.settings
    settings.ledger.check()
    statuses = survey(settings.ledger, made.cells)
    show(settings, lambda: plan_text(made, statuses), lambda: plan_json(made, statuses))
    return 0


def do_status(request: Request) -> int:
    made, statuses = _started(request)
    failures = failures_text(statuses)
    text = plan_text(made, statuses) + (f"\n\n{failures}" if failures else "")
    show(request.settings, lambda: text, lambda: plan_json(made, statuses))
    return 0


def do_sweep(request: Request) -> int:
    made, settings = request.plan(), request.settings
    settings.ledger.check()
    return _run(settings, made, survey(settings.ledger, made.cells))


def do_retry(request: Request) -> int:
    made, statuses = _started(request)
    settings = request.settings
    failed = [status.cell for status in statuses if status.state is State.FAILED]
    if not failed:
        print(f"sweep {made.sweep}: no cell has failed", file=sys.stderr)
        return 0
    for cell in failed:
        settings.ledger.set_aside(cell.key)
    return _run(settings, made, survey(settings.ledger, made.cells))


def do_report(request: Request) -> int:
    made, statuses = _started(request)
    print(_report(request.settings, made.sweep))
    return _verdict(statuses)


VERBS: Mapping[str, Callable[[Request], int]] = {
    "plan": do_plan,
    "sweep": do_sweep,
    "status": do_status,
    "retry": do_retry,
    "report": do_report,
    "list": do_list,
}


def show(
    settings: Settings, text: Callable[[], str], machine: Callable[[], Mapping[str, Any]]
) -> None:
    """Print as the format asks."""
    print(json.dumps(machine(), indent=1) if settings.format == "json" else text())


def _started(request: Request) -> tuple[Plan, list[Status]]:
    ledger = request.settings.ledger
    ledger.check()
    made = ledger.plan(request.sweep)
    return made, survey(ledger, made.cells)


def _run(settings: Settings, made: Plan, statuses: Sequence[Status]) -> int:
    settings.ledger.prepare()
    check_writable(settings.results)
    open_states = (State.PENDING, State.RUNNING, State.UNTIMED)
    left = [status.cell for status in statuses if status.state in open_states]
    print(plan_text(made, statuses), file=sys.stderr)
    if left:
        _preflight(settings, left)
    settings.ledger.freeze(made)
    if left:
        _dispatch(settings, made.sweep, left)
    print(_report(settings, made.sweep))
    return _verdict(survey(settings.ledger, made.cells))


def _preflight(settings: Settings, left: Sequence[Cell]) -> None:
    from sweeps.preflight import preflight

    gc.enable()
    preflight(left, settings.datasets, settings.trainer)


def _dispatch(settings: Settings, sweep: str, left: Sequence[Cell]) -> None:
    from sweeps.dispatch import dispatch
    from sweeps.execute import Context

    context = Context(
        ledger=settings.ledger.root,
        datasets=settings.datasets,
        trainer=settings.trainer,
        tracking=settings.tracking,
        sweep=sweep,
    )
    dispatch(left, context, settings.cluster)


def _report(settings: Settings, sweep: str) -> str:
    from reports.report import report
    from reports.terminal import terminal_table

    doubtful = reconstructions()
    folder = report(settings.ledger, sweep, settings.results, reconstructions=doubtful)
    table = terminal_table(settings.ledger, sweep, reconstructions=doubtful)
    return f"{table}\n\nopen {folder}/index.html"


def _verdict(statuses: Sequence[Status]) -> int:
    """0 when every cell is done, 1 when one has failed; says how to go on."""
    failed = [s for s in statuses if s.state is State.FAILED]
    if not failed:
        return 0
    blocked = sum(s.state is State.BLOCKED for s in statuses)
    print(
        f"{len(failed)} cells failed, {blocked} blocked by them; "
        "see them with: make status, run them again with: make retry",
        file=sys.stderr,
    )
    return 1
