"""Open a data set by name: the source is a file of this folder, and nothing else to register.

A source has a function ``load(spec, folder)`` that returns ``Images`` (small sets, kept in memory
on the device) or ``Files`` (large ones, read by worker processes).
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from datamodules.files import FileData
from datamodules.images import DataError, Files, Images, resized
from datamodules.module import ImageData
from datamodules.spec import DataSpec
from datamodules.tensors import TensorData
from lightning_modules.recipe import Recipe

__all__ = ["open_data", "sources"]


def open_data(
    spec: DataSpec, *, folder: Path, recipe: Recipe, seed: int, workers: int = 4
) -> ImageData:
    """Read the data that ``spec`` names and give them their loaders.

    Args:
        spec: the data set.
        folder: the ``datasets`` folder; the set lies in ``spec.folder`` below it.
        recipe: batch size and augmentation.
        seed: of the order and the augmentation; the splits do not depend on it.
        workers: processes that read images from files; not used for sets in memory.

    Raises:
        DataError: the data are missing, incomplete or not what ``spec`` says. Nothing is ever
            downloaded.
        ValueError: a value of ``spec`` or ``recipe`` is out of range; all such are named.
    """
    problems = _problems(spec, recipe)
    if problems:
        raise ValueError("; ".join(problems))
    source = import_module(f"datamodules.{spec.source}")
    data: Images | Files = source.load(spec, folder / spec.folder)
    if isinstance(data, Files):
        return FileData(data, spec, recipe, seed=seed, workers=workers)
    _check_images(data, spec)
    return TensorData(resized(data, spec.image_size), spec, recipe, seed=seed)


def sources() -> list[str]:
    """The files of this folder that define ``load``; none is imported."""
    files = Path(__file__).parent.glob("*.py")
    return sorted(path.stem for path in files if b"\ndef load(" in path.read_bytes())


def _problems(spec: DataSpec, recipe: Recipe) -> list[str]:
    values = (
        ("num_classes", spec.num_classes, "at least 2", spec.num_classes >= 2),
        ("image_size", spec.image_size, "at least 1", spec.image_size >= 1),
        ("pad", spec.pad, "at least 0", spec.pad >= 0),
        ("val_fraction", spec.val_fraction, "in [0, 1)", 0 <= spec.val_fraction < 1),
        ("std", spec.std, "above 0", min(spec.std, default=0) > 0),
        ("mean", spec.mean, "as long as std", len(spec.mean) == len(spec.std)),
        ("batch_size", recipe.batch_size, "at least 1", recipe.batch_size >= 1),
        ("mixup", recipe.mixup, "at least 0", recipe.mixup >= 0),
        ("cutmix", recipe.cutmix, "at least 0", recipe.cutmix >= 0),
        ("randaugment", recipe.randaugment, "from 0 to 30", 0 <= recipe.randaugment <= 30),
        ("erasing", recipe.erasing, "in [0, 1]", 0 <= recipe.erasing <= 1),
    )
    problems = [
        f"{name} is {allowed}; came {came}" for name, came, allowed, fine in values if not fine
    ]
    if spec.source not in (known := sources()):
        problems.append(f"source '{spec.source}' does not exist; available: {', '.join(known)}")
    return problems


def _check_images(images: Images, spec: DataSpec) -> None:
    channels = images.train_x.shape[1]
    if channels != len(spec.mean):
        raise DataError(
            f"{spec.source} has {channels} channels; came mean and std for {len(spec.mean)}"
        )
    for part, labels in (("train", images.train_y), ("test", images.test_y)):
        low, high = int(labels.min()), int(labels.max())
        if low < 0 or high >= spec.num_classes:
            raise DataError(
                f"the {part} labels of {spec.source} go from {low} to {high}; with num_classes="
                f"{spec.num_classes} they must be from 0 to {spec.num_classes - 1}"
            )
