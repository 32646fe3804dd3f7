"""ImageFolder: one folder a class, as ImageNet is kept (Deng et al., CVPR 2009; torchvision).

Layout:
    train/<class>/*.jpg    the validation split is cut from here
    test/<class>/*.jpg     or, where there is none, val/ (ImageNet's test split lies there)
"""

from __future__ import annotations

from pathlib import Path

from datamodules.images import DataError, Files
from datamodules.spec import DataSpec

__all__ = ["load"]


def load(spec: DataSpec, folder: Path) -> Files:
    """List the images below ``folder``.

    Raises:
        DataError: a part or a class is missing or empty, or there are not ``num_classes``.
    """
    train = folder / "train"
    test = next((folder / name for name in ("test", "val") if _classes(folder / name)), None)
    if not _classes(train) or test is None:
        raise DataError(
            f"{folder} is no image folder; it needs class folders below train/ and below test/ "
            f"or val/, like train/cat/1.jpg; found {_listing(folder)}. Nothing is downloaded: "
            "put the images there (ImageNet: register on https://image-net.org/download), or "
            "choose another place with data.folder=..."
        )
    classes = _classes(train)
    if classes != _classes(test) or len(classes) != spec.num_classes:
        odd = sorted(set(classes) ^ set(_classes(test)))
        raise DataError(
            f"{folder} needs the same {spec.num_classes} class folders (num_classes) in train/ "
            f"and {test.name}/; came {len(classes)} and {len(_classes(test))}"
            + (f", only in one of them: {', '.join(odd[:5])}" if odd else "")
            + ". Finish unpacking it, or set data.num_classes"
        )
    return Files(folder, _samples(train), _samples(test))


def _classes(part: Path) -> list[str]:
    return sorted(path.name for path in part.iterdir() if path.is_dir()) if part.is_dir() else []


def _samples(part: Path) -> tuple[tuple[str, int], ...]:
    from torchvision.datasets.folder import IMG_EXTENSIONS, make_dataset

    try:
        return tuple(make_dataset(part, extensions=IMG_EXTENSIONS))
    except FileNotFoundError as error:
        raise DataError(f"{part} is incomplete: {error}") from None


def _listing(folder: Path) -> str:
    if not folder.is_dir():
        return "no such folder"
    return ", ".join(sorted(path.name for path in folder.iterdir())[:5]) or "an empty folder"
