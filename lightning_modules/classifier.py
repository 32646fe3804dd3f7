"""The one LightningModule: a network, its loss, its metrics and its optimizer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics.classification import MulticlassAccuracy

from lightning_modules import midway
from lightning_modules.metrics import Metrics
from lightning_modules.noise import constant
from lightning_modules.optimizer import factor, make_optimizer
from lightning_modules.plugs import switch, switches
from lightning_modules.recipe import Noise, noise_of
from lightning_modules.seeds import derive_seed, generator

Batch = tuple[Tensor, Tensor]
SEEN = ("val_loss", "val_accuracy", "test_accuracy")
"""What an epoch's row has where it was looked at after the epoch."""


class TrainingDiverged(RuntimeError):
    """The loss is no longer a finite number."""


class Pruned(Protocol):
    """What must hold for a pruned network after every optimizer step."""

    def apply(self, model: nn.Module, /) -> None: ...

    def to(self, device: torch.device, /) -> Pruned: ...


@dataclass(frozen=True)
class Phase:
    """One stretch of training.

    Args:
        name: "fit" or "refit", as the history calls it.
        options: the recipe's options with this phase's schedule.
        first: epochs of this phase that earlier rounds have done (gradual pruning).
        epochs: epochs of this round.
        seed: of the run; what is random in an epoch follows from it and the epoch alone.
    """

    name: str
    options: Mapping[str, Any]
    epochs: int
    seed: int
    first: int = 0


