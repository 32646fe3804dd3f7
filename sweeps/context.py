"""Where and how cells run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Context:
    """Where and how cells run; nothing here changes what they compute.

    Args:
        time_latency: measure latency now; off where other cells run on the same machine.
        on_epoch: told of every epoch that ends.
        progress: show Lightning's progress bar.
        wandb: entity and project.
        stop: asked after every batch; true makes the run leave at a checkpoint.
        retries: how often in a row a cell may be lost with nothing gained before it has failed.
    """

    ledger: Path
    datasets: Path
    trainer: Mapping[str, Any]
    tracking: str = "offline"
    sweep: str | None = None
    time_latency: bool = True
    on_epoch: Callable[[dict[str, Any]], None] | None = None
    progress: bool = False
    wandb: Mapping[str, Any] = field(default_factory=dict)
    stop: Callable[[], bool] | None = None
    retries: int = 3

    def json(self) -> dict[str, Any]:
        """What a job needs to run cells in the same way."""
        return {
            "ledger": str(self.ledger.absolute()),
            "datasets": str(self.datasets.absolute()),
            "trainer": dict(self.trainer),
            "tracking": self.tracking,
            "sweep": self.sweep,
            "wandb": dict(self.wandb),
            "retries": self.retries,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Context:
        places = {name: Path(data[name]) for name in ("ledger", "datasets")}
        return cls(**{**data, **places})
