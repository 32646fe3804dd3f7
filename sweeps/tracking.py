"""Weights & Biases: a mirror of the ledger under stable names. The only file that imports wandb.

A run has ``id = key``, ``group = sweep``, config = the cell, history = one row an epoch, summary =
the record's numbers. Offline (the default) nothing asks for a login and every attempt is one run
folder below ``<ledger>/<key>/wandb``; online a resumed cell goes on in its run.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from sweeps.cell import AXES, Cell
from sweeps.errors import UserError
from sweeps.record import RunPaths

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
        name = f"{cell.backbone}-{cell.attention}-{cell.pruning}-{cell.seed}"
        try:
            run = wandb.init(
                **self._place,
                id=cell.key,
                name=name,
                group=self._sweep,
                job_type=cell.kind,
                tags=[getattr(cell, axis).name for axis in AXES],
                config=config(cell),
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
            phase = row["phase"]
            values = {f"{phase}/{k}": v for k, v in row.items() if k != "phase"}
            self._run.log(values)

    def finish(self, record: Mapping[str, Any]) -> None:
        """The record's numbers, flat, as the run's summary."""
        if self._run is not None:
            self._run.summary.update(summary(record))

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


def config(cell: Cell) -> dict[str, Any]:
    """A cell as W&B's config: ``attention``, ``attention.reduction``, ... and the key."""
    flat: dict[str, Any] = {"key": cell.key, "seed": cell.seed}
    for axis in AXES:
        value = getattr(cell, axis)
        flat[axis] = value.name
        flat |= {f"{axis}.{name}": option for name, option in value.options.items()}
    return flat


def summary(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record's numbers under flat names: ``accuracy``, ``cost.macs``, ``latency.ratio``, ..."""
    flat: dict[str, Any] = {"status": record["status"]}
    for part in ("result", "latency", "seconds"):
        prefix = "" if part == "result" else f"{part}."
        for name, value in (record.get(part) or {}).items():
            if isinstance(value, Mapping):
                flat |= {f"{prefix}{name}.{inner}": v for inner, v in value.items()}
            else:
                flat[f"{prefix}{name}"] = value
    return flat
