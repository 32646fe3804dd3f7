"""What a run may carry as artifacts, where the setting ``wandb.artifacts`` asks for it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeps.cell import AXES, Cell
from sweeps.record import Record, RunPaths

MODEL, TICKET = "model", "ticket"
KINDS = (MODEL, TICKET)


@dataclass(frozen=True)
class Artifact:
    """One file, named ``<key>-<kind>``.

    A model is what the last phase of training left, for ``torch.load``: ``state`` and
    ``selected``, the weights of the last and of the selected epoch. A ticket is JSON.
    """

    cell: Cell
    record: Record
    kind: str
    path: Path

    @property
    def name(self) -> str:
        return f"{self.cell.key}-{self.kind}"

    @property
    def metadata(self) -> dict[str, Any]:
        """The names of the cell's variants, and what the network is worth."""
        about = {axis: getattr(self.cell, axis).name for axis in AXES}
        about |= {"key": self.cell.key, "kind": self.cell.kind, "seed": self.cell.seed}
        result = self.record["result"]
        return about | {name: result.get(name) for name in ("accuracy", "sparsity", "weights")}


def artifacts(
    cell: Cell, record: Record, paths: RunPaths, wanted: Collection[str]
) -> tuple[Artifact, ...]:
    """Those of ``wanted`` that a finished cell has."""
    if record["status"] != "done":
        return ()
    files = {kind: path for kind, path in _files(cell, paths) if kind in wanted}
    return tuple(Artifact(cell, record, kind, path) for kind, path in files.items())


def _files(cell: Cell, paths: RunPaths) -> Iterator[tuple[str, Path]]:
    if cell.is_dense:
        rounds = [paths.weights("fit")]
    else:
        found = paths.folder.glob(paths.weights("refit-*").name)
        rounds = sorted(found, key=lambda path: int(path.stem.rpartition("-")[2]))
    for kind, path in ((MODEL, rounds[-1] if rounds else None), (TICKET, paths.ticket)):
        if path and path.exists():
            yield kind, path
