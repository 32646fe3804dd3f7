"""Backbones: published parameter counts, sites that end the branch, widths that stand alone."""

from __future__ import annotations

import ast
import math
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import torch.nn.functional as F
from timm.layers import DropPath
from torch import Tensor, nn

from lightning_modules.backbones import _residual, timm_vit
from lightning_modules.catalog import catalog, load
from lightning_modules.structure import Width

ALL = sorted(catalog("backbone"))

# Counts printed by the papers or by other implementations of these nets: 10 and 100 classes.
PUBLISHED = {
    "resnet20": (272_474, 278_324),
    "resnet32": (466_906, 472_756),
    "resnet56": (855_770, 861_620),
    "resnet110": (1_730_714, 1_736_564),
    "resnet164": (1_704_154, 1_727_284),
    "preresnet164": (1_703_258, 1_726_388),
    "wrn28_10": (36_479_194, 36_536_884),
    "wrn52_4": (12_049_370, 12_072_500),
    "resnext29_8x64d": (34_426_698, 34_518_948),
    "vgg16_bn": (14_728_266, 14_774_436),
    "densenet_bc_100": (769_162, 800_032),
    "mobilenetv2": (2_296_922, 2_412_212),
}
TEN_CLASSES = {
    "preresnet20": 272_282,
    "preresnet56": 855_578,
    "preresnet110": 1_730_522,
    "resnet18": 11_173_962,
    "resnet34": 21_282_122,
    "resnet50": 23_520_842,
}
OPTION_A = {
    "resnet20": 269_722,
    "resnet32": 464_154,
    "resnet44": 658_586,
    "resnet56": 853_018,
    "resnet110": 1_727_962,
}
IMAGENET = {
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "mobilenetv2_100": 3_504_872,
    "convnext_tiny": 28_589_128,
    "vit_tiny": 5_717_416,
    "deit_small": 22_050_664,
}
TIMM_NAMES = {
    "resnet18": "resnet18",
    "resnet50": "resnet50",
    "mobilenetv2_100": "mobilenetv2_100",
    "convnext_atto": "convnext_atto",
    "convnext_tiny": "convnext_tiny",
    "vit_tiny": "vit_tiny_patch16_224",
    "deit_small": "deit_small_patch16_224",
}
# A small net of every family and kind of block, to be run with numbers.
SMALL: dict[str, dict[str, Any]] = {
    "resnet20": {"blocks": (2, 1, 1)},
    "resnet8": {"shortcut": "pad"},
    "resnet164": {"blocks": (2, 1, 1)},
    "resnet20_noskip": {"blocks": (2, 1, 1)},
    "resnet164_nobn": {"blocks": (2, 1, 1)},
    "preresnet20": {"blocks": (2, 1, 1)},
    "preresnet164": {"blocks": (2, 1, 1)},
    "wrn16_1": {},
    "resnext29_8x64d": {"blocks": (2, 1, 1), "cardinality": 2, "width": 8},
    "vgg16_bn": {},
    "densenet_bc_22": {},
    "mobilenetv2": {},
    "resnet18": {"blocks": (2, 1, 1, 1)},
    "resnet50": {"blocks": (2, 1, 1, 1)},
    "mobilenetv2_100": {},
    "convnext_atto": {"layer_scale": 1.0},
    "convnext_tiny": {"blocks": (1, 1, 1, 1), "width": 16, "layer_scale": 1.0},
    "vit_micro": {},
}


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """The nets are small: threads cost more than they give."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def make(name: str, classes: int = 10, side: int = 32, **options: Any) -> nn.Module:
    family = family_of(name)
    declared = family.VARIANTS[name].items()
    structure = {k: v for k, v in declared if k.islower() and k != "about"}
    model: nn.Module = family.build(classes, side, **{**structure, **options})
    return model


def at(model: nn.Module, path: str) -> Any:
    return model.get_submodule(path)


@cache
def skeleton(name: str) -> nn.Module:
    """The net of that name without numbers; read it, do not change it."""
    with torch.device("meta"):
        return make(name)


def family_of(name: str) -> Any:
    return load(catalog("backbone")[name])


def stem_of(name: str) -> str:
    return str(family_of(name).__name__).rpartition(".")[2]


def count(name: str, classes: int = 10, side: int = 32, **options: Any) -> int:
    with torch.device("meta"):
        model = make(name, classes, side, **options)
    return sum(p.numel() for p in model.parameters())


def lively(name: str) -> nn.Module:
    """The small net of that name in eval mode, with batch norms that differ between channels."""
    torch.manual_seed(0)
    model = make(name, side=16, **SMALL[name]).eval()
    norms: list[Any] = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm in norms:
        for tensor in (norm.weight.data, norm.running_var):
            tensor.uniform_(0.5, 1.5)
        for tensor in (norm.bias.data, norm.running_mean):
            tensor.uniform_(-0.5, 0.5)
    return model


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_cifar_net_has_exactly_its_published_number_of_parameters(name: str) -> None:
    assert (count(name, 10), count(name, 100)) == PUBLISHED[name]


@pytest.mark.parametrize("name", TEN_CLASSES)
def test_ten_class_nets_have_exactly_their_published_number_of_parameters(name: str) -> None:
    assert count(name) == TEN_CLASSES[name]


@pytest.mark.parametrize("name", OPTION_A)
def test_zero_padding_shortcuts_give_the_count_of_the_paper(name: str) -> None:
    assert count(name, shortcut="pad") == OPTION_A[name]


@pytest.mark.parametrize("name", IMAGENET)
def test_an_imagenet_net_has_exactly_its_published_number_of_parameters(name: str) -> None:
    assert count(name, 1000, 224) == IMAGENET[name]


@pytest.mark.parametrize("name", TIMM_NAMES)
def test_at_224_px_a_timm_net_is_the_one_that_timm_itself_makes(name: str) -> None:
    with torch.device("meta"):
        theirs, ours = timm.create_model(TIMM_NAMES[name]), make(name, 1000, 224)
    shapes = [{k: v.shape for k, v in net.state_dict().items()} for net in (ours, theirs)]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("name", ["resnext29_8x64d", "resnext101_8x32d"])
def test_resnext_has_the_parameters_of_its_plain_formula(name: str) -> None:
    n, g, d = {"resnext29_8x64d": (3, 8, 64), "resnext101_8x32d": (11, 8, 32)}[name]
    total, inputs = 3 * d * 9 + 2 * d, d
    for stage in range(3):
        outputs, inner = 4 * d * 2**stage, g * d * 2**stage
        total += inputs * outputs + 2 * outputs  # the projection of the first block
        for _ in range(n):
            total += inputs * inner + 9 * inner * inner // g + inner * outputs
            total += 2 * (inner + inner + outputs)
            inputs = outputs
    assert count(name) == total + inputs * 10 + 10


@pytest.mark.parametrize("name", ALL)
def test_every_variant_classifies_the_smallest_images_it_accepts(name: str) -> None:
    torch.manual_seed(0)
    side = family_of(name).MIN_IMAGE
    model = make(name, 7, side).eval()
    with torch.no_grad():
        logits = model(torch.randn(1, 3, side, side))
    assert logits.shape == (1, 7)
    assert logits.isfinite().all()


@pytest.mark.parametrize("name", ALL)
def test_an_image_below_the_smallest_side_is_refused_with_the_limit(name: str) -> None:
    smallest = family_of(name).MIN_IMAGE
    with pytest.raises(ValueError, match=f"image_size={smallest - 1} .* allowed is {smallest} px"):
        make(name, side=smallest - 1)


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


class Doubling(nn.Module):
    """Stands for attention: doubles the branch and remembers what it gave."""

    def forward(self, x: Tensor) -> Tensor:
        self.given = 2 * x
        return self.given.clone()


def plug(model: nn.Module, path: str) -> Doubling:
    """Put a module at a site as the contract says: instead of an Identity, after anything else."""
    before, gate = at(model, path), Doubling()
    after = gate if isinstance(before, nn.Identity) else nn.Sequential(before, gate)
    model.set_submodule(path, after)
    return gate


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


def moved(channels: int, groups: int) -> Tensor:
    """A permutation that turns every group of channels round by one."""
    return torch.arange(channels).view(groups, -1).roll(1, 1).flatten()


def permute(model: nn.Module, width: Width) -> None:
    """Reorder the channels of a width in all layers that the width names."""
    producer = at(model, width.producer)
    order = moved(producer.weight.shape[0], width.groups)
    for path in (width.producer, *width.followers):
        layer = at(model, path)
        for key in ("weight", "bias", "running_mean", "running_var"):
            tensor = getattr(layer, key, None)
            if tensor is not None:
                tensor.data.copy_(tensor.data[order])
    consumer = at(model, width.consumer)
    if isinstance(consumer, nn.Conv2d) and consumer.groups > 1:
        order = moved(consumer.weight.shape[1], 1)
    consumer.weight.data.copy_(consumer.weight.data[:, order])


@pytest.mark.parametrize("name", SMALL)
def test_reordering_the_channels_of_a_width_changes_nothing_else(name: str) -> None:
    model = lively(name)
    image = torch.randn(1, 3, 16, 16)
    with torch.no_grad():
        before = model(image)
        for width in family_of(name).widths(model):
            if at(model, width.producer).weight.shape[0] > 1:
                permute(model, width)
        torch.testing.assert_close(model(image), before, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ALL)
def test_the_layers_of_a_width_agree_on_its_number_of_channels(name: str) -> None:
    model = skeleton(name)
    found = family_of(name).widths(model)
    assert found
    assert len({w.producer for w in found}) == len(found)
    for width in found:
        producer, consumer = at(model, width.producer), at(model, width.consumer)
        channels = producer.weight.shape[0]
        assert (
            channels == getattr(consumer, "in_channels", None) or consumer.in_features == channels
        )
        assert channels % width.groups == 0
        for path in width.followers:
            follower = at(model, path)
            assert follower.weight.shape[0] == channels
            assert isinstance(follower, nn.BatchNorm2d) or follower.groups == channels


@pytest.mark.parametrize("name", ALL)
def test_a_width_is_followed_by_the_declared_norm(name: str) -> None:
    family, model = family_of(name), skeleton(name)
    norms = {
        any(isinstance(at(model, path), nn.BatchNorm2d) for path in width.followers)
        for width in family.widths(model)
    }
    assert norms == {catalog("backbone")[name].facts["NORM"] == "batch"}


@pytest.mark.parametrize(
    ("name", "groups"), [("resnext11_4x8d", 4), ("resnext29_8x64d", 8), ("resnet164", 1)]
)
def test_a_width_has_the_groups_of_the_grouped_convolution_it_touches(
    name: str, groups: int
) -> None:
    found = family_of(name).widths(skeleton(name))
    assert {width.groups for width in found} == {groups}


def test_vgg_keeps_a_width_whole_where_a_gate_sees_it() -> None:
    family, model = family_of("vgg16_bn"), make("vgg16_bn")
    plain = family.widths(model)
    assert len(plain) == 13
    assert plain[-1].consumer == "fc"
    plug(model, "stages.1.gate")
    assert [w for w in plain if w not in family.widths(model)] == [
        Width("stages.1.conv2", ("stages.1.bn2",), "stages.2.conv1")
    ]


@pytest.mark.parametrize("name", ALL)
def test_what_a_family_declares_can_be_read_without_importing_it(name: str) -> None:
    family = family_of(name)
    path = Path(family.__file__)
    assigned = {
        node.targets[0].id: node.value
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    for fact in ("VARIANTS", "LAYOUT", "SLOTS", "NORM", "MIN_IMAGE"):
        assert ast.literal_eval(assigned[fact]) == getattr(family, fact)


@pytest.mark.parametrize(
    "name", ["resnet8", "preresnet8", "wrn16_1", "resnext11_4x8d", "densenet_bc_22", "vgg11_bn"]
)
def test_cifar_nets_start_with_he_normal_convolutions_and_neutral_norms(name: str) -> None:
    torch.manual_seed(0)
    for module in make(name).modules():
        if isinstance(module, nn.Conv2d) and module.weight.numel() > 4000:
            wanted = math.sqrt(2 / (module.kernel_size[0] ** 2 * module.out_channels))
            assert module.weight.std().item() == pytest.approx(wanted, rel=0.06)
        if isinstance(module, nn.BatchNorm2d):
            assert (module.weight == 1).all()
            assert (module.bias == 0).all()


@pytest.mark.parametrize(("asked", "wanted"), [(False, 1.0), (True, 0.0)])
def test_the_last_norm_of_a_timm_resnet_starts_at_zero_only_when_asked(
    asked: bool, wanted: float
) -> None:
    model = make("resnet18", zero_init=asked)
    assert (at(model, "layer2.1.bn2").weight == wanted).all()


@pytest.mark.parametrize(
    ("name", "side", "first"),
    [
        ("resnet18", 8, 8),
        ("resnet18", 32, 32),
        ("resnet18", 64, 16),
        ("mobilenetv2_100", 32, 32),
        ("mobilenetv2_100", 64, 32),
        ("convnext_atto", 8, 8),
        ("convnext_atto", 16, 16),
        ("convnext_atto", 32, 16),
        ("convnext_atto", 64, 16),
    ],
)
def test_the_stem_leaves_a_small_image_its_size(name: str, side: int, first: int) -> None:
    shapes = []
    with torch.device("meta"):
        model = make(name, side=side).eval()
        site = family_of(name).sites(model)[0]
        at(model, site.path).register_forward_hook(
            lambda _m, _i, out: shapes.append(tuple(out.shape[2:]))
        )
        model(torch.empty(1, 3, side, side))
    assert shapes == [(first, first)]


@pytest.mark.parametrize(
    ("side", "patch"), [(8, 1), (16, 2), (28, 2), (32, 4), (33, 3), (96, 12), (224, 16)]
)
def test_a_patch_divides_the_image_and_leaves_at_least_eight_a_side(side: int, patch: int) -> None:
    assert timm_vit.patch_size(side) == patch
    assert side % patch == 0
    assert side // patch >= 8


def test_a_padded_shortcut_takes_every_second_pixel_and_appends_zeros() -> None:
    x = torch.randn(2, 4, 6, 6)
    y = _residual.PadShortcut(3, stride=2)(x)
    assert y.shape == (2, 7, 3, 3)
    assert torch.equal(y[:, :4], x[:, :, [0, 2, 4]][:, :, :, [0, 2, 4]])
    assert (y[:, 4:] == 0).all()


def test_an_unknown_shortcut_is_refused_with_the_allowed_ones() -> None:
    with pytest.raises(ValueError, match=r"shortcut='conv' .*'projection', 'pad'"):
        make("resnet8", shortcut="conv")


def test_mobilenet_refuses_a_depth_that_timm_does_not_build() -> None:
    with pytest.raises(ValueError, match=r"allowed is timm's \(1, 2, 3, 4, 3, 3, 1\), or fewer"):
        make("mobilenetv2_100", blocks=(1, 2, 3, 4, 3, 3, 2))


def test_wide_resnet_drops_three_tenths_unless_told_otherwise() -> None:
    def rates(model: nn.Module) -> set[float]:
        return {module.p for module in model.modules() if isinstance(module, nn.Dropout)}

    assert rates(make("wrn16_1")) == {0.3}
    assert rates(make("wrn16_1", dropout=0.1)) == {0.1}


@pytest.mark.parametrize("name", ["resnet8", "vgg11_bn"])
def test_the_forward_is_one_graph_without_python_in_it(name: str) -> None:
    torch.manual_seed(0)
    model = make(name, side=8).eval()
    image = torch.randn(2, 3, 8, 8)
    traced = torch.compile(model, backend="eager", fullgraph=True)
    with torch.no_grad():
        torch.testing.assert_close(traced(image), model(image))
