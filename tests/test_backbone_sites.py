"""Sites: one a block, in order, and what a module gives there is what the block adds."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from nets import ALL, SMALL, Doubling, at, family_of, lively, make, plug, skeleton, stem_of
from timm.layers import DropPath
from torch import Tensor

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("name", ALL)
def test_there_is_one_site_per_declared_block_of_each_stage(name: str) -> None:
    found = family_of(name).sites(skeleton(name))
    stages = Counter(site.stage for site in found)
    blocks = family_of(name).VARIANTS[name]["blocks"]
    assert tuple(stages[index] for index in range(len(blocks))) == blocks
    assert len(found) == sum(blocks) == len({site.path for site in found})
    assert all(a.stage <= b.stage for a, b in pairwise(found))
    assert len({(site.stage, site.channels) for site in found}) == len(blocks)


@pytest.mark.parametrize("name", ALL)
def test_sites_are_passed_in_order_with_the_channels_and_layout_they_declare(name: str) -> None:
    family, seen = family_of(name), []
    with torch.device("meta"):
        model = make(name)
        for site in family.sites(model):
            at(model, site.path).register_forward_hook(
                lambda _m, _i, out, path=site.path: seen.append((path, out.shape))
            )
        assert model(torch.empty(2, 3, 32, 32)).shape == (2, 10)
    channel, dims = {"map": (1, 4), "tokens": (2, 3)}[family.LAYOUT]
    assert [path for path, _ in seen] == [site.path for site in family.sites(model)]
    for (_, shape), site in zip(seen, family.sites(model), strict=True):
        assert len(shape) == dims
        assert shape[channel] == site.channels


@pytest.mark.parametrize("name", ALL)
def test_only_pre_activation_branches_ask_for_a_norm_in_front_of_attention(name: str) -> None:
    norms = {site.norm for site in family_of(name).sites(skeleton(name))}
    assert norms == {stem_of(name) in ("preresnet", "wrn", "densenet")}


def block_of(path: str) -> str:
    """Path of the block that a site is in."""
    return path.replace(".drop_path.gate", ".gate").rpartition(".")[0]


def joined(family: str, block: Any, x: Tensor, u: Tensor) -> Any:
    """What a block of that family must return for input x and gated branch u."""
    if family in ("resnet", "resnet_stress", "resnext"):
        return F.relu(block.shortcut(x) + u)
    if family == "preresnet":
        return block.shortcut(x) + u
    if family == "wrn":
        return (x if block.shortcut is None else block.shortcut(F.relu(block.bn1(x)))) + u
    if family == "densenet":
        return torch.cat([x, u], 1)
    if family == "vgg":
        return F.max_pool2d(F.relu(u), 2) if hasattr(block, "pool") else F.relu(u)
    if family == "mobilenetv2":
        return u if block.shortcut is None else block.shortcut(x) + u
    if family == "timm_resnet":
        return F.relu((x if block.downsample is None else block.downsample(x)) + u)
    if family == "timm_mobilenetv2":
        return x + u if x.shape == u.shape else u
    if family == "timm_convnext":
        return x + u
    assert family == "timm_vit"
    return x + u + block.mlp(block.norm2(x + u))


@pytest.mark.parametrize("name", SMALL)
def test_what_a_site_gives_is_what_the_block_adds_to_its_shortcut(name: str) -> None:
    model, family = lively(name), family_of(name)
    records: dict[str, tuple[Any, list[Tensor], Doubling]] = {}
    for site in family.sites(model):
        path = block_of(site.path)
        block = at(model, path)
        ends: list[Tensor] = []
        block.register_forward_pre_hook(lambda _m, args, ends=ends: ends.append(args[0].clone()))
        block.register_forward_hook(lambda _m, _i, out, ends=ends: ends.append(out.clone()))
        records[path] = (block, ends, plug(model, site.path))
    with torch.no_grad():
        model(torch.randn(2, 3, 16, 16))
        for block, (x, y), gate in records.values():
            assert gate.given.abs().sum() > 0
            torch.testing.assert_close(joined(stem_of(name), block, x, gate.given), y)
    assert len(records) == len(family.sites(model))


@pytest.mark.parametrize("name", ["resnet18", "mobilenetv2_100", "convnext_atto", "vit_micro"])
def test_drop_path_comes_after_the_site(name: str) -> None:
    torch.manual_seed(0)
    model = make(name, side=8, drop_path=0.9).train()
    family = family_of(name)
    dropping = [
        site.path
        for site in family.sites(model)
        for module in at(model, block_of(site.path)).modules()
        if isinstance(module, DropPath) and module.drop_prob > 0.6
    ]
    gate = plug(model, dropping[-1])
    with torch.no_grad():
        model(torch.randn(16, 3, 8, 8))
    assert (gate.given.flatten(1).abs().amax(1) > 0).all()
