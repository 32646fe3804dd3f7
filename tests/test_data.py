"""The sources read what lies on disk, splits and batches are what they claim to be."""

from __future__ import annotations

import hashlib
import pickle
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from omegaconf import OmegaConf
from PIL import Image
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor, nn

from datamodules import stl10
from datamodules.batches import Batches, Place
from datamodules.images import DataError, Files, Images, data_checksum, resized
from datamodules.module import ImageData
from datamodules.open import open_data, sources
from datamodules.spec import DataSpec
from datamodules.split import stratified
from datamodules.tensors import TensorData
from lightning_modules.recipe import Recipe

CONF = Path(__file__).parents[1] / "conf" / "data"
SYNTHETIC = DataSpec(source="synthetic", num_classes=4, image_size=8, size=90, val_fraction=0.2)
HERE = Path()


def opened(
    spec: DataSpec, folder: Path = HERE, *, seed: int = 0, workers: int = 0, **recipe: Any
) -> Any:
    """The data with a small batch; Any, because a test knows which kind it opened."""
    chosen = replace(Recipe(batch_size=16), **recipe)
    return open_data(spec, folder=folder, recipe=chosen, seed=seed, workers=workers)


def conf(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((CONF / f"{name}.yaml").read_text())
    return content


def spec_of(name: str) -> DataSpec:
    return DataSpec(**{key: value for key, value in conf(name).items() if key != "defaults"})


def gathered(loader: Batches | list[Batches]) -> tuple[Tensor, Tensor]:
    batches: list[Any] = list(loader)
    return torch.cat([x for x, _ in batches]), torch.cat([y for _, y in batches])


def raw(x: Tensor, spec: DataSpec) -> Tensor:
    """Normalised images back to 0..255."""
    mean, std = (torch.tensor(v).view(1, -1, 1, 1) for v in (spec.mean, spec.std))
    return ((x * std + mean) * 255).round().to(torch.uint8)


# conf/data


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


# sources


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


class OldDtype:
    def __reduce__(self) -> tuple[Any, ...]:
        return np.dtype, ("u1", 0, 1), (3, "|", None, None, None, -1, -1, 0)


class OldArray:
    """An array as Python 2's numpy pickled it, which is what the official files hold."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __reduce__(self) -> tuple[Any, ...]:
        from numpy._core.multiarray import _reconstruct

        state = (1, self.array.shape, OldDtype(), False, self.array.tobytes())
        return _reconstruct, (np.ndarray, (0,), b"b"), state


def write_pickle(path: Path, content: dict[str, Any]) -> list[str]:
    raw = pickle.dumps(content, protocol=2)
    path.write_bytes(raw.replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))
    return [path.name, hashlib.md5(path.read_bytes()).hexdigest()]


def write_cifar(folder: Path, classes: int, monkeypatch: pytest.MonkeyPatch) -> dict[str, Tensor]:
    """Small files in the official format; torchvision is told their md5 sums."""
    from torchvision import datasets

    kind = {10: datasets.CIFAR10, 100: datasets.CIFAR100}[classes]
    label = {10: "labels", 100: "fine_labels"}[classes]
    place = folder / kind.base_folder
    place.mkdir(parents=True)
    draws, written = np.random.default_rng(0), {}

    def write(name: str) -> list[str]:
        x = draws.integers(256, size=(2 * classes, 3072), dtype=np.uint8)
        y = [i % classes for i in range(2 * classes)]
        written[name] = torch.from_numpy(x).view(-1, 3, 32, 32)
        other = {"coarse_labels": [0] * len(y)} if classes == 100 else {}
        return write_pickle(place / name, {"data": OldArray(x), label: y, **other})

    monkeypatch.setattr(kind, "train_list", [write(name) for name, _ in kind.train_list])
    monkeypatch.setattr(kind, "test_list", [write(name) for name, _ in kind.test_list])
    names = {kind.meta["key"]: [str(i) for i in range(classes)]}
    name, md5 = write_pickle(place / kind.meta["filename"], names)
    monkeypatch.setattr(kind, "meta", {**kind.meta, "filename": name, "md5": md5})
    return written


@pytest.mark.parametrize(("name", "classes", "files"), [("cifar10", 10, 5), ("cifar100", 100, 1)])
def test_cifar_is_read_from_the_official_pickles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, classes: int, files: int
) -> None:
    written = write_cifar(tmp_path, classes, monkeypatch)
    data = opened(spec_of(name), tmp_path).data
    *train, test = written.values()
    assert len(train) == files
    assert torch.equal(data.train_x, torch.cat(train))
    assert torch.equal(data.test_x, test)
    assert torch.equal(data.test_y, torch.arange(2 * classes) % classes)
    assert torch.equal(data.train_y, data.test_y.repeat(files))


def test_missing_and_half_downloaded_cifar_files_are_named_with_the_way_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DataError) as nothing:
        opened(spec_of("cifar10"), tmp_path)
    assert "missing: data_batch_1, data_batch_2" in str(nothing.value)
    write_cifar(tmp_path, 10, monkeypatch)
    place = tmp_path / "cifar-10-batches-py"
    (place / "test_batch").unlink()
    half = (place / "data_batch_4").read_bytes()[:5000]
    (place / "data_batch_4").write_bytes(half)
    with pytest.raises(DataError) as found:
        opened(spec_of("cifar10"), tmp_path)
    message = str(found.value)
    assert str(place) in message
    assert "missing: test_batch; incomplete or damaged: data_batch_4." in message
    assert f"CIFAR10('{tmp_path}', download=True)" in message
    assert found.value.__cause__ is None
    assert found.value.__suppress_context__


def test_the_advised_command_is_python_that_calls_torchvision(tmp_path: Path) -> None:
    with pytest.raises(DataError) as found:
        opened(spec_of("cifar100"), tmp_path)
    command = str(found.value).splitlines()[-1].strip()
    code = command.removeprefix('python -c "').removesuffix('"')
    assert compile(code, "advice", "exec").co_names == ("torchvision.datasets", "CIFAR100")


def test_cifar_with_another_number_of_classes_is_refused() -> None:
    with pytest.raises(DataError, match="10 or 100 classes; came num_classes=20"):
        opened(replace(spec_of("cifar100"), num_classes=20))


def test_stl10_is_read_column_by_column_with_classes_from_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, draws = tmp_path / "stl10_binary", np.random.default_rng(0)
    place.mkdir()
    written = {}
    for part, labels in (("train", [1, 2, 10]), ("test", [1, 10, 3, 2])):
        monkeypatch.setitem(stl10.COUNTS, part, len(labels))
        x = draws.integers(256, size=(len(labels), 3, 96, 96), dtype=np.uint8)
        written[part] = torch.from_numpy(x)
        np.stack([[channel.T for channel in image] for image in x]).tofile(place / f"{part}_X.bin")
        np.array(labels, dtype=np.uint8).tofile(place / f"{part}_y.bin")
    data = opened(spec_of("stl10"), tmp_path).data
    assert torch.equal(data.train_x, written["train"])
    assert torch.equal(data.test_x, written["test"])
    assert data.train_y.tolist() == [0, 1, 9]
    assert data.test_y.tolist() == [0, 9, 2, 1]


def test_stl10_names_what_is_missing_and_what_is_half_downloaded(tmp_path: Path) -> None:
    place = tmp_path / "stl10_binary"
    place.mkdir()
    (place / "train_y.bin").write_bytes(bytes(5000))
    (place / "test_X.bin").write_bytes(bytes(1234))
    with pytest.raises(DataError) as found:
        opened(spec_of("stl10"), tmp_path)
    message = str(found.value)
    assert "train_X.bin is missing; test_X.bin is incomplete (1234 of 221184000 bytes)" in message
    assert "test_y.bin is missing" in message
    assert "train_y.bin is" not in message
    assert f"STL10('{tmp_path}', download=True)" in message


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


# image folders

FOLDER = DataSpec(
    source="imagefolder", folder="pets", num_classes=2, image_size=14, flip=True, val_fraction=0.25
)


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    draws = np.random.default_rng(0)
    for part, count in (("train", 8), ("val", 3)):
        for name in ("cat", "dog"):
            (tmp_path / "pets" / part / name).mkdir(parents=True)
            for i in range(count):
                pixels = draws.integers(256, size=(20, 24, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(tmp_path / "pets" / part / name / f"{i}.png")
    return tmp_path


def test_an_image_folder_yields_crops_for_training_and_the_resized_centre_for_testing(
    pets: Path,
) -> None:
    module = opened(FOLDER, pets, batch_size=5)
    x, y = gathered(module.train_dataloader())
    assert x.shape == (12, 3, 14, 14)
    assert y.bincount().tolist() == [6, 6]
    x, y = gathered(module.test_dataloader())
    assert y.tolist() == [0, 0, 0, 1, 1, 1]
    picture = Image.open(pets / "pets" / "val" / "dog" / "2.png").convert("RGB")
    scaled = picture.resize((19, 16), Image.Resampling.BILINEAR)
    corner = (round((19 - 14) / 2), 1)
    centre = scaled.crop((*corner, corner[0] + 14, corner[1] + 14))
    assert np.array_equal(raw(x[5:], FOLDER)[0].permute(1, 2, 0).numpy(), np.asarray(centre))


@pytest.mark.parametrize("recipe", [{}, {"randaugment": 9, "erasing": 0.5, "mixup": 0.2}])
def test_neither_workers_nor_the_global_generator_change_an_image(
    pets: Path, recipe: dict[str, Any]
) -> None:
    torch.manual_seed(0)
    one, _ = gathered(opened(FOLDER, pets, **recipe).train_dataloader())
    before = torch.manual_seed(1).get_state()
    other, _ = gathered(opened(FOLDER, pets, **recipe).train_dataloader())
    assert torch.equal(torch.random.get_rng_state(), before)
    by_workers, _ = gathered(opened(FOLDER, pets, workers=2, **recipe).train_dataloader())
    assert torch.equal(one, other)
    assert torch.equal(one, by_workers)


def test_the_crop_of_a_file_depends_on_the_epoch_and_not_on_the_batch_size(pets: Path) -> None:
    module = opened(FOLDER, pets)
    one, _ = gathered(module.train_dataloader())
    smaller, _ = gathered(opened(FOLDER, pets, batch_size=5).train_dataloader())
    assert torch.equal(one, smaller)
    module.epoch_offset = 1
    assert rows(one) != rows(gathered(module.train_dataloader())[0])


def test_where_val_and_test_both_have_classes_test_is_the_test_split(pets: Path) -> None:
    shutil.copytree(pets / "pets" / "val", pets / "pets" / "test")
    (pets / "pets" / "test" / "cat" / "0.png").unlink()
    assert opened(FOLDER, pets).test_count == 5


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (shutil.rmtree, "no such folder"),
        (lambda pets: shutil.rmtree(pets / "val"), r"below test/ or val/.* found train"),
        (
            lambda pets: shutil.rmtree(pets / "val" / "cat"),
            "came 2 and 1, only in one of them: cat",
        ),
        (lambda pets: [p.unlink() for p in (pets / "train" / "dog").iterdir()], "classes dog"),
        (lambda pets: [(pets / p / "bee").mkdir() for p in ("train", "val")], "came 3 and 3"),
    ],
)
def test_a_broken_image_folder_is_described(
    pets: Path, damage: Callable[[Path], object], message: str
) -> None:
    damage(pets / "pets")
    with pytest.raises(DataError, match=message) as found:
        opened(FOLDER, pets)
    assert str(pets / "pets") in str(found.value)


def test_an_image_that_cannot_be_decoded_is_named(pets: Path) -> None:
    broken = pets / "pets" / "val" / "cat" / "1.png"
    broken.write_bytes(broken.read_bytes()[:60])
    with pytest.raises(DataError, match=r"cat/1\.png cannot be read"):
        list(opened(FOLDER, pets).test_dataloader())


# choosing


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


# splits and order


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.33])
def test_the_validation_split_takes_its_share_of_each_class(fraction: float) -> None:
    labels = torch.tensor([0] * 50 + [1] * 30 + [2] * 7 + [3])[torch.randperm(88)]
    kept, cut = stratified(labels, fraction, "x", 0)
    assert sorted(kept.tolist() + cut.tolist()) == list(range(88))
    assert kept.tolist() == sorted(kept.tolist())
    expected = [int(fraction * n + 0.5) for n in (50, 30, 7)] + [0]
    assert labels[cut].bincount(minlength=4).tolist() == expected


def test_the_split_depends_on_the_split_seed_and_not_on_the_run_seed() -> None:
    one, other = opened(SYNTHETIC, seed=0), opened(SYNTHETIC, seed=1)
    assert torch.equal(one.val_index, other.val_index)
    moved = opened(replace(SYNTHETIC, split_seed=1))
    assert not torch.equal(one.val_index, moved.val_index)
    assert len(one.val_index) == len(moved.val_index) == 18


def test_a_share_of_one_or_more_is_refused() -> None:
    with pytest.raises(ValueError, match=r"came 1\.5"):
        stratified(torch.tensor([0, 1]), 1.5)


def test_validation_and_test_yield_every_image_once_in_order_and_normalised() -> None:
    spec = replace(SYNTHETIC, pad=2, flip=True, mean=[0.1, 0.2, 0.3], std=[0.2, 0.3, 0.4])
    module = opened(spec)
    x, y = gathered(module.val_dataloader())
    assert torch.equal(raw(x, spec), module.data.train_x[module.val_index])
    assert torch.equal(y, module.data.train_y[module.val_index])
    x, y = gathered(module.test_dataloader())
    assert torch.equal(raw(x, spec), module.data.test_x)
    assert torch.equal(y, module.data.test_y)


def test_a_training_pass_sees_each_image_of_the_split_once_in_an_order_of_its_epoch() -> None:
    loader = opened(SYNTHETIC).train_dataloader()
    first, second = (torch.cat(list(loader.order(epoch))) for epoch in (0, 1))
    assert not torch.equal(first, second)
    assert torch.equal(first.sort().values, opened(SYNTHETIC).train_index)
    assert torch.equal(first.sort().values, second.sort().values)
    assert [len(batch) for batch in loader.order(0)] == [16] * 4 + [8]
    assert len(loader) == len(list(loader)) == 5
    assert len(opened(SYNTHETIC, drop_last=True).train_dataloader()) == 4


@pytest.mark.parametrize("world", [2, 3, 8])
def test_the_devices_together_see_the_global_batch_of_one(world: int) -> None:
    alone = opened(replace(SYNTHETIC, flip=True, pad=1))
    parts = [opened(replace(SYNTHETIC, flip=True, pad=1)) for _ in range(world)]
    for rank, part in enumerate(parts):
        part.place = Place(rank, world)
    for name in ("train_dataloader", "val_dataloader", "test_dataloader"):
        whole = gathered(getattr(alone, name)())
        loaders = [list(getattr(part, name)()) for part in parts]
        assert len({len(loader) for loader in loaders}) == 1
        assert all(len(y) for loader in loaders for _, y in loader)
        batches = [
            (torch.cat([x for x, _ in step]), torch.cat([y for _, y in step]))
            for step in zip(*loaders, strict=True)
        ]
        if name == "train_dataloader":
            for (x, y), (global_x, global_y) in zip(batches, alone.train_dataloader(), strict=True):
                assert torch.equal(y.sort().values, global_y.sort().values)
                assert rows(x) == rows(global_x)
        assert rows(torch.cat([x for x, _ in batches])) == rows(whole[0])


def rows(x: Tensor) -> list[bytes]:
    """The images as a multiset."""
    return sorted(image.numpy().tobytes() for image in x)


def test_a_last_batch_smaller_than_the_number_of_devices_is_left_out_of_training() -> None:
    module = opened(replace(SYNTHETIC, val_fraction=0.0), batch_size=44)
    assert [len(batch) for batch in module.train_dataloader().order(0)] == [44, 44, 2]
    module.place = Place(0, 3)
    assert len(module.train_dataloader()) == 2


def test_a_split_that_makes_no_batch_is_refused() -> None:
    module = opened(SYNTHETIC, batch_size=128, drop_last=True)
    with pytest.raises(ValueError, match="drop_last"):
        module.train_dataloader()


def test_the_test_labels_reach_nothing_but_the_test_loader() -> None:
    data = opened(SYNTHETIC).data
    shuffled = replace(data, test_y=data.test_y.flip(0))
    one, other = (TensorData(d, SYNTHETIC, Recipe(batch_size=16), seed=0) for d in (data, shuffled))
    for read in (ImageData.train_dataloader, ImageData.val_dataloader):
        for ours, theirs in zip(gathered(read(one)), gathered(read(other)), strict=True):
            assert torch.equal(ours, theirs)
    for (x, y), (u, v) in zip(one.calibration(3, 8), other.calibration(3, 8), strict=True):
        assert torch.equal(x, u)
        assert torch.equal(y, v)
    assert not torch.equal(gathered(one.test_dataloader())[1], gathered(other.test_dataloader())[1])


def test_calibration_gives_plain_training_images_chosen_by_the_seed() -> None:
    module = opened(replace(SYNTHETIC, pad=2, flip=True))
    batches = module.calibration(4, 16, device="cpu", seed=5)
    assert [x.shape for x, _ in batches] == [(16, 3, 8, 8)] * 4
    seen = rows(raw(torch.cat([x for x, _ in batches]), SYNTHETIC))
    train = rows(module.data.train_x[module.train_index])
    assert len(set(seen)) == 64
    assert set(seen) <= set(train)
    assert rows(module.calibration(4, 16, seed=5)[0][0]) == rows(batches[0][0])
    assert rows(module.calibration(4, 16, seed=6)[0][0]) != rows(batches[0][0])
    twice = module.calibration(9, 16, seed=0)
    assert len(set(rows(torch.cat([x for x, _ in twice])))) == len(train) == 72


def test_calibration_images_of_a_folder_are_not_augmented(pets: Path) -> None:
    one, other = (opened(FOLDER, pets, seed=seed).calibration(2, 5, seed=1) for seed in (0, 1))
    for (x, y), (u, v) in zip(one, other, strict=True):
        assert torch.equal(x, u)
        assert torch.equal(y, v)


# checksum


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


def test_the_checksum_of_a_folder_moves_with_it_and_notices_a_file(pets: Path) -> None:
    checksum = opened(FOLDER, pets).checksum
    shutil.move(pets / "pets", pets / "elsewhere")
    moved = replace(FOLDER, folder="elsewhere")
    assert opened(moved, pets).checksum == checksum
    files = opened(moved, pets).data
    assert data_checksum(Files(files.root, files.train[::-1], files.test)) == checksum
    picture = pets / "elsewhere" / "train" / "cat" / "0.png"
    picture.write_bytes(picture.read_bytes() + b"x")
    assert opened(moved, pets).checksum != checksum


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


# Lightning


lightning = pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning")  # its own


class Watcher(LightningModule):
    """A linear classifier that keeps what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3 * 8 * 8, 4)
        nn.init.zeros_(self.layer.weight)
        nn.init.zeros_(self.layer.bias)
        self.seen: list[Tensor] = []
        self.validated = 0

    def training_step(self, batch: tuple[Tensor, Tensor], number: int) -> Tensor:
        x, y = batch
        self.seen.append(x)
        return nn.functional.cross_entropy(self.layer(x.flatten(1)), y)

    def validation_step(self, batch: tuple[Tensor, Tensor], number: int) -> None:
        self.validated += len(batch[1])

    test_step = validation_step

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.01)


