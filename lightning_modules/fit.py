"""Train a Classifier to a file, resuming at the batch after the last checkpoint."""

from __future__ import annotations

import logging
import os
import signal
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from pytorch_lightning import LightningDataModule, Trainer
from pytorch_lightning.callbacks import Checkpoint, TQDMProgressBar

from lightning_modules import processes
from lightning_modules.classifier import Classifier
from lightning_modules.keeper import EpochRow, Keeper
from lightning_modules.spawned import Relay, answers
from lightning_modules.storage import Direct, Files, read, take
from lightning_modules.watch import Watch

__all__ = ["evaluate", "fit", "join", "make_trainer"]

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
    ".*srun. command is available.*",
    ".*sync_dist=True.*",
)


def fit(
    classifier: Classifier,
    data: LightningDataModule,
    files: Files,
    *,
    trainer: Mapping[str, Any],
    on_epoch: Callable[[EpochRow], None] | None = None,
    progress: bool = False,
    stop: Callable[[], bool] | None = None,
) -> dict[str, Any]:
    """Train for the classifier's phase and return what ``files.result`` holds.

    An existing result is returned as it is; an existing checkpoint is gone on from. Damaged ones
    are set aside. The checkpoint stays (see ``Files``).

    Args:
        trainer: the ``trainer`` section of the settings.
        on_epoch: told of every epoch that ends.
        stop: asked after every batch, whether to stop.

    Raises:
        Stopped: ``stop`` was true; the next call goes on with the next batch.
        TrainingDiverged: the loss became infinite or NaN.
        KeyboardInterrupt: interrupted; the last checkpoint is kept.
    """
    found = take(files.result)
    if found is not None:
        return found
    spawns = processes.strategy(trainer).startswith(processes.SPAWNING)
    relay = Relay(stop) if stop and spawns else None
    keeper = Keeper(files, Watch(relay or stop, trainer["checkpoint_minutes"]), on_epoch)
    resume = files.resume()
    with relay.listening() if relay else nullcontext():
        _train(classifier, data, keeper, trainer=trainer, resume=resume, progress=progress)
    found = read(files.result)
    if on_epoch and spawns:  # nobody there could tell
        for row in found["history"]:
            on_epoch(row)
    return found


def join(
    classifier: Classifier,
    data: LightningDataModule,
    files: Files,
    *,
    trainer: Mapping[str, Any],
    stop: Callable[[], bool] | None = None,
) -> None:
    """Take part in the training that another task of the SLURM job, its first, calls ``fit`` for.

    Writes nothing.

    Raises:
        Stopped: as ``fit`` does there.
    """
    keeper = Keeper(files, Watch(stop, trainer["checkpoint_minutes"]))
    _train(classifier, data, keeper, trainer=trainer, resume=None, progress=False)


def _train(
    classifier: Classifier,
    data: LightningDataModule,
    keeper: Keeper,
    *,
    trainer: Mapping[str, Any],
    resume: Path | None,
    progress: bool,
) -> None:
    phase = classifier.phase
    assert phase is not None
    callbacks: list[Any] = [keeper, *([TQDMProgressBar()] if progress else [])]
    runner = make_trainer(
        trainer,
        strategy=processes.strategy(trainer, changing=classifier.is_changing),
        precision=phase.options["precision"],
        max_epochs=phase.epochs,
        callbacks=callbacks,
        limit_val_batches=(trainer.get("steps") or 1.0) if data.val_dataloader() else 0,
        gradient_clip_val=phase.options["clip"] or None,
        enable_progress_bar=progress,
    )
    with _running(runner):
        start = resume, int(trainer["accumulate"])
        if processes.is_shared(trainer):
            runner.strategy.setup_environment()
            start = runner.strategy.broadcast(start)  # the first task decides for all
        resume, classifier.accumulate = start
        runner.fit(classifier, datamodule=data, ckpt_path=resume, weights_only=True)


@contextmanager
def _running(runner: Trainer) -> Iterator[None]:
    """Around training: quiet; Ctrl-C is a KeyboardInterrupt; no connection stays."""
    before = signal.getsignal(signal.SIGINT)
    try:
        with warnings.catch_warnings(), answers():
            _ignore(QUIET)
            yield
    except SystemExit:
        if runner.interrupted:
            raise KeyboardInterrupt from None
        raise
    finally:
        signal.signal(signal.SIGINT, before)
        processes.part_ways()


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
    """Lightning's Trainer, quiet and lean: it logs nothing a step, keeps nothing of its own, and
    leaves signals and SLURM to us. ``steps`` among the options ends every epoch after so many
    batches."""
    for name in ("pytorch_lightning", "lightning.pytorch", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    defaults: dict[str, Any] = {
        "accelerator": options["accelerator"],
        "devices": options["devices"],
        "num_nodes": options["num_nodes"],
        "strategy": processes.strategy(options),
        "plugins": [processes.environment(options), Direct()],
        "default_root_dir": os.devnull,  # under SLURM it looks there for checkpoints to resume
        "logger": False,
        "enable_checkpointing": any(isinstance(c, Checkpoint) for c in more.get("callbacks", ())),
        "enable_model_summary": False,
        "enable_progress_bar": False,
        "num_sanity_val_steps": 0,
        "use_distributed_sampler": False,
        **{f"limit_{part}_batches": options.get("steps") or 1.0 for part in ("train", "test")},
    }
    with warnings.catch_warnings():
        _ignore(QUIET)
        trainer = Trainer(**{**defaults, **more})
    processes.leave_signals(trainer)
    return trainer


def _ignore(patterns: tuple[str, ...]) -> None:
    for pattern in patterns:
        warnings.filterwarnings("ignore", pattern)
