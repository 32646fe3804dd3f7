"""What training leaves on disk while it goes, and when it is over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Checkpoint

from lightning_modules.classifier import Classifier
from lightning_modules.stopping import Stopped
from lightning_modules.storage import Files, copied, part, replace, save
from lightning_modules.watch import Watch

EpochRow = dict[str, Any]


class Keeper(Checkpoint):
    """Keeps where to resume from, the best validation epoch's weights, and the result.

    A checkpoint is written after every epoch, and within one when the watch says so; the last batch
    of an epoch belongs to its end. Rank zero writes, so that a killed run leaves the one before.

    Raises:
        Stopped: the watch said so; the checkpoint is written.
    """

    def __init__(
        self, files: Files, watch: Watch, on_epoch: Callable[[EpochRow], None] | None = None
    ) -> None:
        self.files = files
        self.watch = watch
        self.on_epoch = on_epoch
        self.selected: dict[str, Any] = {"epoch": -1, "val_accuracy": -1.0, "state": None}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.watch.saved()

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        if trainer.is_last_batch:
            return
        stop, due = self.watch.after(trainer, batch_idx)
        if stop or due:
            self._save(trainer)
        if stop:
            raise self._stopped(trainer, pl_module, f", after batch {batch_idx}")

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, Classifier)
        row = pl_module.history[-1]
        self._select(row, pl_module)
        self._save(trainer)
        if trainer.is_global_zero and self.on_epoch:
            self.on_epoch(row)
        is_last = trainer.current_epoch + 1 >= (trainer.max_epochs or 0)
        if not is_last and self.watch.now(trainer)[0]:
            raise self._stopped(trainer, pl_module, ", after its last batch")

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Also where a checkpoint of the last epoch was resumed and nothing was left to train."""
        assert isinstance(pl_module, Classifier)
        if trainer.is_global_zero:
            save(
                self.files.result,
                {
                    "state": copied(pl_module.network.state_dict()),
                    "selected": self.selected["state"],
                    "selected_epoch": self.selected["epoch"],
                    "history": pl_module.history,
                },
            )

    def _select(self, row: EpochRow, module: Classifier) -> None:
        if (
            row.get("val_accuracy", 0.0) > self.selected["val_accuracy"]
            or "val_accuracy" not in row
        ):
            state = copied(module.network.state_dict())
            accuracy = row.get("val_accuracy", -1.0)
            self.selected = {"epoch": row["epoch"], "val_accuracy": accuracy, "state": state}

    def _save(self, trainer: Trainer) -> None:
        trainer.save_checkpoint(part(self.files.checkpoint))
        if trainer.is_global_zero:
            replace(self.files.checkpoint)
        self.watch.saved()

    def _stopped(self, trainer: Trainer, module: LightningModule, where: str) -> Stopped:
        assert isinstance(module, Classifier)
        trainer.strategy.barrier("stopped")  # nobody leaves while rank zero is still writing
        return Stopped(f"{module.phase_name} was stopped in epoch {module.epoch}{where}")

    def __getstate__(self) -> dict[str, Any]:
        """What another process gets: nobody there can be told of an epoch."""
        return {**self.__dict__, "on_epoch": None}

    def state_dict(self) -> dict[str, Any]:
        return {"selected": self.selected}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.selected = state_dict["selected"]
