"""Small data, opened as a training opens them, and the images that come out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor

from datamodules.batches import Batches
from datamodules.open import open_data
from datamodules.spec import DataSpec
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


def rows(x: Tensor) -> list[bytes]:
    """The images as a multiset."""
    return sorted(image.numpy().tobytes() for image in x)
