"""Every published parameter count, from the command line's words to the built network.

Sources: the papers and repositories that each variant's header names; ``attention.divisor=8`` is
timm's rounding of the hidden width.
"""

from __future__ import annotations

import pytest
import torch
from conftest import cell

from lightning_modules.build import build

PUBLISHED = [
    ("data=cifar10 backbone=resnet20 backbone.shortcut=pad", 269_722),
    ("data=cifar10 backbone=resnet20", 272_474),
    ("data=cifar100 backbone=resnet20", 278_324),
    ("data=cifar10 backbone=resnet32 backbone.shortcut=pad", 464_154),
    ("data=cifar10 backbone=resnet32", 466_906),
    ("data=cifar10 backbone=resnet56 backbone.shortcut=pad", 853_018),
    ("data=cifar10 backbone=resnet56", 855_770),
    ("data=cifar10 backbone=resnet110 backbone.shortcut=pad", 1_727_962),
    ("data=cifar10 backbone=resnet110", 1_730_714),
    ("data=cifar10 backbone=resnet164", 1_704_154),
    ("data=cifar100 backbone=resnet164", 1_727_284),
    ("data=cifar10 backbone=preresnet164", 1_703_258),
    ("data=cifar100 backbone=preresnet164", 1_726_388),
    ("data=cifar10 backbone=wrn28_10", 36_479_194),
    ("data=cifar100 backbone=wrn28_10", 36_536_884),
    ("data=cifar10 backbone=wrn52_4", 12_049_370),
    ("data=cifar100 backbone=wrn52_4", 12_072_500),
    ("data=cifar10 backbone=resnext29_8x64d", 34_426_698),
    ("data=cifar100 backbone=resnext29_8x64d", 34_518_948),
    ("data=cifar10 backbone=vgg16_bn", 14_728_266),
    ("data=cifar100 backbone=vgg16_bn", 14_774_436),
    ("data=cifar10 backbone=densenet_bc_100", 769_162),
    ("data=cifar100 backbone=densenet_bc_100", 800_032),
    ("data=cifar10 backbone=mobilenetv2", 2_296_922),
    ("data=cifar100 backbone=mobilenetv2", 2_412_212),
    ("data=imagenet backbone=resnet18", 11_689_512),
    ("data=imagenet backbone=resnet34", 21_797_672),
    ("data=imagenet backbone=resnet50", 25_557_032),
    ("data=imagenet backbone=mobilenetv2_100", 3_504_872),
    ("data=imagenet backbone=convnext_tiny", 28_589_128),
    ("data=imagenet backbone=vit_tiny", 5_717_416),
    ("data=imagenet backbone=deit_small", 22_050_664),
    ("data=cifar10 backbone=resnet18", 11_173_962),
    ("data=cifar10 backbone=resnet34", 21_282_122),
    ("data=cifar10 backbone=resnet50", 23_520_842),
    ("data=cifar100 backbone=resnet164 attention=se", 1_929_388),
    ("data=cifar100 backbone=resnet164 attention=dia", 1_946_132),
    ("data=cifar100 backbone=resnet164 attention=dia attention.reduction=1", 2_591_924),
    ("data=cifar100 backbone=resnet164 attention=dia attention.reduction=8", 1_838_500),
    ("data=cifar100 backbone=resnet164 attention=dia attention.reduction=null", 2_418_996),
    ("data=cifar100 backbone=resnet164 attention=cbam", 1_934_788),
    ("data=cifar100 backbone=resnet164 attention=eca", 1_727_518),
    ("data=cifar100 backbone=resnet164 attention=se attention.share=stage", 1_738_512),
    ("data=cifar100 backbone=resnet164 attention=cbam attention.share=stage", 1_738_812),
    ("data=cifar100 backbone=resnet164 attention=srm", 1_759_540),
    ("data=cifar100 backbone=resnet164 attention=ie", 1_743_412),
    ("data=cifar100 backbone=resnet164 attention=spa", 3_856_180),
    ("data=cifar100 backbone=resnet164 attention=simam", 1_727_284),
    ("data=cifar100 backbone=resnet164 attention=srm attention.share=stage", 1_729_076),
    ("data=cifar100 backbone=resnet164 attention=ie attention.share=stage", 1_728_180),
    ("data=cifar100 backbone=resnet164 attention=spa attention.share=stage", 1_845_556),
    ("data=imagenet backbone=resnet50 attention=coord", 27_474_864),
    ("data=imagenet backbone=resnet50 attention=srm", 25_617_448),
    # The table of SRM's paper says 31.12 M: its convolutions have biases, 15,104 in all.
    ("data=imagenet backbone=resnet50 attention=ge", 31_121_704 - 15_104),
    ("data=imagenet backbone=resnet50 attention=ge attention.gather=theta_minus", 25_557_032),
    ("data=imagenet backbone=resnet50 attention=simam", 25_557_032),
    ("data=cifar100 backbone=resnet164 attention=iebn", 1_751_508),
    # Printed as 25.92 M and, as SK-ResNet50*, as 26.15 M.
    ("data=imagenet backbone=resnet50 attention=bam", 25_915_099),
    (
        "data=imagenet backbone=resnet50 attention=sk attention.least=1 attention.dilation=1",
        26_154_496,
    ),
    ("data=imagenet backbone=resnet50 attention=se", 28_088_024),
    ("data=imagenet backbone=resnet50 attention=cbam", 28_089_624),
    ("data=imagenet backbone=resnet50 attention=sge", 25_559_080),
    ("data=imagenet backbone=resnet50 attention=eca", 25_557_118),
    ("data=imagenet backbone=resnet50 attention=se attention.share=stage", 26_257_432),
    ("data=imagenet backbone=resnet50 attention=dia attention.reduction=20", 28_358_052),
    ("data=imagenet backbone=resnet18 attention=se attention.divisor=8", 11_779_624),
    ("data=imagenet backbone=resnet34 attention=se attention.divisor=8", 21_960_416),
    ("data=cifar10 backbone=preresnet20", 272_282),
    ("data=cifar10 backbone=preresnet56", 855_578),
    ("data=cifar10 backbone=preresnet110", 1_730_522),
    ("data=cifar100 backbone=resnet32", 472_756),
    ("data=cifar100 backbone=resnet56", 861_620),
    ("data=cifar100 backbone=resnet110", 1_736_564),
]


@pytest.mark.parametrize(("overrides", "published"), PUBLISHED)
def test_a_network_has_its_published_number_of_parameters(overrides: str, published: int) -> None:
    asked = cell(*overrides.split())
    data = asked.data.options
    with torch.device("meta"):
        network = build(
            asked.backbone,
            asked.attention,
            classes=data["num_classes"],
            image_size=data["image_size"],
        )
    assert sum(p.numel() for p in network.parameters()) == published
