"""Lightning trains on the batches of its epoch, also resumed and without validation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from pytorch_lightning import LightningModule, Trainer
from small_data import SYNTHETIC, opened
from torch import Tensor, nn

lightning = pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning")  # its own


class Watcher(LightningModule):
    """A linear classifier that keeps what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3 * 8 * 8, 4)
        nn.init.zeros_(self.layer.weight)
        nn.init.zeros_(self.layer.bias)
        self.seen: list[Tensor] = []
        self.validated = 0

    def training_step(self, batch: tuple[Tensor, Tensor], number: int) -> Tensor:
        x, y = batch
        self.seen.append(x)
        return nn.functional.cross_entropy(self.layer(x.flatten(1)), y)

    def validation_step(self, batch: tuple[Tensor, Tensor], number: int) -> None:
        self.validated += len(batch[1])

    test_step = validation_step

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.01)


def trainer(folder: Path, epochs: int, *, validate: bool = True) -> Trainer:
    return Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        default_root_dir=folder,
        num_sanity_val_steps=0,
        limit_val_batches=1.0 if validate else 0,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        logger=False,
    )


@lightning
def test_lightning_gets_the_batches_of_its_epoch_plus_the_offset(tmp_path: Path) -> None:
    spec, model = replace(SYNTHETIC, pad=1, flip=True), Watcher()
    module = opened(spec)
    module.epoch_offset = 5
    trainer(tmp_path, 2).fit(model, datamodule=module)
    assert model.validated == 2 * len(module.val_index)
    expected = []
    for epoch in (5, 6):
        alone = opened(spec)
        alone.epoch_offset = epoch
        expected += [x for x, _ in alone.train_dataloader()]
    assert len(model.seen) == len(expected) == 10
    assert all(torch.equal(x, y) for x, y in zip(model.seen, expected, strict=True))


@lightning
def test_a_resumed_training_sees_what_an_uninterrupted_one_sees(tmp_path: Path) -> None:
    whole, half, rest = Watcher(), Watcher(), Watcher()
    trainer(tmp_path, 3).fit(whole, datamodule=opened(SYNTHETIC))
    first = trainer(tmp_path, 1)
    first.fit(half, datamodule=opened(SYNTHETIC))
    first.save_checkpoint(tmp_path / "one.ckpt")
    trainer(tmp_path, 3).fit(rest, datamodule=opened(SYNTHETIC), ckpt_path=tmp_path / "one.ckpt")
    seen = half.seen + rest.seen
    assert len(seen) == len(whole.seen)
    assert all(torch.equal(x, y) for x, y in zip(seen, whole.seen, strict=True))
    assert torch.equal(rest.layer.weight, whole.layer.weight)


@lightning
def test_without_a_validation_split_lightning_trains_and_tests_all_the_same(tmp_path: Path) -> None:
    model, module = Watcher(), opened(replace(SYNTHETIC, val_fraction=0.0))
    assert module.val_dataloader() == []
    runner = trainer(tmp_path, 1, validate=False)
    runner.fit(model, datamodule=module)
    assert model.validated == 0
    assert sum(map(len, model.seen)) == 90
    runner.test(model, datamodule=module, verbose=False)
    assert model.validated == 90
