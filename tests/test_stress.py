"""ResNets without shortcuts or batch norms: what is gone is gone, all else stays."""

from __future__ import annotations

import pytest
import torch
from conftest import cell
from torch import nn
from torch.nn import functional as F

from lightning_modules.build import build
from lightning_modules.catalog import catalog

NAMES = [n for n, one in catalog("backbone").items() if one.path and "stress" in one.path.stem]


def made(name: str, attention: str = "none", side: int = 8) -> nn.Module:
    torch.manual_seed(0)
    asked = cell(f"backbone={name}", f"attention={attention}")
    return build(asked.backbone, asked.attention, classes=100, image_size=side)


def size(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_only_norms_or_projections_are_missing(name: str) -> None:
    with torch.device("meta"):
        model, whole = made(name), made(name.partition("_")[0])
    norms = [m for m in whole.modules() if isinstance(m, nn.BatchNorm2d)]
    shortcuts = [m for path, m in whole.named_modules() if path.endswith(".shortcut")]
    gone = norms if name.endswith("nobn") else shortcuts
    assert size(whole) - size(model) == sum(map(size, gone)) > 0
    assert catalog("backbone")[name].reconstruction


def test_without_shortcuts_a_block_is_its_branch_alone() -> None:
    block = made("resnet20_noskip").eval().stages[1][0]
    x = torch.randn(2, 16, 8, 8)
    y = block.bn2(block.conv2(F.relu(block.bn1(block.conv1(x)))))
    assert torch.equal(block(x), F.relu(y))
    assert x.dtype == block.shortcut(x).dtype


def test_without_norms_a_block_is_convolutions_and_an_add() -> None:
    block = made("resnet20_nobn").stages[1][0]
    x = torch.randn(2, 16, 8, 8)
    y = block.conv2(F.relu(block.conv1(x)))
    assert torch.equal(block(x), F.relu(block.shortcut[0](x) + y))
    assert not any(isinstance(m, nn.BatchNorm2d) for m in made("resnet164_nobn").modules())


def test_the_convolutions_are_those_that_the_whole_net_starts_with() -> None:
    whole = made("resnet8").state_dict()
    for name in ("resnet8_noskip", "resnet8_nobn"):
        state = made(name).state_dict()
        assert state.keys() < whole.keys()
        assert all(torch.equal(whole[key], value) for key, value in state.items())
