"""Attention modules against timm's, against published formulas, and counted by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from timm.layers import EcaModule, SEModule
from timm.layers.cbam import ChannelAttn, SpatialAttn
from torch import Tensor, nn

from lightning_modules.attention.cbam import ConvolutionalBlockAttention
from lightning_modules.attention.dia import DenseImplicitAttention
from lightning_modules.attention.eca import EfficientChannelAttention
from lightning_modules.attention.se import SqueezeExcitation
from lightning_modules.attention.sge import SpatialGroupEnhance


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def perceptron(layers: nn.Module, x: Any) -> Any:
    """linear, relu, linear; or one linear layer."""
    maps = [m for m in layers.modules() if isinstance(m, nn.Linear)]
    for number, layer in enumerate(maps):
        weight, bias = (p.detach().numpy() for p in layer.parameters())
        x = (np.maximum(x, 0) if number else x) @ weight.T + bias
    return x


def noise(channels: int, size: int = 6) -> Tensor:
    return torch.randn(3, channels, size, size, generator=torch.Generator().manual_seed(2))


def shuffled(module: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return module


def test_squeeze_excitation_equals_timm() -> None:
    ours, theirs = SqueezeExcitation(64, reduction=8), SEModule(64, rd_ratio=1 / 8, rd_divisor=1)
    for linear, conv in ((ours.squeeze, theirs.fc1), (ours.excite, theirs.fc2)):
        conv.weight.data = linear.weight.data[:, :, None, None]
        conv.bias.data = linear.bias.data
    x = noise(64)
    torch.testing.assert_close(ours(x), theirs(x))


@pytest.mark.parametrize(
    ("channels", "size"), [(12, 3), (16, 3), (64, 3), (128, 5), (256, 5), (1024, 5), (2048, 7)]
)
def test_efficient_channel_attention_equals_timm(channels: int, size: int) -> None:
    ours, theirs = EfficientChannelAttention(channels), EcaModule(channels)
    assert ours.conv.kernel_size == theirs.conv.kernel_size == (size,)
    theirs.conv.weight.data = ours.conv.weight.data
    x = noise(channels)
    torch.testing.assert_close(ours(x), theirs(x))


def test_a_larger_gamma_gives_a_shorter_kernel() -> None:
    # log2(2048) = 11: (11 + 1) / 2 = 6 -> 7, (11 + 1) / 4 = 3, (11 + 9) / 2 = 10 -> 11
    sizes = [
        EfficientChannelAttention(2048, gamma=g, b=b).conv.kernel_size[0]
        for g, b in ((2, 1), (4, 1), (2, 9))
    ]
    assert sizes == [7, 3, 11]


def test_cbam_equals_timm() -> None:
    ours = shuffled(ConvolutionalBlockAttention(64)).eval()
    channel, spatial = ChannelAttn(64, mlp_bias=True), SpatialAttn().eval()
    for index, conv in ((0, channel.fc1), (2, channel.fc2)):
        ours.mlp[index].weight.data *= 0.1
        conv.weight.data = ours.mlp[index].weight.data[:, :, None, None]
        conv.bias.data = ours.mlp[index].bias.data
    # timm stacks [mean, max] where the authors stack [max, mean].
    spatial.conv.conv.weight.data = ours.conv.weight.data.flip(1)
    spatial.conv.bn.load_state_dict(ours.norm.state_dict())
    x = noise(64)
    torch.testing.assert_close(ours(x), spatial(channel(x)))


def test_cbam_equals_its_formula() -> None:
    module = shuffled(ConvolutionalBlockAttention(12, reduction=4, kernel=3)).eval()
    with torch.no_grad():
        module.norm.running_mean.fill_(0.3)
        module.norm.running_var.fill_(2.0)
    x = noise(12).numpy()
    mlp = [perceptron(module.mlp, pooled) for pooled in (x.mean((2, 3)), x.max((2, 3)))]
    z = x * sigmoid(mlp[0] + mlp[1])[:, :, None, None]
    padded = np.pad(np.stack([z.max(1), z.mean(1)], 1), ((0, 0), (0, 0), (1, 1), (1, 1)))
    weight = module.conv.weight.detach().numpy()[0]
    place = np.zeros((3, 6, 6))
    for row, column in np.ndindex(6, 6):
        window = padded[:, :, row : row + 3, column : column + 3]
        place[:, row, column] = (window * weight).sum((1, 2, 3))
    gamma, beta = module.norm.weight.item(), module.norm.bias.item()
    place = (place - 0.3) / math.sqrt(2.0 + 1e-5) * gamma + beta
    expected = z * sigmoid(place)[:, None]
    np.testing.assert_allclose(module(torch.from_numpy(x)).detach(), expected, atol=1e-5)


def test_cbam_keeps_the_authors_slow_batch_norm() -> None:
    norm = ConvolutionalBlockAttention(64).norm
    assert (norm.num_features, norm.eps, norm.momentum) == (1, 1e-5, 0.01)


def test_spatial_group_enhance_equals_its_formula() -> None:
    module = shuffled(SpatialGroupEnhance(12, groups=3))
    x = noise(12).numpy().astype(np.float64)
    expected = np.empty_like(x)
    for n, g in np.ndindex(3, 3):
        group = x[n, 4 * g : 4 * g + 4]
        likeness = sum(channel * channel.mean() for channel in group)
        score = (likeness - likeness.mean()) / (likeness.std(ddof=1) + 1e-5)
        weight, bias = module.weight[g].item(), module.bias[g].item()
        expected[n, 4 * g : 4 * g + 4] = group * sigmoid(weight * score + bias)
    got = module.double()(torch.from_numpy(x)).detach()
    np.testing.assert_allclose(got, expected, rtol=1e-9)


def test_spatial_group_enhance_starts_at_the_sigmoid_of_one() -> None:
    x = noise(64)
    torch.testing.assert_close(SpatialGroupEnhance(64)(x), x * 0.7310585786300049)


@pytest.mark.parametrize(
    ("channels", "groups"), [(256, 64), (64, 16), (12, 3), (18, 3), (13, 1), (15, 3), (1, 1)]
)
def test_the_groups_divide_the_channels(channels: int, groups: int) -> None:
    assert SpatialGroupEnhance(channels).groups == groups
    assert SpatialGroupEnhance(channels)(noise(channels)).shape == (3, channels, 6, 6)


@pytest.mark.parametrize("reduction", [4, None])
def test_dia_equals_its_formula_over_three_blocks(reduction: int | None) -> None:
    module = DenseImplicitAttention(12, reduction=reduction)
    hidden = cell = np.zeros((3, 12), np.float32)
    state = None
    for seed in range(3):
        x = noise(12) * (1 + seed)
        gates = perceptron(module.from_input, x.mean((2, 3)).numpy())
        gates = gates + perceptron(module.from_hidden, hidden)
        i, f, g, o = (gates[:, 12 * k : 12 * k + 12] for k in range(4))
        cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
        hidden = sigmoid(o) * sigmoid(cell)
        y, state = module(x, state)
        expected = x.numpy() * hidden[:, :, None, None]
        np.testing.assert_allclose(y.detach(), expected, atol=1e-5)
        np.testing.assert_allclose(state[1].detach(), cell, atol=1e-5)


def test_the_gate_of_dia_is_about_one_quarter_at_the_start() -> None:
    gate = DenseImplicitAttention(64)(noise(64))[1][0]
    assert abs(gate.mean().item() - 0.25) < 0.01
    assert 0.1 < gate.min().item() < gate.max().item() < 0.4


def test_no_state_is_a_state_of_zeros() -> None:
    module = DenseImplicitAttention(16)
    zeros = torch.zeros(3, 16)
    x = noise(16)
    torch.testing.assert_close(module(x)[0], module(x, (zeros, zeros))[0])


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (SqueezeExcitation(64), 2 * 64 * 4 + 4 + 64),
        (SqueezeExcitation(12), 12 * 1 + 1 + 1 * 12 + 12),
        (EfficientChannelAttention(64), 3),
        (ConvolutionalBlockAttention(64), 2 * 64 * 4 + 4 + 64 + 2 * 49 + 2),
        (SpatialGroupEnhance(256), 128),
        (DenseImplicitAttention(64), 2 * (64 * 16 + 16 + 256 * 16 + 256)),
        (DenseImplicitAttention(64, reduction=20), 2 * (64 * 3 + 3 + 256 * 3 + 256)),
    ],
)
def test_parameters_are_as_counted_by_hand(module: nn.Module, expected: int) -> None:
    assert sum(p.numel() for p in module.parameters()) == expected


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: SqueezeExcitation(8, reduction=0), "reduction"),
        (lambda: ConvolutionalBlockAttention(8, reduction=0), "reduction"),
        (lambda: ConvolutionalBlockAttention(8, kernel=4), "kernel"),
        (lambda: EfficientChannelAttention(8, gamma=0), "gamma"),
        (lambda: SpatialGroupEnhance(8, groups=0), "groups"),
        (lambda: DenseImplicitAttention(8, reduction=-1), "reduction"),
    ],
)
def test_an_impossible_option_is_refused_by_name(make: Any, name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is .*; came"):
        make()
