"""Attention modules: the contract, for every file of the catalogue, and the published formulas."""

from __future__ import annotations

import ast
import copy
import io
import math
import re
from collections.abc import Sequence
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
from lightning_modules.catalog import Variant, catalog, load
from lightning_modules.structure import SLOTS

NAMES = [name for name, variant in catalog("attention").items() if variant.path]
CHANNELS = (12, 16, 64)
FACTS: dict[str, Sequence[object]] = {
    "layout": ("map", "tokens"),
    "slot": tuple(SLOTS),
    "sized": (False, True),
    "carries_state": (True, False),
    "shareable": (True, False),
    "stage_only": (True, False),
    "least_batch": (1, 2),
}


@pytest.fixture(params=NAMES)
def variant(request: pytest.FixtureRequest) -> Variant:
    return catalog("attention")[request.param]


def fresh(variant: Variant, channels: int, side: int = 8) -> nn.Module:
    """The module as it starts, with what its slot gives it."""
    given: dict[str, Any] = {"size": side} if variant.facts.get("sized") else {}
    if variant.facts.get("slot") == "conv":
        given["conv"] = nn.Conv2d(channels, channels, 3, padding=1)
    module: nn.Module = load(variant)(channels, **given)
    return module


def build(variant: Variant, channels: int, side: int = 8) -> nn.Module:
    """The module with weights away from their start, which may be zero."""
    torch.manual_seed(channels)
    module = fresh(variant, channels, side)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return module


def images(variant: Variant, channels: int, size: tuple[int, int] = (8, 8)) -> Tensor:
    x = torch.randn(4, channels, *size, generator=torch.Generator().manual_seed(1))
    return x if variant.facts.get("layout", "map") == "map" else x.flatten(2).transpose(1, 2)


def run(variant: Variant, module: nn.Module, x: Tensor) -> Tensor:
    """The output; where a state is carried, that of the second block of a stage."""
    if variant.facts.get("slot") == "step":
        return module(x, x.roll(1, 1))
    if not variant.facts.get("carries_state", False):
        return module(x)
    y, state = module(x, None)
    assert y.shape == x.shape
    return module(y, state)[0]


def header(variant: Variant) -> str:
    assert variant.path is not None
    return ast.get_docstring(ast.parse(variant.path.read_text())) or ""


# ------------------------------------------------------------------------------- the contract


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("size", [(8, 8), (1, 1), (5, 7), (1, 6)])
def test_shape_and_dtype_are_kept_and_all_is_finite(
    variant: Variant, channels: int, size: tuple[int, int]
) -> None:
    if variant.facts.get("sized"):
        size = (max(size), max(size))
    module = build(variant, channels, size[0])
    x = images(variant, channels, size).requires_grad_()
    y = run(variant, module, x)
    y.square().sum().backward()
    assert y.shape == x.shape
    assert y.dtype == x.dtype
    assert y.isfinite().all()
    assert x.grad is not None
    assert x.grad.isfinite().all()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, f"{name} has no gradient"
        assert parameter.grad.isfinite().all(), name


def test_what_cannot_train_on_one_image_declares_it(variant: Variant) -> None:
    module, one = build(variant, 64), images(variant, 64)[:1]
    if variant.facts.get("least_batch", 1) > 1:
        with pytest.raises(ValueError, match="more than 1 value"):
            run(variant, module, one)
    else:
        assert run(variant, module, one).isfinite().all()


def test_every_parameter_moves_the_output(variant: Variant) -> None:
    module = build(variant, 64).eval()
    y = run(variant, module, images(variant, 64).requires_grad_())
    (y * torch.randn_like(y)).sum().backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, f"{name} has no gradient"
        assert parameter.grad.count_nonzero() > 0, f"{name} has a gradient of zeros"


def test_a_constant_map_has_finite_gradients(variant: Variant) -> None:
    module = build(variant, 16)
    x = torch.zeros_like(images(variant, 16)).requires_grad_()
    run(variant, module, x).sum().backward()
    assert x.grad is not None
    for tensor in (x, *module.parameters()):
        assert tensor.grad is None or tensor.grad.isfinite().all()


def test_float64_stays_float64(variant: Variant) -> None:
    module = build(variant, 16).double()
    x = images(variant, 16).double()
    assert run(variant, module, x).dtype == torch.float64


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_dtype_is_kept_under_bfloat16_autocast(variant: Variant, dtype: torch.dtype) -> None:
    module = build(variant, 16)
    x = images(variant, 16).to(dtype)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = run(variant, module, x)
    # What stands for a convolution gives, as a convolution, the dtype that autocast computes in.
    assert y.dtype == (torch.bfloat16 if variant.facts.get("slot") == "conv" else dtype)
    assert y.isfinite().all()


def test_channels_last_changes_the_layout_and_not_a_value(variant: Variant) -> None:
    module = build(variant, 16).eval()
    x = images(variant, 16)
    laid = x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x
    torch.testing.assert_close(run(variant, module, laid), run(variant, module, x))


def test_eval_is_deterministic_and_changes_nothing(variant: Variant) -> None:
    module = build(variant, 16).eval()
    before = copy.deepcopy(module.state_dict())
    x = images(variant, 16)
    kept = x.clone()
    first, second = run(variant, module, x), run(variant, module, x)
    assert torch.equal(first, second)
    assert torch.equal(x, kept), "the input was changed in place"
    after = module.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_eval_treats_each_image_alone(variant: Variant) -> None:
    module = build(variant, 16).eval()
    x = images(variant, 16)
    alone = torch.cat([run(variant, module, x[i : i + 1]) for i in range(len(x))])
    torch.testing.assert_close(run(variant, module, x), alone)


def test_the_state_dict_makes_a_round_trip(variant: Variant) -> None:
    module, other = build(variant, 16).eval(), fresh(variant, 16).eval()
    other.load_state_dict(module.state_dict())
    x = images(variant, 16)
    assert torch.equal(run(variant, other, x), run(variant, module, x))


def test_copies_and_pickles_compute_the_same_after_a_backward_pass(variant: Variant) -> None:
    module = build(variant, 16)
    run(variant, module, images(variant, 16).requires_grad_()).sum().backward()
    buffer = io.BytesIO()
    torch.save(module, buffer)
    buffer.seek(0)
    x = images(variant, 16)
    expected = run(variant, module.eval(), x)
    for other in (copy.deepcopy(module), torch.load(buffer, weights_only=False)):
        assert torch.equal(run(variant, other.eval(), x), expected)


def test_the_header_names_paper_and_differences(variant: Variant) -> None:
    text = header(variant)
    first = " ".join(text.split("\n\n")[0].split())
    source = re.fullmatch(r".+ \((.+)\)\.", first)
    assert source, (
        f"first line is not 'Name of the method (Authors, VENUE YEAR, arXiv:ID).': {first}"
    )
    assert re.search(r"\b(19|20)\d\d\b", source[1]), f"no year in: {source[1]}"
    assert "Differs from the authors' code:" in text


def test_declared_facts_are_known_words(variant: Variant) -> None:
    for name, allowed in FACTS.items():
        assert variant.facts.get(name, allowed[0]) in allowed, name
        declared = getattr(load(variant), name, None)
        assert declared is None or declared == variant.facts.get(name)


# ------------------------------------------------------------------------------- references


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
