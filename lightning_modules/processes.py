"""The processes of a training run: who starts them, and that Lightning leaves signals alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from pytorch_lightning import Trainer
from pytorch_lightning.trainer.connectors.signal_connector import _SignalConnector
from torch import distributed

from lightning_modules.tasks import world

__all__ = [
    "SPAWNING",
    "environment",
    "is_alone",
    "is_shared",
    "leave_signals",
    "part_ways",
    "strategy",
]

Options = Mapping[str, Any]
"""The ``trainer`` section of the settings."""

SPAWNING = ("ddp_spawn", "ddp_fork", "ddp_notebook")
"""How strategies begin that train in processes of their own."""


def is_alone(options: Options) -> bool:
    """Whether training takes one device."""
    devices = options["devices"]
    one = devices in (1, "1") or (isinstance(devices, list) and len(devices) == 1)
    return one and options["num_nodes"] == 1


def is_shared(options: Options) -> bool:
    """Whether the tasks of a SLURM job are the processes of the training."""
    return not is_alone(options) and world() > 1


def strategy(options: Options, *, changing: bool = False) -> str:
    """Several devices of one machine train in spawned processes: they must not start the command
    again, as Lightning's default would. SLURM's tasks are there already.

    Args:
        changing: the network uses other parameters in every batch.
    """
    asked = str(options["strategy"])
    if asked != "auto" or is_alone(options):
        return asked
    if not changing:
        return "auto" if is_shared(options) else "ddp_spawn"
    kind = "ddp" if is_shared(options) else "ddp_spawn"
    return f"{kind}_find_unused_parameters_true"


def environment(options: Options) -> LightningEnvironment | SLURMEnvironment:
    """SLURM matters only where its tasks train together; being queued again is not Lightning's."""
    return SLURMEnvironment(auto_requeue=False) if is_shared(options) else LightningEnvironment()


class _Deaf(_SignalConnector):
    """Leaves the handlers of signals as they are.

    Lightning's own would turn SIGTERM into a SystemExit with status 0, in the middle of an epoch.
    """

    def register_signal_handlers(self) -> None:
        return None


def leave_signals(trainer: Trainer) -> None:
    """Let a trainer neither handle signals nor ask the others after each batch if one did."""
    trainer._signal_connector = _Deaf(trainer)
    trainer.fit_loop.epoch_loop._broadcast_sigterm_tensor = _nothing  # type: ignore[method-assign]


def _nothing() -> None:
    return None


def part_ways() -> None:
    """End the connection: what a process computes alone afterwards must wait for nobody."""
    if distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()
