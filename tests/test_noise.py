"""Training under noise: what every batch norm gets to see, and that it is the same noise again."""

from __future__ import annotations

import copy
import pickle
from contextlib import nullcontext
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import TINY, TRAINER, cell, cells
from small import EPOCHS, SPEC, STEPS, Training, network, same
from timm.layers import BatchNormAct2d
from torch import Tensor, nn

from datamodules.batches import Batch, Place
from datamodules.module import ImageData
from datamodules.open import open_data
from datamodules.spec import DataSpec
from lightning_modules.attention.iebn import InstanceEnhancementBatchNorm
from lightning_modules.classifier import Classifier, Phase
from lightning_modules.fit import evaluate, fit
from lightning_modules.noise import ConstantNoise, constant
from lightning_modules.recipe import Noise, Recipe, noise_of
from sweeps.errors import UserError
from sweeps.execute import Context, execute
from sweeps.phases import Phases
from sweeps.record import RunPaths
from sweeps.workbench import Workbench

MIX = {"kind": "mix", "share": 0.4}
CONSTANT = {"kind": "constant", "scale": 0.5, "shift": 2.0}


def drawn(norm: nn.BatchNorm2d) -> nn.BatchNorm2d:
    """The norm with parameters and running statistics that tell every place apart."""
    torch.manual_seed(0)
    for tensor in norm.state_dict().values():
        if tensor.is_floating_point():
            tensor.uniform_(0.5, 1.5)
    return norm


def normalised(norm: nn.BatchNorm2d, x: Tensor) -> Tensor:
    mean, var = norm.running_mean, norm.running_var
    if norm.training:
        mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
    assert mean is not None
    assert var is not None
    return (x - mean[:, None, None]) / (var[:, None, None] + norm.eps).sqrt()


def by_hand(norm: nn.BatchNorm2d, x: Tensor, scale: float, shift: float) -> Tensor:
    gamma = norm.weight[:, None, None] if norm.affine else torch.ones(())
    beta = norm.bias[:, None, None] if norm.affine else torch.zeros(())
    if isinstance(norm, InstanceEnhancementBatchNorm):
        gate = (norm.gate_weight * x.mean((2, 3)) + norm.gate_bias).sigmoid()
        gamma = gamma * gate[:, :, None, None]
    y = gamma * (scale * normalised(norm, x) + shift) + beta
    return y.relu() if isinstance(norm, BatchNormAct2d) else y


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize(
    "norm",
    [
        nn.BatchNorm2d(3),
        nn.BatchNorm2d(3, affine=False),
        BatchNormAct2d(3),
        InstanceEnhancementBatchNorm(3),
    ],
    ids=["plain", "without affine", "fused with its activation", "iebn"],
)
def test_constant_noise_scales_and_shifts_what_was_normalised(
    norm: nn.BatchNorm2d, training: bool
) -> None:
    norm = drawn(copy.deepcopy(norm)).train(training)
    x = 3 * torch.randn(4, 3, 5, 5, generator=torch.Generator().manual_seed(1)) + 1
    silent, expected = copy.deepcopy(norm), by_hand(norm, x, 0.7, -0.4)
    with ConstantNoise(0.7, -0.4):
        torch.testing.assert_close(norm(x), expected)
    silent(x)
    for name, tensor in silent.state_dict().items():
        assert torch.equal(norm.state_dict()[name], tensor), "noise does not touch the statistics"


def test_constant_noise_ends_with_its_block_and_leaves_nothing_in_the_network() -> None:
    model, x = network().eval(), torch.randn(2, 3, 8, 8)
    before, keys = model(x), list(model.state_dict())
    noise = pickle.loads(pickle.dumps(constant(Noise(**CONSTANT))))
    with noise:
        assert not torch.equal(model(x), before)
    with pytest.raises(RuntimeError), noise:
        model(x[:, :2])
    assert torch.equal(model(x), before)
    assert list(model.state_dict()) == keys


def test_constant_noise_keeps_the_precision_of_mixed_precision() -> None:
    norm, x = nn.BatchNorm2d(3), torch.randn(4, 3, 5, 5, dtype=torch.bfloat16)
    for one in (norm, nn.BatchNorm2d(3, affine=False)):
        with ConstantNoise(0.7, -0.4):
            assert one(x).dtype == one(x.clone()).dtype == torch.bfloat16


def test_a_network_is_trained_and_tested_under_the_same_constant_noise(tmp_path: Path) -> None:
    found = Training(tmp_path, {"noise": CONSTANT})()
    assert not same(found, Training(tmp_path / "silent")())
    model, data = network(), open_data(SPEC, folder=tmp_path, recipe=Recipe(), seed=0)
    model.load_state_dict(found["state"])
    noise = Noise(**CONSTANT)
    tested = evaluate(Classifier(model, 6, noise=noise), data, TRAINER, "32-true")
    model.eval()
    with torch.no_grad(), constant(noise):
        pairs = [(model(x), y) for x, y in data.test_dataloader()]
    logits, labels = (torch.cat(part) for part in zip(*pairs, strict=True))
    loss = nn.functional.cross_entropy(logits, labels).item()
    assert tested["loss"] == pytest.approx(loss)
    assert evaluate(Classifier(model, 6), data, TRAINER, "32-true")["loss"] != pytest.approx(loss)


