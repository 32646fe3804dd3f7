"""Start what is open of a sweep, here or on a cluster, and report when it ends here."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace

from sweeps.cell import Cell
from sweeps.frozen import Plan
from sweeps.look import look
from sweeps.record import check_writable
from sweeps.reporting import make_report
from sweeps.settings import Settings
from sweeps.show import plan_text
from sweeps.source import LEDGER
from sweeps.state import OPEN, State
from sweeps.tables import pivots


def start(settings: Settings, made: Plan, again: Sequence[str] = ()) -> int:
    """Run what is open; returns the exit status.

    Args:
        again: keys of failed cells that run again; their records stay until nothing here
            refuses them.

    Raises:
        UserError: something that would keep it from running; nothing was started.
    """
    settings.ledger.prepare()
    check_writable(settings.results)
    now = look(settings.ledger, made, again=again)
    busy = now.standing.tasks if settings.is_elsewhere else ()
    waits = [status.cell for status in now.statuses if status.state in (*OPEN, State.QUEUED)]
    left = [s.cell for s in now.statuses if s.state in OPEN and s.cell.key not in busy]
    print(plan_text(made, now.statuses), file=sys.stderr)
    if left:
        _preflight(settings, made, left)
        run = _prepare(settings, made, left)
        for key in again:
            settings.ledger.set_aside(key)
        settings.ledger.freeze(made)
        if away := run():
            print(away)
            return 0
    elif waits:
        print("every open cell has a job in the queue; follow it with: make status")
        return 0
    settings.ledger.freeze(made)
    return make_report(replace(settings, source=LEDGER), made.sweep)


def _preflight(settings: Settings, made: Plan, left: Sequence[Cell]) -> None:
    from reports.pivot.ahead import check_ahead
    from sweeps.mirror.live import check

    check(_tracking(settings), settings.wandb)
    from sweeps.preflight import preflight

    gc.enable()
    check_ahead(made, pivots(settings.tables))
    preflight(left, settings.datasets, settings.trainer, elsewhere=settings.is_elsewhere)


def _tracking(settings: Settings) -> str:
    """How runs are tracked: on a cluster without internet offline."""
    away = settings.is_elsewhere and settings.cluster["offline"]
    return "offline" if away and settings.tracking == "wandb" else settings.tracking


def _prepare(settings: Settings, made: Plan, left: Sequence[Cell]) -> Callable[[], str | None]:
    from sweeps.context import Context
    from sweeps.dispatch import prepare
    from sweeps.order import Order

    cluster = settings.cluster
    context = Context(
        ledger=settings.ledger.root,
        datasets=settings.datasets,
        trainer=settings.trainer,
        tracking=_tracking(settings),
        sweep=made.sweep,
        wandb=settings.wandb,
        retries=cluster.get("retries", Context.retries),
    )
    order = Order(
        cells=left,
        context=context,
        cluster=cluster,
        resources=made.resources,
        results=settings.results,
        budget=settings.budget,
        verb=settings.do,
        tables=settings.tables,
    )
    return prepare(order)