def trainer(folder: Path, epochs: int, *, validate: bool = True) -> Trainer:
    return Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        default_root_dir=folder,
        num_sanity_val_steps=0,
        limit_val_batches=1.0 if validate else 0,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        logger=False,
    )


@lightning
def test_lightning_gets_the_batches_of_its_epoch_plus_the_offset(tmp_path: Path) -> None:
    spec, model = replace(SYNTHETIC, pad=1, flip=True), Watcher()
    module = opened(spec)
    module.epoch_offset = 5
    trainer(tmp_path, 2).fit(model, datamodule=module)
    assert model.validated == 2 * len(module.val_index)
    expected = []
    for epoch in (5, 6):
        alone = opened(spec)
        alone.epoch_offset = epoch
        expected += [x for x, _ in alone.train_dataloader()]
    assert len(model.seen) == len(expected) == 10
    assert all(torch.equal(x, y) for x, y in zip(model.seen, expected, strict=True))


@lightning
def test_a_resumed_training_sees_what_an_uninterrupted_one_sees(tmp_path: Path) -> None:
    whole, half, rest = Watcher(), Watcher(), Watcher()
    trainer(tmp_path, 3).fit(whole, datamodule=opened(SYNTHETIC))
    first = trainer(tmp_path, 1)
    first.fit(half, datamodule=opened(SYNTHETIC))
    first.save_checkpoint(tmp_path / "one.ckpt")
    trainer(tmp_path, 3).fit(rest, datamodule=opened(SYNTHETIC), ckpt_path=tmp_path / "one.ckpt")
    seen = half.seen + rest.seen
    assert len(seen) == len(whole.seen)
    assert all(torch.equal(x, y) for x, y in zip(seen, whole.seen, strict=True))
    assert torch.equal(rest.layer.weight, whole.layer.weight)


@lightning
def test_without_a_validation_split_lightning_trains_and_tests_all_the_same(tmp_path: Path) -> None:
    model, module = Watcher(), opened(replace(SYNTHETIC, val_fraction=0.0))
    assert module.val_dataloader() == []
    runner = trainer(tmp_path, 1, validate=False)
    runner.fit(model, datamodule=module)
    assert model.validated == 0
    assert sum(map(len, model.seen)) == 90
    runner.test(model, datamodule=module, verbose=False)
    assert model.validated == 90
