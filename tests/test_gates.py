"""Gates against their formulas in numpy, their values at the start, and what they refuse."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_modules.attention._maps import gated, mean_hw
from lightning_modules.attention._moments import mean_and_std
from lightning_modules.attention.coord import CoordinateAttention
from lightning_modules.attention.ge import GatherExcite
from lightning_modules.attention.ie import InstanceEnhancement
from lightning_modules.attention.simam import SimpleAttention
from lightning_modules.attention.spa import SpatialPyramidAttention
from lightning_modules.attention.srm import StyleRecalibration

Array = Any
HALF, IE_START = 0.5, 0.2689414213699951  # sigmoid(0), sigmoid(-1)


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def maps(channels: int, height: int = 6, width: int = 6) -> Tensor:
    """Three images whose channels differ in mean and spread."""
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(3, channels, height, width, dtype=torch.double, generator=generator)
    scale = torch.rand(3, channels, 1, 1, dtype=torch.double, generator=generator)
    return x * (0.2 + scale) + 2 * scale


def shuffled(module: nn.Module) -> nn.Module:
    """In double precision, with no parameter and no statistic at its start."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for tensor in (*module.parameters(), *module.buffers()):
            if tensor.is_floating_point():
                tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.1)
    return module.double()


def values(module: nn.Module) -> dict[str, Array]:
    return {name: tensor.detach().numpy() for name, tensor in module.state_dict().items()}


def normed(z: Array, of: dict[str, Array], *, training: bool) -> Array:
    """Batch norm of (B, C) or (B, C, L); the parameters are called norm.*"""
    over = (0, *range(2, z.ndim))
    shape = (1, -1, *(1 for _ in range(2, z.ndim)))
    mean, var = of["norm.running_mean"], of["norm.running_var"]
    if training:
        mean, var = z.mean(over), z.var(over)
    unit = (z - mean.reshape(shape)) / np.sqrt(var.reshape(shape) + 1e-5)
    return unit * of["norm.weight"].reshape(shape) + of["norm.bias"].reshape(shape)


def same(got: Tensor, expected: Array) -> None:
    np.testing.assert_allclose(got.detach().numpy(), expected, rtol=1e-8, atol=1e-12)


# ----------------------------------------------------------------------- statistics and factors