def test_a_cell_is_pruned_and_measured_under_the_noise_of_its_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attack = ("recipe.noise.kind=constant", "recipe.noise.shift=3")
    asked = cell(*TINY, *attack, "pruning=taylor", "pruning.sparsity=0.3")
    assert asked.parent is not None
    for one in (asked.parent, asked):
        record = execute(one, Context(tmp_path, tmp_path, TRAINER, tracking="none"))
        assert record["status"] == "done", record["error"]["traceback"]
    bench = Workbench(asked, RunPaths(tmp_path, asked.key), tmp_path, TRAINER)
    model, kept = bench.finished().eval(), bench.load("prune-0")["pruned"]
    with torch.no_grad(), constant(noise_of(asked.recipe.options)):
        hits = torch.cat([model(x).argmax(1) == y for x, y in bench.data.test_dataloader()])
    assert record["result"]["accuracy"] == pytest.approx(hits.float().mean().item())
    monkeypatch.setattr("sweeps.phases.constant", lambda noise: nullcontext())
    bench.paths.weights("prune-0").unlink()
    Phases(bench).prune(0)
    assert str(bench.load("prune-0")["pruned"]) != str(kept)


def mixed(noise: Any = None, spec: DataSpec = SPEC, **recipe: Any) -> ImageData:
    asked = Recipe(batch_size=16, noise=noise or Noise(), **recipe)
    return open_data(spec, folder=Path(), recipe=asked, seed=0)


def passed(data: ImageData, epoch: int = 0) -> list[Batch]:
    data.epoch_offset = epoch
    return list(data.train_dataloader())


@pytest.mark.parametrize("size", [8, 12])
@pytest.mark.parametrize("source", ["synthetic", "digits"])
def test_mixed_noise_puts_images_without_labels_behind_a_batchs_own(source: str, size: int) -> None:
    spec = DataSpec(source, image_size=size, size=96, num_classes=10, pad=1)
    pairs = zip(passed(mixed(Noise(**MIX), spec)), passed(mixed(spec=spec)), strict=True)
    for (x, y), (own, labels) in pairs:
        assert torch.equal(y, labels)
        assert torch.equal(x[: len(y)], own)
        assert len(x) == len(y) + round(len(y) * 2 / 3)
        others = x[len(y) :]
        assert others.isfinite().all()
        assert not any(torch.equal(one, other) for one in others for other in own)


def test_mixed_noise_is_drawn_from_seed_epoch_batch_and_device_alone() -> None:
    data = mixed(MIX, mixup=0.8, channels_last=True)
    one, later = passed(data), passed(data, epoch=1)
    again = mixed(MIX, mixup=0.8, channels_last=True)
    torch.manual_seed(99)
    assert all(torch.equal(a[0], b[0]) for a, b in zip(one, passed(again), strict=True))
    assert one[0][0].is_contiguous(memory_format=torch.channels_last)
    again.place = Place(1, 2)
    drawn = [one[0][0][16:], one[1][0][16:], later[0][0][16:], passed(again)[0][0][8:]]
    for n, images in enumerate(drawn):
        assert not any(torch.equal(images[:5], other[:5]) for other in drawn[n + 1 :])


def test_evaluation_and_calibration_are_free_of_mixed_noise() -> None:
    noisy, clean = mixed(MIX), mixed()
    for one, other in (
        (noisy.val_dataloader(), clean.val_dataloader()),
        (noisy.test_dataloader(), clean.test_dataloader()),
        (noisy.calibration(2, 8), clean.calibration(2, 8)),
    ):
        assert all(torch.equal(a[0], b[0]) for a, b in zip(one, other, strict=True))


def test_foreign_images_count_in_batch_norm_and_not_in_the_loss(tmp_path: Path) -> None:
    model = network()
    model[3].p = 0.0
    plain = copy.deepcopy(model)
    rule = torch.optim.SGD(plain.parameters(), 0.02, 0.9, weight_decay=1e-4)
    for images, labels in passed(mixed(MIX)):
        rule.zero_grad()
        nn.functional.cross_entropy(plain(images)[: len(labels)], labels).backward()
        rule.step()
    options = vars(Recipe(batch_size=16, lr=0.02, epochs=1, schedule="constant"))
    classifier = Classifier(model, 6, Phase("fit", options, 1, 0))
    found = fit(classifier, mixed(MIX), Training(tmp_path).files, trainer=TRAINER)
    for name, tensor in plain.state_dict().items():
        torch.testing.assert_close(found["state"][name], tensor)


@pytest.mark.parametrize(
    ("noise", "pieces"), [(CONSTANT, 1), (MIX, 1), (MIX, 3)], ids=["constant", "mix", "in pieces"]
)
def test_training_that_is_stopped_after_every_batch_ends_the_same(
    noise: dict[str, Any], pieces: int, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"recipe": {"noise": noise}, "trainer": {"accumulate": pieces}}
    whole = Training(tmp_path / "whole", **options)()
    found, count = Training(tmp_path / "parts", **options).in_parts(repeat(1))
    assert count == EPOCHS * STEPS - 1
    assert same(found, whole)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("kind=gaussian", "noise.kind=gaussian: allowed are none, constant, mix"),
        ("share=1", r"noise.share=1.0: a share in \[0, 1\)"),
        ("share=-0.5", r"noise.share=-0.5: a share in \[0, 1\)"),
    ],
)
def test_impossible_noise_is_refused_when_it_is_planned(asked: str, message: str) -> None:
    with pytest.raises(UserError, match=f"recipe 'smoke': {message}"):
        cells("recipe=smoke", f"recipe.noise.{asked}")


def test_a_share_without_own_images_is_refused() -> None:
    with pytest.raises(ValueError, match=r"noise.share is a share in \[0, 1\); came 1"):
        mixed(Noise("mix", share=1.0))
