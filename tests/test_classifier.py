"""The LightningModule and its training: schedules, decay, what is kept, more than one process."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import TINY, TRAINER, cell
from torch import nn

from datamodules.open import open_data
from datamodules.spec import DataSpec
from lightning_modules.classifier import Classifier, Phase
from lightning_modules.fit import evaluate, fit
from lightning_modules.optimizer import decay_groups, factor
from lightning_modules.recipe import Recipe
from lightning_modules.storage import Files, read
from sweeps.execute import Context, execute

SPEC = DataSpec("synthetic", image_size=8, size=96, num_classes=6)


def options(**changes: Any) -> dict[str, Any]:
    return vars(Recipe(batch_size=16, lr=0.02)) | changes


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(288, 6))


def trained(folder: Path, epochs: int = 2, **changes: Any) -> dict[str, Any]:
    recipe = options(epochs=epochs, **changes)
    data = open_data(SPEC, folder=folder, recipe=Recipe(**recipe), seed=0)
    files = Files(folder / "fit.ckpt", folder / "fit.pt")
    return fit(
        Classifier(network(), 6, Phase("fit", recipe, epochs, 0)), data, files, trainer=TRAINER
    )


def test_a_step_schedule_drops_at_the_start_of_its_epochs() -> None:
    recipe = options(schedule="step", milestones=[81, 122], epochs=164)
    found = [factor(recipe, epoch) for epoch in (0, 80.99, 81, 121.9, 122, 163)]
    assert found == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])


def test_a_cosine_schedule_ends_at_zero_and_warms_up_linearly() -> None:
    recipe = options(schedule="cosine", warmup_epochs=2.0, epochs=10)
    found = [factor(recipe, epoch) for epoch in (1, 2, 6, 10)]
    assert found == pytest.approx([0.5, 1, 0.5 * (1 + math.cos(math.pi / 2)), 0])


def test_the_history_shows_the_schedule_the_optimizer_followed(tmp_path: Path) -> None:
    found = trained(tmp_path, epochs=3, schedule="step", milestones=[1, 2], gamma=0.5)
    assert [row["lr"] for row in found["history"]] == pytest.approx([0.01, 0.005, 0.005])


def test_decay_is_on_every_parameter_or_on_matrices_and_kernels_only() -> None:
    everything = decay_groups(network(), 0.1, decay_all=True)
    assert [(len(g["params"]), g["weight_decay"]) for g in everything] == [(6, 0.1)]
    selective = decay_groups(network(), 0.1, decay_all=False)
    assert [(len(g["params"]), g["weight_decay"]) for g in selective] == [(2, 0.1), (4, 0.0)]


def test_training_equals_a_plain_loop(tmp_path: Path) -> None:
    recipe = options(epochs=2, schedule="constant")
    data = open_data(SPEC, folder=tmp_path, recipe=Recipe(**recipe), seed=0)
    model = network().train()
    rule = torch.optim.SGD(model.parameters(), 0.02, 0.9, weight_decay=1e-4)
    for epoch in range(2):
        data.epoch_offset = epoch
        for images, labels in data.train_dataloader():
            rule.zero_grad()
            nn.functional.cross_entropy(model(images), labels).backward()
            rule.step()
    found = trained(tmp_path, schedule="constant")["state"]
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(found[name], tensor)


@pytest.mark.parametrize(
    "changes",
    [
        {"mixup": 0.8, "cutmix": 1.0},
        {"label_smoothing": 0.1},
        {"clip": 0.5},
        {"channels_last": True},
        {"optimizer": "adamw", "decay_all": False},
        {"precision": "bf16-mixed"},
        {"erasing": 0.5, "randaugment": 5},
        {"drop_last": True},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_every_option_of_a_recipe_trains(tmp_path: Path, changes: dict[str, Any]) -> None:
    found = trained(tmp_path, **changes)
    assert len(found["history"]) == 2
    assert all(math.isfinite(row["train_loss"]) for row in found["history"])


def test_the_selected_weights_are_those_of_the_best_validation_epoch(tmp_path: Path) -> None:
    found = trained(tmp_path, epochs=4)
    accuracies = [row["val_accuracy"] for row in found["history"]]
    assert found["selected_epoch"] == accuracies.index(max(accuracies))


def test_without_a_validation_split_the_last_epoch_is_selected(tmp_path: Path) -> None:
    recipe = options(epochs=2)
    spec = DataSpec("synthetic", image_size=8, size=96, num_classes=6, val_fraction=0.0)
    data = open_data(spec, folder=tmp_path, recipe=Recipe(**recipe), seed=0)
    files = Files(tmp_path / "fit.ckpt", tmp_path / "fit.pt")
    model = Classifier(network(), 6, Phase("fit", recipe, 2, 0))
    found = fit(model, data, files, trainer=TRAINER)
    assert found["selected_epoch"] == 1
    assert "val_accuracy" not in found["history"][-1]


def test_a_finished_phase_is_returned_and_not_trained_again(tmp_path: Path) -> None:
    first = trained(tmp_path)
    stamp = (tmp_path / "fit.pt").stat().st_mtime_ns
    second = trained(tmp_path, lr=9.0)
    assert (tmp_path / "fit.pt").stat().st_mtime_ns == stamp
    assert second["history"] == first["history"]
    assert (tmp_path / "fit.ckpt").exists()


def test_test_accuracy_is_the_share_of_right_answers(tmp_path: Path) -> None:
    data = open_data(SPEC, folder=tmp_path, recipe=Recipe(batch_size=7), seed=0)
    model = network().eval()
    found = evaluate(Classifier(model, 6), data, TRAINER, "32-true")
    with torch.no_grad():
        pairs = [(model(images), labels) for images, labels in data.test_dataloader()]
    logits, labels = (torch.cat(part) for part in zip(*pairs, strict=True))
    top5 = (logits.topk(5).indices == labels[:, None]).any(1)
    assert found["top1"] == pytest.approx((logits.argmax(1) == labels).float().mean().item())
    assert found["top5"] == pytest.approx(top5.float().mean().item())
    assert found["loss"] == pytest.approx(nn.functional.cross_entropy(logits, labels).item())


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "fit.ckpt"
    path.write_bytes(b"no checkpoint")
    with pytest.raises(ValueError, match=r"is damaged .* delete it and run again"):
        read(path)


@pytest.mark.slow
def test_two_processes_share_a_cell_through_the_trainers_own_options(tmp_path: Path) -> None:
    trainer = {**TRAINER, "devices": 2}
    asked = cell(*TINY, "recipe.batch_size=16")
    record = execute(asked, Context(tmp_path, tmp_path, trainer, tracking="none"))
    assert record["status"] == "done", record["error"]["traceback"]
    alone = {**trainer, "devices": 1}
    other = execute(asked, Context(tmp_path / "one", tmp_path, alone, tracking="none"))
    assert record["result"]["train_loss"] == pytest.approx(other["result"]["train_loss"], rel=0.2)
