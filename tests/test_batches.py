"""Splits, the order of batches, their share on each device, and images for calibration."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from small_data import SYNTHETIC, gathered, opened, raw, rows

from datamodules.batches import Place
from datamodules.module import ImageData
from datamodules.split import stratified
from datamodules.tensors import TensorData
from lightning_modules.recipe import Recipe


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.33])
def test_the_validation_split_takes_its_share_of_each_class(fraction: float) -> None:
    labels = torch.tensor([0] * 50 + [1] * 30 + [2] * 7 + [3])[torch.randperm(88)]
    kept, cut = stratified(labels, fraction, "x", 0)
    assert sorted(kept.tolist() + cut.tolist()) == list(range(88))
    assert kept.tolist() == sorted(kept.tolist())
    expected = [int(fraction * n + 0.5) for n in (50, 30, 7)] + [0]
    assert labels[cut].bincount(minlength=4).tolist() == expected


def test_the_split_depends_on_the_split_seed_and_not_on_the_run_seed() -> None:
    one, other = opened(SYNTHETIC, seed=0), opened(SYNTHETIC, seed=1)
    assert torch.equal(one.val_index, other.val_index)
    moved = opened(replace(SYNTHETIC, split_seed=1))
    assert not torch.equal(one.val_index, moved.val_index)
    assert len(one.val_index) == len(moved.val_index) == 18


def test_a_share_of_one_or_more_is_refused() -> None:
    with pytest.raises(ValueError, match=r"came 1\.5"):
        stratified(torch.tensor([0, 1]), 1.5)


def test_validation_and_test_yield_every_image_once_in_order_and_normalised() -> None:
    spec = replace(SYNTHETIC, pad=2, flip=True, mean=[0.1, 0.2, 0.3], std=[0.2, 0.3, 0.4])
    module = opened(spec)
    x, y = gathered(module.val_dataloader())
    assert torch.equal(raw(x, spec), module.data.train_x[module.val_index])
    assert torch.equal(y, module.data.train_y[module.val_index])
    x, y = gathered(module.test_dataloader())
    assert torch.equal(raw(x, spec), module.data.test_x)
    assert torch.equal(y, module.data.test_y)


def test_a_training_pass_sees_each_image_of_the_split_once_in_an_order_of_its_epoch() -> None:
    loader = opened(SYNTHETIC).train_dataloader()
    first, second = (torch.cat(list(loader.order(epoch))) for epoch in (0, 1))
    assert not torch.equal(first, second)
    assert torch.equal(first.sort().values, opened(SYNTHETIC).train_index)
    assert torch.equal(first.sort().values, second.sort().values)
    assert [len(batch) for batch in loader.order(0)] == [16] * 4 + [8]
    assert len(loader) == len(list(loader)) == 5
    assert len(opened(SYNTHETIC, drop_last=True).train_dataloader()) == 4


@pytest.mark.parametrize("world", [2, 3, 8])
def test_the_devices_together_see_the_global_batch_of_one(world: int) -> None:
    alone = opened(replace(SYNTHETIC, flip=True, pad=1))
    parts = [opened(replace(SYNTHETIC, flip=True, pad=1)) for _ in range(world)]
    for rank, part in enumerate(parts):
        part.place = Place(rank, world)
    for name in ("train_dataloader", "val_dataloader", "test_dataloader"):
        whole = gathered(getattr(alone, name)())
        loaders = [list(getattr(part, name)()) for part in parts]
        assert len({len(loader) for loader in loaders}) == 1
        assert all(len(y) for loader in loaders for _, y in loader)
        batches = [
            (torch.cat([x for x, _ in step]), torch.cat([y for _, y in step]))
            for step in zip(*loaders, strict=True)
        ]
        if name == "train_dataloader":
            for (x, y), (global_x, global_y) in zip(batches, alone.train_dataloader(), strict=True):
                assert torch.equal(y.sort().values, global_y.sort().values)
                assert rows(x) == rows(global_x)
        assert rows(torch.cat([x for x, _ in batches])) == rows(whole[0])


def test_a_last_batch_smaller_than_the_number_of_devices_is_left_out_of_training() -> None:
    module = opened(replace(SYNTHETIC, val_fraction=0.0), batch_size=44)
    assert [len(batch) for batch in module.train_dataloader().order(0)] == [44, 44, 2]
    module.place = Place(0, 3)
    assert len(module.train_dataloader()) == 2


def test_a_split_that_makes_no_batch_is_refused() -> None:
    module = opened(SYNTHETIC, batch_size=128, drop_last=True)
    with pytest.raises(ValueError, match="drop_last"):
        module.train_dataloader()


def test_the_test_labels_reach_nothing_but_the_test_loader() -> None:
    data = opened(SYNTHETIC).data
    shuffled = replace(data, test_y=data.test_y.flip(0))
    one, other = (TensorData(d, SYNTHETIC, Recipe(batch_size=16), seed=0) for d in (data, shuffled))
    for read in (ImageData.train_dataloader, ImageData.val_dataloader):
        for ours, theirs in zip(gathered(read(one)), gathered(read(other)), strict=True):
            assert torch.equal(ours, theirs)
    for (x, y), (u, v) in zip(one.calibration(3, 8), other.calibration(3, 8), strict=True):
        assert torch.equal(x, u)
        assert torch.equal(y, v)
    assert not torch.equal(gathered(one.test_dataloader())[1], gathered(other.test_dataloader())[1])


def test_calibration_gives_plain_training_images_chosen_by_the_seed() -> None:
    module = opened(replace(SYNTHETIC, pad=2, flip=True))
    batches = module.calibration(4, 16, device="cpu", seed=5)
    assert [x.shape for x, _ in batches] == [(16, 3, 8, 8)] * 4
    seen = rows(raw(torch.cat([x for x, _ in batches]), SYNTHETIC))
    train = rows(module.data.train_x[module.train_index])
    assert len(set(seen)) == 64
    assert set(seen) <= set(train)
    assert rows(module.calibration(4, 16, seed=5)[0][0]) == rows(batches[0][0])
    assert rows(module.calibration(4, 16, seed=6)[0][0]) != rows(batches[0][0])
    twice = module.calibration(9, 16, seed=0)
    assert len(set(rows(torch.cat([x for x, _ in twice])))) == len(train) == 72
