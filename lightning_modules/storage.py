"""Files of training: written whole or not at all, checked when read, set aside when damaged."""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO
from torch import Tensor

__all__ = [
    "Damaged",
    "Direct",
    "Files",
    "copied",
    "is_whole",
    "part",
    "previous",
    "read",
    "replace",
    "save",
    "take",
]


class Damaged(ValueError):
    """A file that cannot be read. ``what``: that, and why, without what to do about it."""

    def __init__(self, path: Path, reason: str) -> None:
        self.what = f"checkpoint {path} is damaged ({reason})"
        super().__init__(
            f"{self.what}; delete it and run again: training goes on from what is left"
        )


@dataclass(frozen=True)
class Files:
    """Where a phase leaves its state: ``checkpoint`` while it goes, ``result`` at the end.

    The checkpoint stays when the result is there, so that a lost result can be made again; with
    ``previous(checkpoint)`` it is deleted by who knows that neither is needed any more.
    """

    checkpoint: Path
    result: Path

    def resume(self) -> Path | None:
        """The newest checkpoint that is whole; damaged ones are set aside."""
        for path in (self.checkpoint, previous(self.checkpoint)):
            if take(path) is not None:
                return path
        return None


def part(path: Path) -> Path:
    """Where a file is while it is being written."""
    return path.with_name(f".{path.name}.part")


def previous(path: Path) -> Path:
    """Where the generation before a file's is kept."""
    return path.with_name(f"{path.name}.previous")


def replace(path: Path) -> None:
    """Let what was written to ``part(path)`` be the file; what it was becomes the previous one."""
    if path.exists():
        os.replace(path, previous(path))
    os.replace(part(path), path)


def save(path: Path, content: Mapping[str, Any]) -> None:
    """torch.save, so that a reader sees the whole file or none, whatever happens."""
    write(part(path), content)
    os.replace(part(path), path)


def write(path: Path, content: Mapping[str, Any]) -> None:
    """torch.save, and on the disk when it returns.

    Raises:
        KeyboardInterrupt: also where torch makes an error of its writer of it.
    """
    with path.open("wb") as file:
        try:
            torch.save(dict(content), file)
        except RuntimeError as error:
            if isinstance(error.__context__, KeyboardInterrupt):
                raise error.__context__ from None
            raise
        file.flush()
        os.fsync(file.fileno())


class Direct(TorchCheckpointIO):
    """Lets a Trainer write where it is told, not to the node's temporary folder first, and without
    a second copy of everything in memory."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        write(Path(path), checkpoint)


def read(path: Path) -> dict[str, Any]:
    """Load a file that ``save`` or a Trainer wrote.

    Raises:
        Damaged: it cannot be read; also a single bit that changed is found.
        FileNotFoundError: there is none.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if torn := archive.testzip():
                raise ValueError(f"its part {torn} has changed")
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise
    except Exception as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)[:120]
        raise Damaged(path, reason) from None
    return dict(content)


def take(path: Path) -> dict[str, Any] | None:
    """What a file holds, or None if there is none or it is damaged: then it is kept as
    ``<name>.damaged``, and a line on stderr says so."""
    try:
        return read(path)
    except FileNotFoundError:
        return None
    except Damaged as error:
        aside = path.with_name(f"{path.name}.damaged")
        os.replace(path, aside)
        print(f"{error.what}; set aside as {aside.name}", file=sys.stderr, flush=True)
        return None


def is_whole(path: Path) -> bool:
    """Whether a file is there and undamaged; it stays where it is."""
    try:
        read(path)
    except (FileNotFoundError, Damaged):
        return False
    return True


def copied(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict's tensors on the CPU, independent of the network."""
    return {name: tensor.detach().cpu().clone() for name, tensor in state.items()}
