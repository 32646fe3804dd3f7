"""A folder of images: crops for training, centres for testing, and what is wrong with it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from small_data import gathered, opened, raw, rows

from datamodules.images import DataError, Files, data_checksum
from datamodules.spec import DataSpec

FOLDER = DataSpec(
    source="imagefolder", folder="pets", num_classes=2, image_size=14, flip=True, val_fraction=0.25
)


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    draws = np.random.default_rng(0)
    for part, count in (("train", 8), ("val", 3)):
        for name in ("cat", "dog"):
            (tmp_path / "pets" / part / name).mkdir(parents=True)
            for i in range(count):
                pixels = draws.integers(256, size=(20, 24, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(tmp_path / "pets" / part / name / f"{i}.png")
    return tmp_path


def test_an_image_folder_yields_crops_for_training_and_the_resized_centre_for_testing(
    pets: Path,
) -> None:
    module = opened(FOLDER, pets, batch_size=5)
    x, y = gathered(module.train_dataloader())
    assert x.shape == (12, 3, 14, 14)
    assert y.bincount().tolist() == [6, 6]
    x, y = gathered(module.test_dataloader())
    assert y.tolist() == [0, 0, 0, 1, 1, 1]
    picture = Image.open(pets / "pets" / "val" / "dog" / "2.png").convert("RGB")
    scaled = picture.resize((19, 16), Image.Resampling.BILINEAR)
    corner = (round((19 - 14) / 2), 1)
    centre = scaled.crop((*corner, corner[0] + 14, corner[1] + 14))
    assert np.array_equal(raw(x[5:], FOLDER)[0].permute(1, 2, 0).numpy(), np.asarray(centre))


@pytest.mark.parametrize("recipe", [{}, {"randaugment": 9, "erasing": 0.5, "mixup": 0.2}])
def test_neither_workers_nor_the_global_generator_change_an_image(
    pets: Path, recipe: dict[str, Any]
) -> None:
    torch.manual_seed(0)
    one, _ = gathered(opened(FOLDER, pets, **recipe).train_dataloader())
    before = torch.manual_seed(1).get_state()
    other, _ = gathered(opened(FOLDER, pets, **recipe).train_dataloader())
    assert torch.equal(torch.random.get_rng_state(), before)
    by_workers, _ = gathered(opened(FOLDER, pets, workers=2, **recipe).train_dataloader())
    assert torch.equal(one, other)
    assert torch.equal(one, by_workers)


def test_the_crop_of_a_file_depends_on_the_epoch_and_not_on_the_batch_size(pets: Path) -> None:
    module = opened(FOLDER, pets)
    one, _ = gathered(module.train_dataloader())
    smaller, _ = gathered(opened(FOLDER, pets, batch_size=5).train_dataloader())
    assert torch.equal(one, smaller)
    module.epoch_offset = 1
    assert rows(one) != rows(gathered(module.train_dataloader())[0])


def test_where_val_and_test_both_have_classes_test_is_the_test_split(pets: Path) -> None:
    shutil.copytree(pets / "pets" / "val", pets / "pets" / "test")
    (pets / "pets" / "test" / "cat" / "0.png").unlink()
    assert opened(FOLDER, pets).test_count == 5


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (shutil.rmtree, "no such folder"),
        (lambda pets: shutil.rmtree(pets / "val"), r"below test/ or val/.* found train"),
        (
            lambda pets: shutil.rmtree(pets / "val" / "cat"),
            "came 2 and 1, only in one of them: cat",
        ),
        (lambda pets: [p.unlink() for p in (pets / "train" / "dog").iterdir()], "classes dog"),
        (lambda pets: [(pets / p / "bee").mkdir() for p in ("train", "val")], "came 3 and 3"),
    ],
)
def test_a_broken_image_folder_is_described(
    pets: Path, damage: Callable[[Path], object], message: str
) -> None:
    damage(pets / "pets")
    with pytest.raises(DataError, match=message) as found:
        opened(FOLDER, pets)
    assert str(pets / "pets") in str(found.value)


def test_an_image_that_cannot_be_decoded_is_named(pets: Path) -> None:
    broken = pets / "pets" / "val" / "cat" / "1.png"
    broken.write_bytes(broken.read_bytes()[:60])
    with pytest.raises(DataError, match=r"cat/1\.png cannot be read"):
        list(opened(FOLDER, pets).test_dataloader())


def test_calibration_images_of_a_folder_are_not_augmented(pets: Path) -> None:
    one, other = (opened(FOLDER, pets, seed=seed).calibration(2, 5, seed=1) for seed in (0, 1))
    for (x, y), (u, v) in zip(one, other, strict=True):
        assert torch.equal(x, u)
        assert torch.equal(y, v)


def test_the_checksum_of_a_folder_moves_with_it_and_notices_a_file(pets: Path) -> None:
    checksum = opened(FOLDER, pets).checksum
    shutil.move(pets / "pets", pets / "elsewhere")
    moved = replace(FOLDER, folder="elsewhere")
    assert opened(moved, pets).checksum == checksum
    files = opened(moved, pets).data
    assert data_checksum(Files(files.root, files.train[::-1], files.test)) == checksum
    picture = pets / "elsewhere" / "train" / "cat" / "0.png"
    picture.write_bytes(picture.read_bytes() + b"x")
    assert opened(moved, pets).checksum != checksum
