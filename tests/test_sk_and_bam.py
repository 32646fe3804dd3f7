"""Selective kernels against timm, bottleneck attention against its formula; published counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from timm.layers.selective_kernel import SelectiveKernel as TimmSelectiveKernel
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_modules.attention.bam import BottleneckAttention
from lightning_modules.attention.sk import SelectiveKernel

STAGES = {"50": (3, 4, 6, 3), "101": (3, 4, 23, 3)}
"""Blocks per stage of an ImageNet ResNet."""

PLAIN = {"50": 25_557_032, "101": 44_549_160}
"""Parameters of ResNet."""


def size(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def shaken(module: nn.Module) -> nn.Module:
    torch.manual_seed(3)
    with torch.no_grad():
        for tensor in (*module.parameters(), *module.buffers()):
            if tensor.is_floating_point():
                tensor.add_(0.3 * torch.rand_like(tensor))
    return module


def conv(inputs: int, outputs: int, *, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride, 1, groups=groups, bias=False)


# -------------------------------------------------------------------------------------- sk


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("groups", [1, 4])
def test_selective_kernel_equals_timm(groups: int, stride: int, training: bool) -> None:
    ours = SelectiveKernel(24, conv=conv(16, 24, stride=stride, groups=groups), groups=1)
    theirs = TimmSelectiveKernel(
        16, 24, stride=stride, groups=groups, rd_channels=32, split_input=False
    )
    shaken(ours).train(training)
    theirs.train(training)
    for branch, path in zip((ours.first, ours.second), theirs.paths, strict=True):
        path.conv.load_state_dict(branch[0].state_dict())
        path.bn.load_state_dict(branch[1].state_dict())
    for linear, layer in ((ours.gate[0], "fc_reduce"), (ours.gate[3], "fc_select")):
        getattr(theirs.attn, layer).weight.data = linear.weight.data[:, :, None, None]
    theirs.attn.bn.load_state_dict(ours.gate[1].state_dict())
    x = torch.randn(3, 16, 7, 7)
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-4, atol=1e-5)


def test_the_first_convolution_is_the_one_that_stood_there() -> None:
    stood = conv(8, 12)
    assert SelectiveKernel(12, conv=stood).first[0] is stood


@pytest.mark.parametrize(
    ("stood", "groups"),
    [
        (conv(64, 64), 32),
        (conv(16, 24), 8),
        (conv(3, 16), 1),
        (conv(32, 32, groups=4), 4),
        (conv(48, 48, groups=48), 48),
    ],
)
def test_the_second_convolution_has_the_groups_of_the_first_or_divides_both_widths(
    stood: nn.Conv2d, groups: int
) -> None:
    second = SelectiveKernel(stood.out_channels, conv=stood).second[0]
    assert (second.groups, second.dilation, second.padding) == (groups, (2, 2), (2, 2))


def extra(stages: tuple[int, ...], planes: int, conv_groups: int, **options: int) -> int:
    """Parameters that selective kernels add to the 3x3 convolutions of a net."""
    total = 0
    for stage, blocks in enumerate(stages):
        width = planes * 2**stage
        with torch.device("meta"):
            stood = conv(width, width, groups=conv_groups)
            unit = SelectiveKernel(width, conv=stood, **options)
        total += blocks * (size(unit) - size(stood) - 2 * width)  # and the norm behind it
    return total


@pytest.mark.parametrize(("depth", "published"), [("50", 26.15), ("101", 45.68)])
def test_sk_resnet_star_has_its_published_number_of_parameters(
    depth: str, published: float
) -> None:
    added = extra(STAGES[depth], 64, 1, least=1, dilation=1)
    assert round((PLAIN[depth] + added) / 1e6, 2) == published


@pytest.mark.parametrize(("depth", "sknet", "resnext"), [("50", 27.5, 25.0), ("101", 48.9, 44.3)])
def test_sknet_of_the_authors_has_as_many_parameters_more_than_resnext_as_they_print(
    depth: str, sknet: float, resnext: float
) -> None:
    assert extra(STAGES[depth], 128, 32) / 1e6 == pytest.approx(sknet - resnext, abs=0.05)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reduction": 0}, "reduction is at least 1"),
        ({"least": 0}, "least is at least 1"),
        ({"groups": 0}, "groups is at least 1"),
        ({"dilation": 0}, "dilation is at least 1"),
        ({"conv": nn.Conv2d(8, 8, 2)}, "a kernel with an odd side"),
        ({"conv": nn.Conv2d(8, 8, 3, padding="same")}, "a padding in px"),
    ],
)
def test_what_selective_kernel_cannot_be_made_of_is_refused(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        SelectiveKernel(8, **{"conv": conv(8, 8), **options})


# ------------------------------------------------------------------------------------- bam


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def normed(norm: nn.Module, x: Any) -> Any:
    """A batch norm by its running statistics, then ReLU; x is (B, C, ...)."""
    shape = (1, -1, *[1] * (x.ndim - 2))
    mean, var, gamma, beta = (
        tensor.detach().numpy().reshape(shape)
        for tensor in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    )
    return np.maximum((x - mean) / np.sqrt(var + norm.eps) * gamma + beta, 0)


def convolved(layer: nn.Conv2d, x: Any) -> Any:
    """A convolution of side 1 or 3 that keeps the map's size, as a sum over its taps."""
    weight, (far, _) = layer.weight.detach().numpy(), layer.dilation
    side, (height, width) = weight.shape[2], x.shape[2:]
    pad = far * (side // 2)
    wide = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    total = layer.bias.detach().numpy()[:, None, None]
    for row, column in np.ndindex(side, side):
        part = wide[:, :, far * row : far * row + height, far * column : far * column + width]
        total = total + np.einsum("oi,bihw->bohw", weight[:, :, row, column], part)
    return total


def test_bottleneck_attention_equals_its_formula() -> None:
    module = shaken(BottleneckAttention(12, reduction=4, dilation=2)).double().eval()
    x = torch.randn(3, 12, 6, 5, dtype=torch.float64).numpy()
    first, norm, _, last = module.channel
    hidden = x.mean((2, 3)) @ first.weight.detach().numpy().T + first.bias.detach().numpy()
    channel = normed(norm, hidden) @ last.weight.detach().numpy().T + last.bias.detach().numpy()
    place = x
    for stage in list(module.place)[:-1]:
        place = normed(stage[1], convolved(stage[0], place))
    place = convolved(module.place[-1], place)
    expected = x * (1 + sigmoid(channel[:, :, None, None] * place))
    np.testing.assert_allclose(module(torch.from_numpy(x)).detach(), expected, rtol=1e-9)


@pytest.mark.parametrize(("depth", "published"), [("50", 25.92), ("101", 44.91)])
def test_bam_resnet_has_its_published_number_of_parameters(depth: str, published: float) -> None:
    added = sum(size(BottleneckAttention(channels)) for channels in (256, 512, 1024))
    assert round((PLAIN[depth] + added) / 1e6, 2) == published


def test_bottleneck_attention_looks_four_pixels_around_twice() -> None:
    torch.manual_seed(0)
    module = BottleneckAttention(32, reduction=2).eval()
    x = torch.randn(1, 32, 31, 31, requires_grad=True)
    seen: Tensor = module.place(x)
    (grad,) = torch.autograd.grad(seen[0, 0, 15, 15], x)
    rows = grad.abs().sum((0, 1, 3)).nonzero().flatten()
    assert (int(rows.min()), int(rows.max())) == (15 - 8, 15 + 8)


@pytest.mark.parametrize("option", ["reduction", "dilation"])
def test_an_impossible_option_of_bottleneck_attention_is_refused(option: str) -> None:
    with pytest.raises(ValueError, match=f"{option} is at least 1; came 0"):
        BottleneckAttention(8, **{option: 0})


def test_the_gate_of_a_selective_kernel_weighs_the_two_to_one() -> None:
    unit = shaken(SelectiveKernel(8, conv=conv(4, 8))).eval()
    x = torch.randn(2, 4, 5, 5)
    a, b = unit.first(x), unit.second(x)
    weights = F.softmax(unit.gate((a + b).mean((2, 3))).view(2, 2, 8), dim=1)[..., None, None]
    torch.testing.assert_close(unit(x), weights[:, 0] * a + weights[:, 1] * b)