class Classifier(LightningModule):
    """Train a network by a recipe.

    Args:
        network: (B, C, H, W) images to (B, classes) logits.
        classes: number of classes.
        phase: what is trained, or None to evaluate only.
        pruned: what pruning left; applied after every optimizer step (keeps removed weights zero).
        noise: that of the recipe the network was trained by, to evaluate it under the same; a
            phase has its own.

    Shape:
        images (B, C, H, W) float; labels (B,) int64, or (B, classes) float when mixed. In training
        more images than labels: the last ones only take part in the batch norms' statistics.

    Attributes:
        accumulate: micro-batches that a batch is cut into; their gradients are added up before
            the one optimizer step, so only what a layer sees at a time changes.
        history: a row for each epoch that is over.

    Raises:
        TrainingDiverged: the loss became infinite or NaN; looked at every ``CHECK_EVERY`` steps,
            because looking makes a GPU wait.
    """

    CHECK_EVERY = 50

    def __init__(
        self,
        network: nn.Module,
        classes: int,
        phase: Phase | None = None,
        pruned: Pruned | None = None,
        *,
        noise: Noise | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.phase = phase
        self.pruned = pruned
        self.noise = constant(noise_of(phase.options) if phase else noise or Noise())
        self.accumulate = 1
        self.history: list[dict[str, Any]] = []
        self._switches = switches(network)
        self._run: list[Callable[[Tensor], Tensor]] = [network]
        self._sums = torch.zeros(3)
        self._midway: Sequence[midway.State] = ()
        self.metrics = Metrics(classes)
        self._follows_test = bool(phase and phase.options.get("test_each_epoch"))
        self.followed = MulticlassAccuracy(classes, average="micro")

    def forward(self, images: Tensor) -> Tensor:
        with self.noise:
            return self._run[0](images)

    def setup(self, stage: str) -> None:
        options = self.phase.options if self.phase else {}
        if options.get("channels_last"):
            self.network.to(memory_format=torch.channels_last)
        if stage == "fit" and options.get("compile") and not self._switches:
            self._run = [torch.compile(self.network)]

    def on_fit_start(self) -> None:
        self.pruned = self.pruned.to(self.device) if self.pruned else None

    def on_train_start(self) -> None:
        if self._midway:
            rank, world = self.global_rank, self.trainer.world_size
            self._sums = midway.resume(self._midway, rank, world, self.device)
            self._midway = ()

    def on_train_epoch_start(self) -> None:
        torch.manual_seed(
            derive_seed(self._phase.name, self._phase.seed, self.epoch, self.global_rank)
        )
        self._sums = torch.zeros(3, device=self.device)

    @property
    def is_changing(self) -> bool:
        """Whether every batch uses other parameters: those of a supernet that it plugs."""
        return bool(self._switches)

    @property
    def epoch(self) -> int:
        """0-based epoch of the phase, counted over its rounds."""
        return self.current_epoch + (self.phase.first if self.phase else 0)

    @property
    def _phase(self) -> Phase:
        if self.phase is None:
            raise RuntimeError("this Classifier was made to evaluate, it has no phase to train")
        return self.phase

    @property
    def phase_name(self) -> str:
        return self._phase.name

    def training_step(self, batch: Batch, index: int) -> Tensor:
        self.trainer.optimizers[0].zero_grad()
        self._draw_scheme(index)
        *first, last = self._cut(*batch)
        for images, labels in first:
            self._backward(self._loss(images, labels) * (len(labels) / len(batch[1])))
        loss = self._loss(*last)
        if index % self.CHECK_EVERY == 0:
            self._stop_if_diverged(self._all_sums()[0])
        return loss * (len(last[1]) / len(batch[1])) if first else loss

    def _draw_scheme(self, index: int) -> None:
        """Plug each block of a supernet with probability one half, alike in all processes."""
        if self._switches:
            lot = generator("scheme", self._phase.seed, self.epoch, index)
            drawn = torch.rand(len(self._switches), generator=lot) < 0.5
            switch(self._switches, drawn.tolist())

    def on_validation_start(self) -> None:
        switch(self._switches, [True] * len(self._switches))

    def _cut(self, images: Tensor, labels: Tensor) -> list[tuple[Tensor, Tensor]]:
        """A whole batch in ``accumulate`` parts of almost equal size, a smaller one in fewer."""
        if self.accumulate == 1:
            return [(images, labels)]
        whole = self._phase.options["batch_size"] / self.trainer.world_size
        count = min(math.ceil(len(labels) * self.accumulate / whole), len(labels))
        own, others = (x.tensor_split(count) for x in images.tensor_split([len(labels)]))
        parts = [torch.cat((x, y)) if len(y) else x for x, y in zip(own, others, strict=True)]
        return list(zip(parts, labels.tensor_split(count), strict=True))

    def _loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """The mean loss, also counted for the epoch."""
        logits = self(images)[: len(labels)]
        loss = F.cross_entropy(
            logits, labels, label_smoothing=self._phase.options["label_smoothing"]
        )
        with torch.no_grad():
            hard = labels if labels.ndim == 1 else labels.argmax(1)
            hits = (logits.argmax(1) == hard).sum()
            size = len(labels)
            self._sums += torch.stack([loss.detach().float() * size, hits, hits.new_tensor(size)])
        return loss

    def _backward(self, loss: Tensor) -> None:
        """As Lightning does for the last part, which alone makes the other processes' gradients
        be added; outside of autocasting, which would keep the weights' copies of this part."""
        with torch.autocast(self.device.type, enabled=False):
            self.trainer.strategy.backward(loss, None)
        torch.clear_autocast_cache()

    def optimizer_zero_grad(self, *args: Any) -> None:
        """Nothing: Lightning calls it before the last part; ``training_step`` has done it."""

    def _stop_if_diverged(self, loss: Tensor) -> None:
        if not torch.isfinite(loss):
            raise TrainingDiverged(
                f"the loss is no finite number in epoch {self.epoch}; "
                "try a lower recipe.lr, recipe.warmup_epochs, recipe.clip, or precision=32-true"
            )

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        super().optimizer_step(*args, **kwargs)
        if self.pruned is not None:
            self.pruned.apply(self.network)

    def on_train_epoch_end(self) -> None:
        sums = self._all_sums()
        self._stop_if_diverged(sums[0])
        loss, hits, count = sums.tolist()
        row = {
            "phase": self._phase.name,
            "epoch": self.epoch,
            "lr": self.trainer.optimizers[0].param_groups[0]["lr"],
            "train_loss": loss / count,
            "train_accuracy": hits / count,
        }
        seen = self.trainer.callback_metrics
        row |= {k: seen[k].item() for k in SEEN if k in seen}
        self.history.append(row)

    def _all_sums(self) -> Tensor:
        """Over all processes, so that all see a loss that is no number at once."""
        total = self.trainer.strategy.reduce(self._sums.clone(), reduce_op="sum")
        assert isinstance(total, Tensor)
        return total

    def validation_step(self, batch: Batch, index: int, dataloader_idx: int = 0) -> None:
        if dataloader_idx < self._held_out:
            self._evaluate(batch)
        else:  # a loss that is no number here must not end the training
            self.followed.update(self(batch[0]).float(), batch[1])

    def on_validation_epoch_end(self) -> None:
        found = {}
        if self._held_out:
            seen = self.metrics.taken()
            found = {"val_loss": seen["loss"], "val_accuracy": seen["top1"]}
        if self._follows_test:
            found["test_accuracy"] = self.followed.compute()
            self.followed.reset()
        self.log_dict(found, sync_dist=False)

    @property
    def _held_out(self) -> int:
        """How many splits are looked at after an epoch, but for the test split, the last one."""
        return len(self.trainer.num_val_batches) - self._follows_test

    def test_step(self, batch: Batch, index: int) -> None:
        self._evaluate(batch)

    def on_test_epoch_end(self) -> None:
        self.log_dict({f"test_{k}": v for k, v in self.metrics.taken().items()})

    def _evaluate(self, batch: Batch) -> None:
        images, labels = batch
        logits = self(images).float()
        loss = F.cross_entropy(logits, labels)
        self._stop_if_diverged(loss)
        self.metrics.count(logits, labels, loss)

    def configure_optimizers(self) -> Any:
        options, per_epoch = self._phase.options, self._steps_per_epoch()
        optimizer = make_optimizer(
            self.network, options, per_epoch=per_epoch, first=self._phase.first
        )
        rule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: factor(options, self._phase.first + step / per_epoch)
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": rule, "interval": "step"}}

    def _steps_per_epoch(self) -> int:
        """The trainer's own count would start a pass before a checkpoint could say where."""
        trainer: Any = self.trainer
        return len(trainer.datamodule.train_dataloader())

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["history"] = self.history
        checkpoint["midway"] = midway.gather(self._sums)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.history = list(checkpoint["history"])
        self._midway = checkpoint["midway"]
