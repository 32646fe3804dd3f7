"""What conf/data names is what its source gives: digits, synthetic images, their checksum."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from PIL import Image
from small_data import CONF, SYNTHETIC, conf, opened, spec_of
from torch import Tensor

from datamodules.images import DataError, Images, data_checksum, resized
from datamodules.open import sources
from datamodules.spec import DataSpec


@pytest.mark.parametrize("path", sorted(CONF.glob("*.yaml")), ids=lambda path: path.stem)
def test_each_yaml_states_its_source_and_only_what_differs_from_the_default(path: Path) -> None:
    first, *lines = path.read_text().splitlines()
    assert first.startswith("# ")
    assert first.endswith(").")
    code = [line for line in lines if not line.startswith("#")]
    assert code[0] == "defaults: [schema, _self_]"
    given = {key: value for key, value in conf(path.stem).items() if key != "defaults"}
    merged: Any = OmegaConf.merge(OmegaConf.structured(DataSpec), given)
    assert merged.source in sources()
    default = asdict(DataSpec())
    assert [name for name in given if given[name] == default[name]] == []


def test_the_digits_yaml_holds_mean_and_deviation_of_the_training_part() -> None:
    spec = spec_of("digits")
    data = opened(spec).data
    values = data.train_x.double() / 255
    for channel in range(3):
        assert spec.mean[channel] == round(values[:, channel].mean().item(), 4)
        assert spec.std[channel] == round(values[:, channel].std().item(), 4)


def test_digits_hold_all_1797_images_and_a_fixed_fifth_of_each_class_is_the_test_split() -> None:
    from sklearn.datasets import load_digits

    one = opened(replace(spec_of("digits"), split_seed=0), seed=0).data
    other = opened(replace(spec_of("digits"), split_seed=9), seed=9).data
    assert torch.equal(one.test_x, other.test_x)
    everything = torch.cat((one.train_x, one.test_x))
    assert everything.shape == (1797, 3, 8, 8)
    official = load_digits()
    rows = {tuple(image) for image in (official.data * 255 / 16).round().astype(int)}
    assert {tuple(image) for image in everything[:, 1].flatten(1).tolist()} == rows
    share = one.test_y.bincount() / (one.test_y.bincount() + one.train_y.bincount())
    assert (share - 0.2).abs().max() < 0.003


def test_images_are_resized_when_the_spec_asks_for_another_size() -> None:
    module = opened(replace(spec_of("digits"), image_size=16))
    x, _ = next(iter(module.test_dataloader()))
    assert x.shape[1:] == (3, 16, 16)
    small = opened(spec_of("digits")).data.test_x[0, 0].numpy()
    pillow = np.asarray(Image.fromarray(small).resize((16, 16), Image.Resampling.BILINEAR))
    difference = module.data.test_x[0, 0].int() - torch.from_numpy(pillow.astype(np.int32))
    assert difference.abs().max() <= 1


def test_synthetic_classes_can_be_told_apart_and_are_the_same_every_time() -> None:
    spec = replace(SYNTHETIC, size=200)
    data = opened(spec).data
    centres = torch.stack([data.train_x[data.train_y == c].float().mean(0) for c in range(4)])
    distance = torch.cdist(data.test_x.float().flatten(1), centres.flatten(1))
    assert (distance.argmin(1) == data.test_y).float().mean() > 0.95
    assert torch.equal(opened(spec, seed=3).data.train_x, data.train_x)
    assert not torch.equal(data.train_x, data.test_x)


def test_synthetic_data_need_an_image_for_each_class() -> None:
    with pytest.raises(DataError, match="came size=3"):
        opened(replace(SYNTHETIC, size=3))


def test_an_unknown_source_and_all_values_out_of_range_are_reported_together() -> None:
    spec = replace(SYNTHETIC, source="cifra", val_fraction=1.0, std=[0.5, 0.0, 0.5])
    with pytest.raises(ValueError, match="cifra") as found:
        opened(spec, erasing=1.5, randaugment=31)
    message = str(found.value)
    for part in (
        "source 'cifra' does not exist; available: cifar, digits, imagefolder, stl10, synthetic",
        "val_fraction is in [0, 1); came 1.0",
        "std is above 0",
        "erasing is in [0, 1]; came 1.5",
        "randaugment is from 0 to 30; came 31",
    ):
        assert part in message


def test_labels_beyond_num_classes_are_refused() -> None:
    with pytest.raises(
        DataError, match="train labels of digits go from 0 to 9; with num_classes=7"
    ):
        opened(replace(spec_of("digits"), num_classes=7))


def test_mean_and_deviation_must_fit_the_channels() -> None:
    with pytest.raises(DataError, match="digits has 3 channels; came mean and std for 1"):
        opened(replace(spec_of("digits"), mean=[0.5], std=[0.5]))


def test_the_checksum_is_stable_and_notices_one_pixel_and_one_label() -> None:
    data = opened(SYNTHETIC).data
    checksum = opened(SYNTHETIC, seed=4).checksum
    assert checksum == data_checksum(data)
    assert len(checksum) == 64
    for name in ("train_x", "train_y", "test_x", "test_y"):
        changed = getattr(data, name).clone()
        changed.view(-1)[-1] += 1
        assert data_checksum(replace(data, **{name: changed})) != checksum
    parts = (data.train_x, data.train_y, data.test_x, data.test_y)
    text = b"".join(str(tuple(part.shape)).encode() + part.numpy().tobytes() for part in parts)
    assert checksum == hashlib.sha256(text).hexdigest()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train_x": torch.zeros(2, 3, 4, 4)}, "train is uint8"),
        ({"test_y": torch.zeros(3, dtype=torch.int64)}, "test needs one label an image"),
    ],
)
def test_images_of_another_type_or_length_are_refused(
    change: dict[str, Tensor], message: str
) -> None:
    x, y = torch.zeros(2, 3, 4, 4, dtype=torch.uint8), torch.zeros(2, dtype=torch.int64)
    with pytest.raises(ValueError, match=message):
        Images(**{"train_x": x, "train_y": y, "test_x": x, "test_y": y, **change})


def test_images_of_the_right_size_are_not_copied() -> None:
    data = opened(SYNTHETIC).data
    assert resized(data, 8).train_x is data.train_x
