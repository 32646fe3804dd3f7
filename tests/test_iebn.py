"""Instance enhancement batch norm: the formula, the statistics, and what pruning does to it."""

from __future__ import annotations

import copy

import pytest
import torch
from conftest import cell
from torch import Tensor, nn

from lightning_modules.attention.iebn import InstanceEnhancementBatchNorm
from lightning_modules.build import build, widths
from lightning_modules.insertion import insert
from lightning_modules.options import Insertion, Removal
from lightning_modules.pruning._apply import Pruner
from lightning_modules.pruning.bn_scale import BatchNormScale
from lightning_modules.structure import Site

PER_CHANNEL = ("weight", "bias", "gate_weight", "gate_bias", "running_mean", "running_var")


def shaken(module: nn.Module, seed: int = 0) -> nn.Module:
    """The module with numbers that differ between channels, statistics too."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in (*module.parameters(), *module.buffers()):
            if tensor.is_floating_point():
                tensor.add_(torch.rand(tensor.shape, generator=draw, dtype=tensor.dtype))
    return module


def maps(dtype: torch.dtype = torch.float64) -> Tensor:
    x = torch.randn(4, 6, 5, 3, generator=torch.Generator().manual_seed(1), dtype=dtype)
    return 3 * x + torch.arange(6, dtype=dtype)[:, None, None]


def formula(norm: InstanceEnhancementBatchNorm, x: Tensor, *, training: bool) -> Tensor:
    mean, var = norm.running_mean, norm.running_var
    if training:
        mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
    gamma, beta, ghat, bhat = (
        p[:, None, None] for p in (norm.weight, norm.bias, norm.gate_weight, norm.gate_bias)
    )
    xhat = (x - mean[:, None, None]) / (var[:, None, None] + norm.eps).sqrt()
    delta = 1 / (1 + torch.exp(-(ghat * x.mean((2, 3), keepdim=True) + bhat)))
    return gamma * delta * xhat + beta


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_output_and_gradients_are_those_of_the_plain_formula(
    training: bool, layout: torch.memory_format
) -> None:
    norm = shaken(InstanceEnhancementBatchNorm(6).double()).train(training)
    twin = copy.deepcopy(norm)
    x = maps().to(memory_format=layout).requires_grad_()
    same = maps().requires_grad_()
    weights = torch.randn(maps().shape, generator=torch.Generator().manual_seed(2)).double()
    found, expected = norm(x), formula(twin, same, training=training)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
    for y in (found, expected):
        (y * weights).sum().backward()
    torch.testing.assert_close(x.grad, same.grad, rtol=1e-9, atol=1e-9)
    for one, other in zip(norm.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-9, atol=1e-9)


def test_statistics_are_kept_as_batch_norm_keeps_them() -> None:
    ours, plain = InstanceEnhancementBatchNorm(6).double(), nn.BatchNorm2d(6).double()
    for _ in range(3):
        ours(maps()), plain(maps())
    state = ours.state_dict()
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        assert torch.equal(state[name], plain.state_dict()[name])


def test_it_starts_as_a_batch_norm_scaled_by_sigmoid_of_minus_one_with_beta_as_it_is() -> None:
    ours, plain = InstanceEnhancementBatchNorm(6), nn.BatchNorm2d(6)
    with torch.no_grad():
        for norm in (ours, plain):
            norm.bias.copy_(torch.arange(6.0))
    beta = plain.bias[:, None, None]
    x = maps(torch.float32)
    torch.testing.assert_close(ours(x), 0.2689414213699951 * (plain(x) - beta) + beta)
    assert [p.numel() for p in ours.parameters()] == [6] * 4


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_dtype_is_kept_under_autocast_and_the_numbers_nearly(dtype: torch.dtype) -> None:
    norm = shaken(InstanceEnhancementBatchNorm(6)).eval()
    x = maps(torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = norm(x.to(dtype))
    assert y.dtype == dtype
    torch.testing.assert_close(y.float(), norm(x), rtol=0.05, atol=0.1)


def test_it_begins_with_the_settings_and_numbers_of_the_norm_it_replaces() -> None:
    net = nn.Sequential(shaken(nn.BatchNorm2d(6, eps=1e-3, momentum=0.3)))
    before = copy.deepcopy(net[0])
    insert(net, [Site("0", 6, 0)], InstanceEnhancementBatchNorm, Insertion(), slot="norm")
    assert isinstance(net[0], InstanceEnhancementBatchNorm)
    assert (net[0].eps, net[0].momentum) == (1e-3, 0.3)
    assert all(torch.equal(net[0].state_dict()[k], v) for k, v in before.state_dict().items())


@pytest.mark.parametrize("backbone", ["resnet8", "mobilenetv2_micro", "resnext11_4x8d"])
def test_a_pruned_network_computes_what_the_masked_one_computes(backbone: str) -> None:
    torch.manual_seed(0)
    asked = cell(f"backbone={backbone}", "attention=iebn")
    small = shaken(build(asked.backbone, asked.attention, classes=5, image_size=8)).eval()
    masked, places = copy.deepcopy(small), widths(asked.backbone, small)
    images = torch.randn(2, 3, 8, 8)
    batches = [(images, torch.tensor([0, 1]))]
    scale = BatchNormScale().score(small, places, batches, 0)
    first = places[0]
    assert torch.equal(scale[first.producer], small.get_submodule(first.followers[0]).weight.abs())
    kept = Pruner(BatchNormScale(), Removal(sparsity=0.4), places, batches).prune(small)
    with torch.no_grad():
        for width in places:
            gone = torch.ones(kept.dense[width.producer], dtype=torch.bool)
            gone[kept.channels[width.producer]] = False
            for path in (width.producer, *width.followers):
                module = masked.get_submodule(path)
                for tensor in (module.weight, module.bias):
                    if tensor is not None:
                        tensor[gone] = 0
    torch.testing.assert_close(small(images), masked(images), rtol=1e-4, atol=1e-4)
    sizes = {len(small.get_submodule(first.followers[0]).state_dict()[k]) for k in PER_CHANNEL}
    assert sizes == {kept.counts[first.producer]} != {kept.dense[first.producer]}
