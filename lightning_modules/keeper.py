"""What training leaves on disk: the last epoch to resume from, and the finished phase."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Checkpoint
from torch import Tensor

from lightning_modules.classifier import Classifier

EpochRow = dict[str, Any]


@dataclass(frozen=True)
class Files:
    """Where a phase leaves its state: ``checkpoint`` while it goes, ``result`` at the end."""

    checkpoint: Path
    result: Path


class Keeper(Checkpoint):
    """Keeps the last epoch to resume from, the best validation epoch's weights, and the result.

    It writes from rank zero, atomically, so that a killed run leaves the epoch before.
    """

    def __init__(self, files: Files, on_epoch: Callable[[EpochRow], None] | None = None) -> None:
        self.files = files
        self.on_epoch = on_epoch
        self.told = 0
        self.selected: dict[str, Any] = {"epoch": -1, "val_accuracy": -1.0, "state": None}

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, Classifier)
        row = pl_module.history[-1]
        if (
            row.get("val_accuracy", 0.0) > self.selected["val_accuracy"]
            or "val_accuracy" not in row
        ):
            state = copied(pl_module.network.state_dict())
            accuracy = row.get("val_accuracy", -1.0)
            self.selected = {"epoch": row["epoch"], "val_accuracy": accuracy, "state": state}
        part = self.files.checkpoint.with_name(f".{self.files.checkpoint.name}.part")
        trainer.save_checkpoint(part)
        if trainer.is_global_zero:
            os.replace(part, self.files.checkpoint)
            if self.on_epoch:
                self.on_epoch(row)
                self.told += 1

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, Classifier)
        finished = trainer.current_epoch >= (trainer.max_epochs or 0)
        if trainer.is_global_zero and finished and not trainer.interrupted:
            save(
                self.files.result,
                {
                    "state": copied(pl_module.network.state_dict()),
                    "selected": self.selected["state"],
                    "selected_epoch": self.selected["epoch"],
                    "history": pl_module.history,
                },
            )
            self.files.checkpoint.unlink(missing_ok=True)

    def __getstate__(self) -> dict[str, Any]:
        """What another process gets: nobody there can be told of an epoch."""
        return {**self.__dict__, "on_epoch": None}

    def state_dict(self) -> dict[str, Any]:
        return {"selected": self.selected}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.selected = state_dict["selected"]


def copied(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict's tensors on the CPU, independent of the network."""
    return {name: tensor.detach().cpu().clone() for name, tensor in state.items()}


def save(path: Path, content: Mapping[str, Any]) -> None:
    """torch.save, so that a reader sees the whole file or none."""
    part = path.with_name(f".{path.name}.part")
    torch.save(dict(content), part)
    os.replace(part, path)


def read(path: Path) -> dict[str, Any]:
    """Load a file that ``save`` or a Trainer wrote.

    Raises:
        ValueError: it is damaged.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise
    except Exception as error:
        reason = str(error).splitlines()[0][:120]
        raise ValueError(
            f"checkpoint {path} is damaged ({reason}); delete it and run again: "
            "training starts anew from the phase before it"
        ) from None
    return dict(content)
