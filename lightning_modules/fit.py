"""Train a Classifier to a file, resuming from a checkpoint of the last whole epoch."""

from __future__ import annotations

import logging
import os
import signal
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from pytorch_lightning import LightningDataModule, Trainer
from pytorch_lightning.callbacks import Checkpoint, TQDMProgressBar

from lightning_modules.classifier import Classifier
from lightning_modules.keeper import EpochRow, Files, Keeper, read

QUIET = (
    "GPU available",
    ".*does not have many workers.*",
    ".*LeafSpec.*",
    ".*is_fx_tracing.*",
    ".*lr_scheduler.step.*before.*optimizer.step.*",
    ".*enable_checkpointing.*",
    ".*The number of training batches.*",
    ".*torchmetrics.*compute.*before.*update.*",
    ".*Checkpoint directory.*",
)


def fit(
    classifier: Classifier,
    data: LightningDataModule,
    files: Files,
    *,
    trainer: Mapping[str, Any],
    on_epoch: Callable[[EpochRow], None] | None = None,
    progress: bool = False,
) -> dict[str, Any]:
    """Train for the classifier's phase and return what ``files.result`` holds.

    An existing result is returned as it is; an existing checkpoint is gone on from.

    Raises:
        ValueError: the checkpoint or the result cannot be read.
        TrainingDiverged: the loss became infinite or NaN.
        KeyboardInterrupt: interrupted; the last whole epoch is kept.
    """
    if not files.result.exists():
        _train(classifier, data, files, trainer=trainer, on_epoch=on_epoch, progress=progress)
    return read(files.result)


def _train(
    classifier: Classifier,
    data: LightningDataModule,
    files: Files,
    *,
    trainer: Mapping[str, Any],
    on_epoch: Callable[[EpochRow], None] | None,
    progress: bool,
) -> None:
    phase = classifier.phase
    assert phase is not None
    resume = files.checkpoint if files.checkpoint.exists() else None
    if resume:
        read(resume)
    keeper = Keeper(files, on_epoch)
    callbacks: list[Any] = [keeper, *([TQDMProgressBar()] if progress else [])]
    runner = make_trainer(
        trainer,
        precision=phase.options["precision"],
        max_epochs=phase.epochs,
        callbacks=callbacks,
        limit_val_batches=1.0 if data.val_dataloader() else 0,
        gradient_clip_val=phase.options["clip"] or None,
        enable_progress_bar=progress,
    )
    before = signal.getsignal(signal.SIGINT)
    try:
        with warnings.catch_warnings():
            _ignore(QUIET)
            runner.fit(classifier, datamodule=data, ckpt_path=resume, weights_only=True)
    except SystemExit:
        if runner.interrupted:
            raise KeyboardInterrupt from None
        raise
    finally:
        signal.signal(signal.SIGINT, before)
    if on_epoch and not keeper.told:  # the epochs ran in processes of the strategy's own
        for row in read(files.result)["history"]:
            on_epoch(row)


def evaluate(
    classifier: Classifier, data: LightningDataModule, trainer: Mapping[str, Any], precision: str
) -> dict[str, float]:
    """Test metrics (loss, top1, top5 where there are more than 5 classes) on one device."""
    alone = {**trainer, "devices": 1, "num_nodes": 1, "strategy": "auto"}
    runner = make_trainer(alone, precision=precision)
    with warnings.catch_warnings():
        _ignore(QUIET)
        found = runner.test(classifier, datamodule=data, verbose=False)
    return {name.removeprefix("test_"): value for name, value in found[0].items()}


def make_trainer(options: Mapping[str, Any], **more: Any) -> Trainer:
    """Lightning's Trainer, quiet and lean: it logs nothing a step and keeps nothing of its own."""
    for name in ("pytorch_lightning", "lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    defaults: dict[str, Any] = {
        "accelerator": options["accelerator"],
        "devices": options["devices"],
        "num_nodes": options["num_nodes"],
        "strategy": _strategy(options),
        "logger": False,
        "enable_checkpointing": any(isinstance(c, Checkpoint) for c in more.get("callbacks", ())),
        "enable_model_summary": False,
        "enable_progress_bar": False,
        "num_sanity_val_steps": 0,
        "use_distributed_sampler": False,
    }
    with warnings.catch_warnings():
        _ignore(QUIET)
        return Trainer(**{**defaults, **more})


def _strategy(options: Mapping[str, Any]) -> str:
    """Several devices of one machine train in spawned processes: they must not start the command
    again, as Lightning's default would. Under SLURM the processes are there already."""
    strategy, devices = str(options["strategy"]), options["devices"]
    alone = devices in (1, "1") or (isinstance(devices, list) and len(devices) == 1)
    if strategy != "auto" or alone or "SLURM_JOB_ID" in os.environ:
        return strategy
    return "ddp_spawn"


def _ignore(patterns: tuple[str, ...]) -> None:
    for pattern in patterns:
        warnings.filterwarnings("ignore", pattern)
