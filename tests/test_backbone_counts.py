"""Backbones have exactly the parameters that were published, or that timm has."""

from __future__ import annotations

from typing import Any

import pytest
import timm
import torch
from nets import make

pytestmark = pytest.mark.usefixtures("one_thread")

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


def count(name: str, classes: int = 10, side: int = 32, **options: Any) -> int:
    with torch.device("meta"):
        model = make(name, classes, side, **options)
    return sum(p.numel() for p in model.parameters())


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
