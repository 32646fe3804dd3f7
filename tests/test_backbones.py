"""Backbones as they start: images they take, their first layers, what they refuse."""

from __future__ import annotations

import ast
import math
from pathlib import Path

import pytest
import torch
from nets import ALL, at, family_of, make
from torch import nn

from lightning_modules.backbones import _residual, timm_vit

pytestmark = pytest.mark.usefixtures("one_thread")


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
