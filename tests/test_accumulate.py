"""A batch cut in pieces trains as the whole one does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import TINY, TRAINER, cell
from small import Training, masks

from lightning_modules.classifier import Classifier
from sweeps.errors import UserError
from sweeps.record import RunPaths
from sweeps.workbench import Workbench


def close(one: dict[str, Any], other: dict[str, Any], tolerance: float = 1e-5) -> None:
    for name, tensor in one["state"].items():
        torch.testing.assert_close(other["state"][name], tensor, rtol=tolerance, atol=tolerance)
    for row, same in zip(one["history"], other["history"], strict=True):
        numbers = {name: value for name, value in row.items() if name != "phase"}
        assert {name: same[name] for name in numbers} == pytest.approx(numbers, rel=100 * tolerance)


@pytest.mark.parametrize("pieces", [2, 3, 5, 16])
def test_without_batch_norm_the_weights_agree(pieces: int, tmp_path: Path) -> None:
    """The batches have 16 images and the last of an epoch 6, which no number here divides."""
    whole = Training(tmp_path / "1", batch_norm=False)()
    cut = Training(tmp_path / "n", trainer={"accumulate": pieces}, batch_norm=False)()
    close(whole, cut)


@pytest.mark.parametrize(
    "recipe",
    [
        {"mixup": 0.8, "cutmix": 1.0, "erasing": 0.5, "randaugment": 5},
        {"clip": 0.1, "label_smoothing": 0.1},
        {"optimizer": "adamw", "warmup_epochs": 1.0},
        {"channels_last": True, "drop_last": True},
    ],
    ids=lambda recipe: "-".join(recipe),
)
def test_the_recipe_is_the_same(recipe: dict[str, Any], tmp_path: Path) -> None:
    whole = Training(tmp_path / "1", recipe, batch_norm=False)()
    close(whole, Training(tmp_path / "3", recipe, {"accumulate": 3}, batch_norm=False)(), 1e-4)


def test_mixed_precision_agrees_as_far_as_it_can(tmp_path: Path) -> None:
    recipe = {"precision": "bf16-mixed"}
    whole = Training(tmp_path / "1", recipe, batch_norm=False)()
    cut = Training(tmp_path / "4", recipe, {"accumulate": 4}, batch_norm=False)()
    assert cut["history"][-1]["train_loss"] == pytest.approx(
        whole["history"][-1]["train_loss"], rel=0.02
    )


def test_removed_weights_stay_removed(tmp_path: Path) -> None:
    options = {"masked": True, "batch_norm": False}
    whole = Training(tmp_path / "1", **options)()
    cut = Training(tmp_path / "3", trainer={"accumulate": 3}, **options)()
    close(whole, cut)
    assert torch.equal(cut["state"]["3.weight"] != 0, masks(batch_norm=False).keep["3"])


@pytest.mark.parametrize(
    ("images", "expected"), [(16, [4, 4, 4, 4]), (15, [4, 4, 4, 3]), (6, [3, 3]), (1, [1])]
)
def test_no_piece_is_larger_than_those_of_a_whole_batch(
    images: int, expected: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[list[int]] = []
    cut = Classifier._cut

    def noted(self: Classifier, x: torch.Tensor, y: torch.Tensor) -> list[Any]:
        parts = cut(self, x[:images], y[:images])
        sizes.append([len(labels) for _, labels in parts])
        return parts

    monkeypatch.setattr(Classifier, "_cut", noted)
    Training(tmp_path, {"drop_last": True}, {"accumulate": 4}, batch_norm=False)()
    assert sizes[0] == expected


@pytest.mark.parametrize("pieces", [0, 33, 1.5])
def test_a_batch_is_not_cut_into_more_pieces_than_it_has_images(
    pieces: float, tmp_path: Path
) -> None:
    asked = cell(*TINY, "recipe.batch_size=32")
    with pytest.raises(UserError, match=r"accumulate=.*from 1 to the batch size, which is 32"):
        Workbench(asked, RunPaths(tmp_path, asked.key), tmp_path, TRAINER | {"accumulate": pieces})
