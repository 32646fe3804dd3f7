"""Look before anything starts: are the data there, and are all options taken?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from datamodules.open import open_data
from datamodules.spec import DataSpec
from lightning_modules.build import skeleton, try_out
from lightning_modules.catalog import variant
from lightning_modules.fit import make_trainer
from lightning_modules.recipe import Recipe
from sweeps.cell import Cell
from sweeps.errors import UserError


def preflight(
    cells: Iterable[Cell], datasets: Path, trainer: Mapping[str, Any], *, elsewhere: bool = False
) -> None:
    """Open every data set that the cells use, make each network once, and make a trainer.

    Args:
        elsewhere: the cells run on other machines, whose devices are not this one's.

    Raises:
        UserError: one is missing or damaged, or the trainer's options do not fit this machine;
            all problems at once.
    """
    cells = list(cells)
    problems = unbuildable(cells)
    asked = defaultdict[str, list[Cell]](list)
    for cell in cells:
        asked[repr(cell.data.json())].append(cell)
    if not elsewhere:
        problems += _untrainable(trainer)
    for users in asked.values():
        data = users[0].data
        try:
            found = open_data(DataSpec(**data.options), folder=datasets, recipe=Recipe(), seed=0)
            problems += _lonely(users, len(found.train_index))
        except ValueError as error:
            problems.append(f"data {data}: {error}")
    if problems:
        raise UserError("\n".join(problems))


def _untrainable(trainer: Mapping[str, Any]) -> list[str]:
    """Trainer options that do not fit this machine."""
    try:
        make_trainer(trainer)
    except Exception as error:
        return [f"trainer options {dict(trainer)}: {' '.join(str(error).split())}"]
    return []


def _lonely(cells: Iterable[Cell], images: int) -> list[str]:
    """Attention whose batch norms over pooled values meet an epoch that ends in one image."""
    problems = []
    for cell in cells:
        size, drops = (cell.recipe.options[name] for name in ("batch_size", "drop_last"))
        least = variant("attention", cell.attention.name).facts.get("least_batch", 1)
        if not drops and 0 < images % size < least:
            problems.append(
                f"attention {cell.attention}: cannot train on a batch of one image, and {images} "
                f"training images of {cell.data} end in one with batch_size={size}; use "
                "recipe.drop_last=true or another recipe.batch_size"
            )
    return list(dict.fromkeys(problems))


def unbuildable(cells: Sequence[Cell]) -> list[str]:
    """Options that a module or a criterion refuses, and networks that cannot be put together.

    Each module, criterion and network is made once, networks without numbers.
    """
    problems, refused = [], set[str]()
    for axis in ("attention", "pruning"):
        for asked, value in {repr(c.json()[axis]): getattr(c, axis) for c in cells}.items():
            try:
                try_out(axis, value)
            except ValueError as error:
                problems.append(f"{axis} {value}: {error}")
                refused.add(asked)
    for (_, attention, *_), cell in {_network(cell): cell for cell in cells}.items():
        classes, size = (cell.data.options[name] for name in ("num_classes", "image_size"))
        try:
            if attention not in refused:
                skeleton(cell.backbone, cell.attention, classes=classes, image_size=size)
        except ValueError as error:
            what = f"{cell.backbone} with attention {cell.attention}"
            problems.append(f"{what}, {classes} classes, {size} px: {error}")
    return problems


def _network(cell: Cell) -> tuple[str, str, int, int]:
    """What a cell's network is made of."""
    data, axes = cell.data.options, cell.json()
    names = (repr(axes[axis]) for axis in ("backbone", "attention"))
    return (*names, data["num_classes"], data["image_size"])
