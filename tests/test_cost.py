"""Costs against hand counts."""

from __future__ import annotations

import copy
import json

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lightning_modules.attention.dia import DenseImplicitAttention
from lightning_modules.attention.se import SqueezeExcitation
from lightning_modules.cost import Cost, bytes_of, count, evaluating, example
from lightning_modules.insertion import insert
from lightning_modules.options import Insertion
from lightning_modules.structure import Site

CONV1, CONV2, HEAD = 8 * 8 * 8 * 27, 4 * 4 * 16 * 8 * 9, 16 * 10  # MACs at 8x8


def small() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3, stride=2, padding=1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, 10),
    )


def clear(weight: Tensor, share: float) -> None:
    """Set the first ``share`` of a weight to zero."""
    with torch.no_grad():
        weight.view(-1)[: int(share * weight.numel())] = 0


def test_a_dense_network_costs_what_a_hand_count_says() -> None:
    params = 8 * 27 + 2 * 8 + 16 * 72 + 16 + 160 + 10
    buffers = 2 * 8 * 4 + 8  # running mean and variance, and one int64
    macs = CONV1 + CONV2 + HEAD
    assert count(small(), 8) == Cost(params, params, macs, macs, params * 4 + buffers)


def test_zero_weights_leave_the_non_zero_columns_only() -> None:
    model = small()
    clear(model[0].weight, 1 / 2)
    clear(model[3].weight, 3 / 4)
    dense, cost = count(small(), 8), count(model, 8)
    assert (cost.params, cost.macs, cost.bytes) == (dense.params, dense.macs, dense.bytes)
    assert cost.params_nonzero == dense.params - 8 * 27 // 2 - 16 * 72 * 3 // 4
    assert cost.macs_nonzero == CONV1 // 2 + CONV2 // 4 + HEAD


def test_zeros_of_biases_and_norms_are_not_removed_weights() -> None:
    model = small()
    for tensor in (model[1].weight, model[1].bias, model[3].bias):
        clear(tensor, 1)
    assert count(model, 8) == count(small(), 8)


def test_macs_grow_with_the_image_and_its_channels() -> None:
    conv = nn.Conv2d(5, 4, 3, padding=1)
    assert [count(conv, size, channels=5).macs for size in (4, 8)] == [16 * 180, 64 * 180]


@pytest.mark.parametrize(
    ("conv", "macs"),
    [
        (nn.Conv2d(8, 8, 3, padding=1, groups=8), 16 * 8 * 9),
        (nn.Conv2d(8, 16, 1, groups=2), 16 * 16 * 4),
        (nn.Conv2d(8, 4, (1, 3)), 8 * 4 * 24),
    ],
)
def test_groups_and_shapes_of_kernels_are_respected(conv: nn.Conv2d, macs: int) -> None:
    assert count(conv, 4, channels=8).macs == macs
    clear(conv.weight, 1 / 2)
    assert count(conv, 4, channels=8).macs_nonzero == macs // 2


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.avg_pool2d(self.conv(x), 2))


def test_a_module_that_is_called_twice_counts_twice_in_macs_and_once_in_parameters() -> None:
    model = Twice()
    assert count(model, 8).macs == (64 + 16) * 81
    clear(model.conv.weight, 1 / 3)
    cost = count(model, 8)
    assert cost.macs_nonzero == (64 + 16) * 54
    assert cost.params - cost.params_nonzero == 27


def test_tied_weights_count_once_in_parameters_and_at_every_block_in_macs() -> None:
    model = nn.Sequential(nn.Conv2d(3, 16, 1), nn.Identity(), nn.ReLU(), nn.Identity())
    sites = [Site("1", 16, 0), Site("3", 16, 0)]
    insert(model, sites, lambda c: SqueezeExcitation(c, reduction=4), Insertion("stage"))
    gate = 2 * 16 * 4
    cost = count(model, 4)
    assert cost.params == 3 * 16 + 16 + gate + 4 + 16
    assert cost.macs == 16 * 48 + 2 * gate
    clear(model[3].squeeze.weight, 1 / 2)
    cost = count(model, 4)
    assert cost.params - cost.params_nonzero == gate // 4
    assert cost.macs - cost.macs_nonzero == 2 * gate // 4


