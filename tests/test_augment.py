"""The augmentation path against plain per-image formulas, and what its randomness depends on."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from datamodules.augment import Normalise, draw_views, padded, take_views
from datamodules.erasing import draw_boxes, erase
from datamodules.images import Images
from datamodules.mixing import mix
from datamodules.randaugment import OPERATIONS, draw_operations, operations, randaugment
from datamodules.spec import DataSpec
from datamodules.tensors import TensorData
from lightning_modules.recipe import Recipe

SPEC = DataSpec(num_classes=5, image_size=12, pad=3, flip=True, val_fraction=0.2)
CPU = torch.device("cpu")


def pictures(count: int, *, size: int = 12, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    shape = (count, 3, size, size)
    return torch.randint(256, shape, generator=generator, dtype=torch.uint8)


def data(*, seed: int = 0, **recipe: Any) -> TensorData:
    y = torch.arange(60) % 5
    images = Images(pictures(60), y, pictures(20, seed=1), y[:20])
    return TensorData(images, SPEC, replace(Recipe(batch_size=16), **recipe), seed=seed)


def by_sample(module: TensorData) -> dict[int, Tensor]:
    """Every training image of the pass, by its index."""
    loader = module.train_dataloader()
    order = torch.cat(list(loader.order(module.epoch_offset))).tolist()
    return dict(zip(order, torch.cat([x for x, _ in loader]), strict=True))


def same(one: dict[int, Tensor], other: dict[int, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[i], other[i]) for i in one)


def test_a_view_is_the_padded_image_sliced_and_flipped() -> None:
    x = pictures(40)
    views = draw_views(40, pad=3, flip=True, seed=5, epoch=2)
    index = torch.tensor([7, 3, 39, 0, 12, 12])
    came = take_views(padded(x, 3), index, views[index], size=12)
    for row, sample in enumerate(index.tolist()):
        top, left, flipped = views[sample].tolist()
        expected = F.pad(x[sample], (3, 3, 3, 3))[:, top : top + 12, left : left + 12]
        expected = expected.flip(2) if flipped else expected
        assert torch.equal(came[row], expected)


def test_the_views_are_uniform_and_half_of_them_flipped() -> None:
    views = draw_views(20_000, pad=2, flip=True, seed=0, epoch=0)
    for corner in (views[:, 0], views[:, 1]):
        shares = torch.bincount(corner, minlength=5) / 20_000
        assert len(shares) == 5
        assert (shares - 0.2).abs().max() < 0.015
    assert abs(views[:, 2].float().mean().item() - 0.5) < 0.015
    correlation = torch.corrcoef(views.T.float())
    assert (correlation - torch.eye(3)).abs().max() < 0.03


def test_without_flip_and_pad_the_images_stay_as_they_are() -> None:
    x = pictures(10)
    views = draw_views(10, pad=0, flip=False, seed=0, epoch=0)
    assert torch.equal(take_views(x, torch.arange(10), views, size=12), x)


def test_switching_flips_off_leaves_the_crops_alone() -> None:
    on = draw_views(50, pad=3, flip=True, seed=0, epoch=0)
    off = draw_views(50, pad=3, flip=False, seed=0, epoch=0)
    assert torch.equal(on[:, :2], off[:, :2])
    assert not off[:, 2].any()


def test_normalising_is_dividing_by_255_subtracting_the_mean_and_dividing_by_the_deviation() -> (
    None
):
    x, mean, std = pictures(6), [0.4914, 0.4822, 0.4465], [0.2023, 0.1994, 0.2010]
    came = Normalise(mean, std, CPU)(x)
    m, s = (torch.tensor(v, dtype=torch.float64).view(1, 3, 1, 1) for v in (mean, std))
    assert came.dtype == torch.float32
    torch.testing.assert_close(came.double(), (x.double() / 255 - m) / s, rtol=0, atol=2e-6)


@pytest.mark.parametrize("recipe", [{}, {"erasing": 0.5}, {"randaugment": 9, "erasing": 0.5}])
def test_a_sample_gets_the_same_draws_whatever_the_batch_size(recipe: dict[str, Any]) -> None:
    assert same(by_sample(data(**recipe)), by_sample(data(**recipe, batch_size=7)))


def test_other_epochs_and_other_seeds_give_other_draws() -> None:
    first, again, later = data(), data(), data()
    later.epoch_offset = 1
    assert same(by_sample(first), by_sample(again))
    assert not same(by_sample(first), by_sample(later))
    assert not same(by_sample(first), by_sample(data(seed=1)))


def test_the_global_generators_are_neither_read_nor_moved() -> None:
    recipe: dict[str, Any] = {"randaugment": 9, "erasing": 0.5, "mixup": 0.2, "cutmix": 1.0}
    torch.manual_seed(1)
    one = by_sample(data(**recipe))
    before = torch.manual_seed(2).get_state()
    other = by_sample(data(**recipe))
    assert same(one, other)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_erasing_zeroes_exactly_the_box() -> None:
    x = torch.rand(30, 3, 12, 12) + 1
    boxes = draw_boxes(30, probability=0.7, size=12, seed=3, epoch=1)
    came = erase(x.clone(), boxes)
    for image, (top, left, bottom, right), original in zip(came, boxes.tolist(), x, strict=True):
        expected = original.clone()
        expected[:, top:bottom, left:right] = 0
        assert torch.equal(image, expected)


def test_boxes_come_with_the_asked_probability_area_and_shape() -> None:
    boxes = draw_boxes(20_000, probability=0.25, size=224, seed=0, epoch=0)
    drawn = boxes[boxes.any(1)].double()
    assert abs(len(drawn) / 20_000 - 0.25) < 0.01
    height, width = drawn[:, 2] - drawn[:, 0], drawn[:, 3] - drawn[:, 1]
    area, ratio = height * width / 224**2, height / width
    assert drawn.min() >= 0
    assert drawn.max() <= 224
    assert 0.018 < area.min() < 0.03
    assert 0.32 < area.max() < 0.34
    assert abs(area.mean().item() - 0.175) < 0.005
    assert 0.29 < ratio.min() < 0.32
    assert 3.1 < ratio.max() < 3.45
    assert abs(ratio.log().mean().item()) < 0.03


def test_mixup_is_the_convex_sum_with_the_sample_before() -> None:
    x, y = torch.rand(6, 3, 4, 4), torch.tensor([0, 1, 2, 3, 4, 0])
    lam = Random(8).betavariate(0.4, 0.4)
    mixed, soft = mix(x, y, num_classes=5, mixup=0.4, cutmix=0.0, rng=Random(8))
    for i in range(6):
        expected = torch.zeros(5)
        expected[y[i]] += lam
        expected[y[i - 1]] += 1 - lam
        torch.testing.assert_close(mixed[i], lam * x[i] + (1 - lam) * x[i - 1])
        torch.testing.assert_close(soft[i], expected)


def test_cutmix_labels_say_which_share_of_the_pixels_is_whose() -> None:
    y = torch.arange(5)
    x = y.float().view(5, 1, 1, 1).expand(5, 3, 10, 14).contiguous()
    shares = []
    for seed in range(50):
        mixed, soft = mix(x, y, num_classes=5, mixup=0.0, cutmix=1.0, rng=Random(seed))
        for i in range(5):
            own = (mixed[i] == i).float().mean()
            other = (mixed[i] == (i - 1) % 5).float().mean()
            torch.testing.assert_close(soft[i, i], own)
            torch.testing.assert_close(soft[i, i - 1], other)
        shares.append(soft[0, 0].item())
    assert min(shares) < 0.4
    assert max(shares) > 0.95


def test_soft_labels_sum_to_one_and_both_mixings_take_turns() -> None:
    module = data(mixup=0.2, cutmix=1.0)
    for _, soft in module.train_dataloader():
        assert soft.shape[1] == 5
        torch.testing.assert_close(soft.sum(1), torch.ones(len(soft)))
    x, y = torch.rand(4, 3, 8, 8), torch.arange(4)
    cut = []
    for seed in range(100):
        mixed, _ = mix(x, y, num_classes=5, mixup=1.0, cutmix=1.0, rng=Random(seed))
        cut.append(bool(((mixed == x) | (mixed == x.roll(1, 0))).all()))
    assert 35 < sum(cut) < 65


def test_mixing_differs_from_batch_to_batch_and_from_epoch_to_epoch() -> None:
    module = data(mixup=1.0)
    first = [soft[soft > 0].min().item() for _, soft in module.train_dataloader()]
    module.epoch_offset = 1
    second = [soft[soft > 0].min().item() for _, soft in module.train_dataloader()]
    assert len(set(first + second)) == len(first + second)


def test_mixing_without_an_alpha_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        mix(
            torch.rand(2, 1, 2, 2),
            torch.tensor([0, 1]),
            num_classes=2,
            mixup=0,
            cutmix=0,
            rng=Random(),
        )


@pytest.mark.parametrize("magnitude", [9, 16, 20])
def test_every_picture_that_torchvisions_randaugment_makes_is_one_of_ours(magnitude: int) -> None:
    from torchvision.transforms.v2 import RandAugment

    image = F.interpolate(pictures(1, size=5), (20, 20), mode="bilinear")
    table = operations(magnitude, size=20)
    ours = {
        (number, sign): operation(image, sign)
        for number, operation in enumerate(table)
        for sign in (1, -1)
    }
    theirs, hit = RandAugment(num_ops=1, magnitude=magnitude), set()
    with torch.random.fork_rng():
        for seed in range(300):
            torch.manual_seed(seed)
            made = theirs(image)
            matches = {key for key, picture in ours.items() if torch.equal(picture, made)}
            assert matches
            hit |= matches
    assert hit == set(ours)


def test_randaugment_treats_each_image_by_itself() -> None:
    x = pictures(24)
    drawn = draw_operations(24, seed=0, epoch=0)
    together = randaugment(x, drawn, magnitude=9)
    table = operations(9, size=12)
    for i in range(24):
        alone = x[i : i + 1]
        for choice in drawn[i].tolist():
            alone = table[choice // 2](alone, -1 if choice % 2 else 1)
        assert torch.equal(together[i], alone[0])


def test_randaugment_draws_every_operation_equally_often() -> None:
    drawn = draw_operations(14_000, seed=0, epoch=0)
    shares = torch.bincount(drawn.flatten() // 2, minlength=OPERATIONS) / drawn.numel()
    assert len(shares) == OPERATIONS
    assert (shares * OPERATIONS - 1).abs().max() < 0.1


def test_channels_last_changes_the_layout_and_not_a_value() -> None:
    plain = next(iter(data().train_dataloader()))
    laid = data()
    laid.recipe = replace(laid.recipe, channels_last=True)
    x, y = next(iter(laid.train_dataloader()))
    assert x.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(x, plain[0])
    assert torch.equal(y, plain[1])
