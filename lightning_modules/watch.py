"""When to stop and when to write a checkpoint: at the same batch in every process."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from pytorch_lightning import Trainer

__all__ = ["Watch"]


class Watch:
    """Asked after every batch; neither the clock nor the wish to stop makes a GPU wait.

    Several processes decide together, which does make them wait: every ``TOGETHER`` batches.

    Args:
        stop: whether to stop, asked in this process; None for never.
        minutes: a checkpoint is due this long after the last one; 0 for at an epoch's end only.
    """

    TOGETHER = 8

    def __init__(self, stop: Callable[[], bool] | None = None, minutes: float = 0.0) -> None:
        self.stop, self.minutes = stop, minutes
        self.last = time.monotonic()

    def saved(self) -> None:
        """A checkpoint was written, or training starts: the clock begins anew."""
        self.last = time.monotonic()

    def after(self, trainer: Trainer, batch: int) -> tuple[bool, bool]:
        """Whether to stop and whether a checkpoint is due, after the epoch's batch of a number."""
        if trainer.world_size > 1 and (batch + 1) % self.TOGETHER:
            return False, False
        return self.now(trainer)

    def now(self, trainer: Trainer) -> tuple[bool, bool]:
        """The same at any time; every process must ask."""
        wishes = (bool(self.stop and self.stop()), self._is_due())
        if trainer.world_size == 1:
            return wishes
        votes = torch.tensor(wishes, dtype=torch.int32, device=trainer.strategy.root_device)
        stop, due = trainer.strategy.reduce(votes, reduce_op="sum").tolist()
        return stop > 0, due > 0

    def _is_due(self) -> bool:
        return bool(self.minutes) and time.monotonic() - self.last >= 60 * self.minutes