def test_dia_costs_ten_times_c_squared_over_r_per_block() -> None:
    model = nn.Sequential(nn.Identity(), nn.Identity())
    insert(model, [Site("0", 16, 0), Site("1", 16, 0)], DenseImplicitAttention, Insertion())
    assert count(model, 4, channels=16).macs == 2 * 10 * 16 * 16 // 4


class Attend(nn.Module):
    def __init__(self, is_fused: bool) -> None:
        super().__init__()
        self.qkv = nn.Linear(8, 24)
        self.is_fused = is_fused

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (
            self.qkv(x.flatten(2).transpose(1, 2)).unflatten(2, (3, 2, 4)).permute(2, 0, 3, 1, 4)
        )
        if self.is_fused:
            return F.scaled_dot_product_attention(q, k, v)
        return (q @ k.transpose(2, 3)).softmax(3) @ v


@pytest.mark.parametrize("is_fused", [True, False])
def test_products_of_attention_count_and_have_no_zero_weights(is_fused: bool) -> None:
    model = Attend(is_fused)
    clear(model.qkv.weight, 1)
    cost = count(model, 4, channels=8)
    products = 2 * 16 * 16 * 8
    assert cost.macs == 16 * 8 * 24 + products
    assert cost.macs_nonzero == products


class Multihead(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(2).transpose(1, 2)
        return self.attention(x, x, x, need_weights=False)[0]


def test_torch_multihead_attention_is_counted_in_full() -> None:
    before = torch.backends.mha.get_fastpath_enabled()
    assert count(Multihead(), 4, channels=8).macs == 16 * 8 * 32 + 2 * 16 * 16 * 8
    assert torch.backends.mha.get_fastpath_enabled() == before


def test_counting_leaves_no_trace() -> None:
    model = small()
    model[3].eval()
    modes = [module.training for module in model.modules()]
    before = copy.deepcopy(model.state_dict())
    torch.manual_seed(5)
    count(model, 8)
    drawn = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(3))
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(t, before[name]) for name, t in model.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    assert all(p.grad is None and p.requires_grad for p in model.parameters())


def test_hooks_and_modes_are_undone_when_the_forward_pass_fails() -> None:
    model = small()
    with pytest.raises(RuntimeError):
        count(model, 8, channels=4)
    assert all(module.training for module in model.modules())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_a_half_precision_network_has_half_the_bytes_and_the_same_macs() -> None:
    model, half = small(), small().to(torch.bfloat16)
    counters = 8
    assert (bytes_of(half) - counters) * 2 == bytes_of(model) - counters
    assert count(half, 8).macs == count(model, 8).macs


def test_the_example_follows_the_model_and_is_always_the_same() -> None:
    x = example(small().double(), 6, batch=2)
    assert (x.shape, x.dtype) == ((2, 3, 6, 6), torch.float64)
    assert torch.equal(x, example(small().double(), 6, batch=2))
    assert example(nn.Identity(), 4, channels=1).shape == (1, 1, 4, 4)


def test_evaluating_gives_every_module_its_own_mode_back() -> None:
    model = small()
    model[1].eval()
    with evaluating(model):
        assert not any(module.training for module in model.modules())
    assert [module.training for module in model] == [True, False, True, True, True, True, True]


def test_a_cost_is_plain_json() -> None:
    cost = Cost(5, 4, 3, 2, 1)
    assert json.loads(json.dumps(cost.json())) == {
        "params": 5,
        "params_nonzero": 4,
        "macs": 3,
        "macs_nonzero": 2,
        "bytes": 1,
    }
