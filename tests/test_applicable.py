"""What cannot work is told before anything starts: by the plan, or by the look before a start."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import TRAINER, cell, cells

from lightning_modules.backbones import resnet
from lightning_modules.structure import Site
from sweeps import preflight as looking
from sweeps.applicable import why_not
from sweeps.errors import UserError
from sweeps.preflight import preflight, unbuildable

CHANNELS = ("pruning=l1", "pruning.macs=0.5")


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (("backbone=vit_micro", "attention=iebn"), "iebn reads maps (B,C,H,W), vit_micro offers"),
        (("backbone=vgg_micro", "attention=stepnet"), "goes into a step slot, vgg_micro has none"),
        (("backbone=convnext_micro", "attention=sk"), "sk goes into a conv slot"),
        (("backbone=resnet8_nobn", "attention=iebn"), "a norm slot, resnet8_nobn has none"),
        (("backbone=resnet8_noskip", "attention=stepnet"), "a step slot, resnet8_noskip has none"),
        (
            ("backbone=resnet8_nobn", "pruning=bn_scale", "pruning.macs=0.5"),
            "bn_scale reads batch norm scales, the widths of resnet8_nobn have none",
        ),
        (
            ("attention=sk", *CHANNELS),
            "l1 removes channels of the convolutions that sk replaces",
        ),
        (
            ("backbone=vit_micro", "recipe=digits_noise_mix"),
            "noise.kind=mix disturbs batch norms, vit_micro has none",
        ),
        (("pruning=ean", "attention=none"), "attention=none plugs none"),
        (("pruning=ean", "attention=bam"), "bam goes into no block"),
        (
            ("pruning=ean", "attention=se", "attention.connect=110"),
            "ean searches among all blocks, connect=110 sets them",
        ),
        (
            ("pruning=ean", "attention=se", "data.val_fraction=0"),
            "ean compares on the validation split, digits has val_fraction=0",
        ),
    ],
)
def test_a_plan_says_why_a_pair_cannot_work(overrides: tuple[str, ...], reason: str) -> None:
    given = {override.partition("=")[0] for override in overrides}
    backbone = () if "backbone" in given else ("backbone=resnet8",)
    assert reason in str(why_not(cell(*backbone, *overrides)))


@pytest.mark.parametrize(
    "overrides",
    [
        ("attention=iebn", *CHANNELS),
        ("attention=bam", *CHANNELS),
        ("attention=stepnet", "attention.connect=random"),
        ("attention=se", "attention.connect=random"),
        ("attention=se", "attention.connect=1|0|1"),
        ("attention=sk", "pruning=magnitude", "pruning.sparsity=0.5"),
        ("pruning=ean", "attention=dia"),
        ("backbone=resnet8_nobn", "attention=bam", *CHANNELS),
    ],
)
def test_a_plan_has_no_objection_to_what_works(overrides: tuple[str, ...]) -> None:
    given = {override.partition("=")[0] for override in overrides}
    backbone = () if "backbone" in given else ("backbone=resnet8",)
    assert why_not(cell(*backbone, *overrides)) is None


def uneven(model: object) -> list[Site]:
    """All blocks of the net in one stage, though their widths differ."""
    return [Site(f"stages.{stage}.0.gate", 16 * 2**stage, 0) for stage in range(3)]


def test_a_stage_of_unequal_widths_is_one_message_before_anything_is_trained(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(resnet, "sites", uneven)
    grid = cells(
        "backbone=resnet8", "attention=se,dia", "attention.share=stage", "seed=0,1", "data=digits"
    )
    with pytest.raises(UserError) as caught:
        preflight(grid, tmp_path, TRAINER)
    assert str(caught.value).splitlines() == [
        f"resnet8 with attention {name}, 10 classes, 8 px: {kind} cannot be shared by stage 0: "
        "its sites have [16, 32, 64] channels; sites of one stage need equal channels, "
        "use share=block"
        for name, kind in (("se", "SqueezeExcitation"), ("dia", "DenseImplicitAttention"))
    ]


def test_each_network_is_made_once_and_none_of_a_module_that_refuses_its_options(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = []
    monkeypatch.setattr(looking, "skeleton", lambda *axes, **_: made.append(axes))
    grid = cells("backbone=resnet8,resnet20", "attention=se,eca", "seed=0,1,2")
    grid += cells("pruning=l1", "pruning.macs=0.5", "backbone=resnet8", "attention=se")
    refused = ("attention=se", "attention.reduction=0", "data=digits,cifar10")
    grid += cells("backbone=resnet8", *refused)
    assert unbuildable(grid) == ["attention se: reduction is at least 1; came 0"]
    assert len(made) == 4


def test_an_epoch_that_ends_in_one_image_is_refused_for_what_normalises_pooled_values(
    tmp_path: Path,
) -> None:
    data = ("data=synthetic", "data.size=64", "data.val_fraction=0", "recipe.batch_size=21")
    asked = cells(*data, "backbone=resnet8", "attention=se,srm")
    with pytest.raises(UserError, match=r"attention srm: .* one image, and 64 training") as told:
        preflight(asked, tmp_path, TRAINER)
    assert "attention se" not in str(told.value)
    preflight(cells(*data, "attention=srm", "recipe.drop_last=true"), tmp_path, TRAINER)