def gradients(function: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    """The first and second gradient of a function, each along fixed weights."""
    x = x.clone().requires_grad_()
    y = function(x)
    (first,) = torch.autograd.grad((y * noise(y)).sum(), x, create_graph=True)
    if not first.requires_grad:
        return first, torch.zeros_like(x)
    (second,) = torch.autograd.grad((first * noise(x)).sum(), x)
    return first, second


def noise(like: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.randn(like.shape, dtype=like.dtype, generator=generator)


def test_the_mean_and_its_gradient_are_those_of_torch() -> None:
    x = maps(5, 4, 7)
    torch.testing.assert_close(mean_hw(x), x.mean((2, 3)))
    torch.testing.assert_close(gradients(mean_hw, x), gradients(lambda x: x.mean((2, 3)), x))


def test_a_gated_map_keeps_the_dtype_of_the_map() -> None:
    x = maps(5).to(torch.bfloat16)
    assert gated(x, torch.rand(3, 5)).dtype == torch.bfloat16


@pytest.mark.parametrize(("height", "width"), [(6, 6), (2, 5), (1, 1)])
def test_mean_and_deviation_are_those_of_torch(height: int, width: int) -> None:
    x = maps(4, height, width)
    mean, std = mean_and_std(x, eps=1e-2)
    var = x.var((2, 3)) if height * width > 1 else torch.zeros(3, 4).double()
    same(mean, x.mean((2, 3)).numpy())
    same(std, (var + 1e-2).sqrt().numpy())


@pytest.mark.parametrize("weights", [(1.0, 0.0), (0.0, 1.0), (0.5, -2.0)])
def test_mean_and_deviation_have_the_gradients_of_torch(weights: tuple[float, float]) -> None:
    def ours(x: Tensor) -> Tensor:
        mean, std = mean_and_std(x, eps=1e-2)
        return (weights[0] * mean + weights[1] * std).square()

    def plain(x: Tensor) -> Tensor:
        std = (x.var((2, 3)) + 1e-2).sqrt()
        return (weights[0] * x.mean((2, 3)) + weights[1] * std).square()

    x = maps(4, 4, 3)
    torch.testing.assert_close(gradients(ours, x), gradients(plain, x))


def test_without_values_the_shapes_are_known() -> None:
    mean, std = mean_and_std(torch.empty(3, 4, 5, 6, device="meta"), eps=1e-5)
    assert mean.shape == std.shape == (3, 4)


# ----------------------------------------------------------------------------------- formulas


@pytest.mark.parametrize("training", [True, False])
def test_srm_equals_its_formula(training: bool) -> None:
    module = shuffled(StyleRecalibration(8)).train(training)
    of, x = values(module), maps(8).numpy()
    std = np.sqrt(x.var((2, 3), ddof=1) + 1e-5)
    z = of["weight"][0] * x.mean((2, 3)) + of["weight"][1] * std
    expected = x * sigmoid(normed(z, of, training=training))[:, :, None, None]
    same(module(torch.from_numpy(x)), expected)


def test_ie_equals_its_formula() -> None:
    module = shuffled(InstanceEnhancement(8))
    of, x = values(module), maps(8).numpy()
    gate = sigmoid(of["weight"] * x.mean((2, 3)) + of["bias"])
    same(module(torch.from_numpy(x)), x * gate[:, :, None, None])


@pytest.mark.parametrize("e_lambda", [1e-4, 0.1])
@pytest.mark.parametrize(("height", "width"), [(6, 6), (2, 1)])
def test_simam_equals_its_formula(e_lambda: float, height: int, width: int) -> None:
    x = maps(8, height, width).numpy()
    d = (x - x.mean((2, 3), keepdims=True)) ** 2
    v = d.sum((2, 3), keepdims=True) / (height * width - 1)
    expected = x * sigmoid(d / (4 * (v + e_lambda)) + 0.5)
    same(SimpleAttention(8, e_lambda=e_lambda)(torch.from_numpy(x)), expected)


def test_simam_has_the_gradients_of_its_formula() -> None:
    def plain(x: Tensor) -> Tensor:
        d = (x - x.mean((2, 3), keepdim=True)).square()
        v = d.sum((2, 3), keepdim=True) / (4 * 3 - 1)
        return x * torch.sigmoid(d / (4 * (v + 1e-4)) + 0.5)

    x = maps(2, 4, 3)
    torch.testing.assert_close(gradients(SimpleAttention(2), x), gradients(plain, x))


def test_the_only_position_of_a_map_does_not_stand_out() -> None:
    x = maps(4, 1, 1)
    same(SimpleAttention(4)(x), x.numpy() * sigmoid(0.5))


def region(x: Array, row: int, column: int, side: int) -> Array:
    """Mean over one of side x side regions, with torch's borders: they overlap where needed."""
    (top, bottom), (left, right) = (
        (math.floor(at * length / side), math.ceil((at + 1) * length / side))
        for at, length in zip((row, column), x.shape[2:], strict=True)
    )
    return x[:, :, top:bottom, left:right].mean((2, 3))


@pytest.mark.parametrize(("height", "width"), [(8, 8), (4, 12), (7, 7), (6, 4), (2, 3)])
def test_spa_equals_its_formula(height: int, width: int) -> None:
    module = shuffled(SpatialPyramidAttention(8, reduction=4))
    of, x = values(module), maps(8, height, width).numpy()
    levels = [
        np.stack([region(x, row, col, side) for row, col in np.ndindex(side, side)], 2)
        for side in (1, 2, 4)
    ]
    regions = np.concatenate([level.reshape(3, -1) for level in levels], 1)
    hidden = np.maximum(regions @ of["squeeze.weight"].T, 0)
    gate = sigmoid(hidden @ of["excite.weight"].T)
    same(module(torch.from_numpy(x)), x * gate[:, :, None, None])


@pytest.mark.parametrize("training", [True, False])
def test_coordinate_attention_equals_its_formula(training: bool) -> None:
    module = shuffled(CoordinateAttention(8, reduction=2, min_channels=3)).train(training)
    of, x = values(module), maps(8, 5, 7).numpy()

    def conv(name: str, t: Array) -> Array:
        weight, bias = of[f"{name}.weight"][:, :, 0], of[f"{name}.bias"]
        return np.einsum("oc,bcl->bol", weight, t) + bias[:, None]

    assert of["squeeze.weight"].shape == (4, 8, 1)
    t = conv("squeeze", np.concatenate([x.mean(3), x.mean(2)], 2))
    t = normed(t, of, training=training)
    t = t * np.clip(t + 3, 0, 6) / 6
    rows, columns = sigmoid(conv("rows", t[:, :, :5])), sigmoid(conv("columns", t[:, :, 5:]))
    same(module(torch.from_numpy(x)), x * rows[:, :, :, None] * columns[:, :, None, :])


@pytest.mark.parametrize(("channels", "hidden"), [(16, 8), (256, 8), (512, 16), (2048, 64)])
def test_coordinate_attention_has_at_least_eight_hidden_channels(
    channels: int, hidden: int
) -> None:
    assert CoordinateAttention(channels).squeeze.out_channels == hidden


@pytest.mark.parametrize("training", [True, False])
def test_the_gather_is_a_depthwise_convolution_of_the_whole_map(training: bool) -> None:
    module = shuffled(GatherExcite(8, size=6)).train(training)
    of, x = values(module), maps(8)
    gathered = F.conv2d(x, module.weight[:, None], groups=8)
    assert gathered.shape == (3, 8, 1, 1)
    gate = sigmoid(normed(gathered.detach().numpy()[:, :, 0, 0], of, training=training))
    same(module(x), x.numpy() * gate[:, :, None, None])


def test_a_gather_without_parameters_is_the_mean() -> None:
    module, x = GatherExcite(8, size=4, gather="theta_minus"), maps(8).numpy()
    assert not module.state_dict()
    same(module(torch.from_numpy(x)), x * sigmoid(x.mean((2, 3), keepdims=True)))


def test_gather_weights_start_as_the_authors() -> None:
    # "msra": variance 2 / fan-in, and the fan-in of a depthwise convolution is its kernel
    torch.manual_seed(0)
    weight = GatherExcite(64, size=16).weight
    assert weight.std().item() == pytest.approx(math.sqrt(2) / 16, rel=0.02)


@pytest.mark.parametrize("size", [(5, 6), (1, 1), (7, 7)])
def test_a_gather_for_another_map_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=rf"maps of \(8, 6, 6\); came \(8, {size[0]}, {size[1]}\)"):
        GatherExcite(8, size=6)(maps(8, *size))


# ------------------------------------------------------------------------- values at the start


@pytest.mark.parametrize(
    ("module", "gate"),
    [(StyleRecalibration(8), HALF), (InstanceEnhancement(8), IE_START)],
    ids=["srm", "ie"],
)
def test_a_gate_starts_at_its_published_value(module: nn.Module, gate: float) -> None:
    x = maps(8)
    same(module.double()(x), x.numpy() * gate)


# ------------------------------------------------------------------------------ sizes, refusals


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (StyleRecalibration(64), 4 * 64),
        (InstanceEnhancement(64), 2 * 64),
        (SimpleAttention(64), 0),
        (SpatialPyramidAttention(64), 22 * 64 * 4),
        (CoordinateAttention(64), 3 * 64 * 8 + 2 * 64 + 3 * 8),
        (CoordinateAttention(1024), 3 * 1024 * 32 + 2 * 1024 + 3 * 32),
        (GatherExcite(64, size=8), 64 * (64 + 2)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else str(value),
)
def test_parameters_are_as_counted_by_hand(module: nn.Module, expected: int) -> None:
    assert sum(p.numel() for p in module.parameters()) == expected


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: SpatialPyramidAttention(8, reduction=0), "reduction"),
        (lambda: CoordinateAttention(8, reduction=0), "reduction"),
        (lambda: CoordinateAttention(8, min_channels=0), "min_channels"),
        (lambda: SimpleAttention(8, e_lambda=0.0), "e_lambda"),
        (lambda: GatherExcite(8, size=4, gather="mean"), "gather"),  # type: ignore[arg-type]
    ],
)
def test_an_impossible_option_is_refused_by_name(make: Any, name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is .*; came"):
        make()
