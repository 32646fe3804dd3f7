"""A cell's W&B run while it trains, see `sweeps.mirror.entry` for what it holds.

Offline (the default) nothing asks for a login and every attempt is one run folder below
``<ledger>/<key>/wandb``; online a resumed cell goes on in its run.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from sweeps.cell import Cell
from sweeps.errors import UserError
from sweeps.mirror import entry
from sweeps.record import Record, RunPaths, read_history

MODES = ("offline", "wandb", "none")
PROJECT = "triptych"


def warm() -> None:
    """Import what a tracker needs, for processes that will be forked from this one."""
    import wandb  # noqa: F401


class Tracker:
    """One W&B run of one attempt at a cell; does nothing when the mode is none.

    Args:
        mode: one of ``MODES``.
        sweep: the run's group.
        wandb: entity and project; WANDB_ENTITY and WANDB_PROJECT win over them.
    """

    def __init__(
        self,
        cell: Cell,
        paths: RunPaths,
        mode: str,
        sweep: str | None,
        wandb: Mapping[str, Any] | None = None,
    ) -> None:
        self._cell, self._paths, self._mode, self._sweep = cell, paths, mode, sweep
        self._place = place(wandb or {})
        self._run: Any = None

    def __enter__(self) -> Tracker:
        if self._mode != "none":
            self._run = self._start()
        return self

    def _start(self) -> Any:
        import wandb

        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        quiet = wandb.Settings(
            silent=True, console="off", x_disable_meta=True, x_disable_stats=self._mode == "offline"
        )
        online = self._mode == "wandb"
        cell = self._cell
        try:
            run = wandb.init(
                **self._place,
                id=cell.key,
                name=entry.name(cell),
                group=self._sweep,
                job_type=cell.kind,
                tags=entry.tags(cell, [self._sweep] if self._sweep else []),
                config=entry.config(cell),
                dir=str(self._paths.wandb),
                mode="online" if online else "offline",
                resume="allow" if online else None,
                settings=quiet,
            )
        except wandb.Error as error:
            raise UserError(
                f"W&B refused the run ({error}); log in with 'wandb login', or use tracking=offline"
            ) from None
        for phase in ("fit", "refit"):
            run.define_metric(f"{phase}/*", step_metric=f"{phase}/epoch")
        return run

    def epoch(self, row: Mapping[str, Any]) -> None:
        """One row of the history, under the record's names with the phase in front."""
        if self._run is not None:
            self._run.log(entry.row(row))

    def finish(self, record: Record) -> None:
        """The record's numbers, flat, as the run's summary."""
        if self._run is not None:
            history = read_history(self._paths)
            said = {entry.DIGEST: entry.digest(self._cell, record, history)}
            self._run.summary.update(entry.summary(self._cell, record, history) | said)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._run is not None:
            self._run.finish(exit_code=0 if kind is None else 1)


def place(wandb: Mapping[str, Any]) -> dict[str, Any]:
    """Entity and project of the runs; an entity of None is the account's own."""
    return {
        "entity": os.environ.get("WANDB_ENTITY") or wandb.get("entity"),
        "project": os.environ.get("WANDB_PROJECT") or wandb.get("project") or PROJECT,
    }
