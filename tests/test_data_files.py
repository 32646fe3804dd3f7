"""CIFAR and STL-10 are read from the official files, and missing ones are named."""

from __future__ import annotations

import hashlib
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_data import opened, spec_of
from torch import Tensor

from datamodules import stl10
from datamodules.images import DataError


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
