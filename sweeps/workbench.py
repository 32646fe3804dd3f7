"""A cell's data and networks, made from what its files hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from datamodules.batches import Batch
from datamodules.module import ImageData
from datamodules.open import open_data
from datamodules.spec import DataSpec
from lightning_modules.build import build, criterion, widths
from lightning_modules.catalog import variant
from lightning_modules.options import Removal
from lightning_modules.pruning._apply import Pruned, restore
from lightning_modules.recipe import Recipe
from lightning_modules.storage import Damaged, read
from sweeps.cell import Cell, Choice
from sweeps.errors import UserError
from sweeps.record import RunPaths

CALIBRATION_BATCHES = 8
CALIBRATION_SIZE = 64
"""What looks at training images without training sees so many batches of so many images."""


@dataclass(frozen=True)
class Workbench:
    """One cell, where its files are, and how this machine runs it.

    Args:
        datasets: folder of the data sets.
        trainer: the ``trainer`` section of the settings.

    Raises:
        UserError: a batch cannot be cut into as many pieces as ``trainer`` asks for.
    """

    cell: Cell
    paths: RunPaths
    datasets: Path
    trainer: Mapping[str, Any]

    def __post_init__(self) -> None:
        if self.trainer["threads"]:
            torch.set_num_threads(self.trainer["threads"])
        pieces, size = self.trainer["accumulate"], self.cell.recipe.options["batch_size"]
        if not isinstance(pieces, int) or not 1 <= pieces <= size:
            raise UserError(
                f"trainer.accumulate={pieces}: must be a whole number from 1 to the batch size, "
                f"which is {size} in {self.cell}; choose a smaller one"
            )

    @cached_property
    def spec(self) -> DataSpec:
        return DataSpec(**self.cell.data.options)

    @cached_property
    def data(self) -> ImageData:
        options = {k: v for k, v in self.cell.recipe.options.items() if k != "refit"}
        return open_data(
            self.spec,
            folder=self.datasets,
            recipe=Recipe(**options),
            seed=self.cell.seed,
            workers=self.trainer["workers"],
        )

    def calibration(
        self, device: torch.device | str = "cpu", *, batches: int = CALIBRATION_BATCHES
    ) -> list[Batch]:
        """Batches of the training split as evaluation would see them, chosen by the cell's seed."""
        return self.data.calibration(batches, CALIBRATION_SIZE, device, self.cell.seed)

    @cached_property
    def rounds(self) -> int:
        """How often the cell is pruned and trained on; 0 for a dense one."""
        if self.cell.is_dense:
            return 0
        removal = criterion(self.cell.pruning)[1]
        if isinstance(removal, Removal) and removal.schedule == "gradual":
            return removal.steps
        return 1

    @property
    def last(self) -> str:
        """The phase that leaves the finished network."""
        return f"refit-{self.rounds - 1}" if self.rounds else "fit"

    def load(self, phase: str) -> dict[str, Any]:
        """What a phase left."""
        return read(self.paths.weights(phase))

    def dense(self) -> nn.Module:
        """The dense network with fresh weights."""
        return self._fresh(self.cell.attention)

    def plain(self) -> nn.Module:
        """The backbone without attention, with fresh weights: what costs are compared with."""
        return self._fresh(Choice("none"))

    def _fresh(self, attention: Choice) -> nn.Module:
        torch.manual_seed(self.cell.seed)
        return build(
            self.cell.backbone,
            attention,
            classes=self.spec.num_classes,
            image_size=self.spec.image_size,
        )

    @cached_property
    def stages(self) -> tuple[int, ...]:
        """Number of attention sites per stage."""
        return tuple(variant("backbone", self.cell.backbone.name).facts["blocks"])

    def connected(self, connect: str) -> nn.Module:
        """The dense network with another connection scheme and fresh weights."""
        attention = self.cell.attention
        return self._fresh(replace(attention, options={**attention.options, "connect": connect}))

    def ticket(self, connect: str, *, inherits: bool) -> nn.Module:
        """A network to train from scratch; ``inherits``: with the fully plugged one's weights."""
        network = self.connected(connect)
        if inherits:
            full = self.connected("all").state_dict()
            network.load_state_dict({name: full[name] for name in network.state_dict()})
        return network

    def supernet(self) -> nn.Module:
        """The parent of a search, with a switch at every site."""
        network = self.connected("random")
        pairs = zip(network.state_dict(), self._parents().values(), strict=True)
        network.load_state_dict(dict(pairs))  # a switch adds to the names, not to their order
        return network

    def parent(self) -> nn.Module:
        """The dense network as the dense parent's training left it.

        Raises:
            ValueError: what it left is damaged or gone.
        """
        network = self.dense()
        network.load_state_dict(self._parents())
        return network

    def _parents(self) -> Mapping[str, Tensor]:
        assert self.cell.parent is not None
        files = RunPaths(self.paths.ledger, self.cell.parent.key)
        try:
            state: Mapping[str, Tensor] = read(files.weights("fit"))["state"]
        except (Damaged, FileNotFoundError) as error:
            what = error.what if isinstance(error, Damaged) else str(error)
            raise ValueError(
                f"its dense parent is lost: {what}; the parent's folder {files.folder} is of no "
                "more use: delete it and run again, the parent is trained anew and then this cell"
            ) from None
        return state

    def pruned(self, number: int, state: Mapping[str, Any]) -> tuple[nn.Module, Pruned]:
        """The network of pruning round ``number`` with the weights ``state``."""
        network, saved = self.dense(), self.load(f"prune-{number}")["pruned"]
        shrinking = [] if saved["grain"] == "weight" else widths(self.cell.backbone, network)
        pruned = restore(network, shrinking, saved)
        network.load_state_dict(state)
        return network, pruned

    def found(self, state: Mapping[str, Any]) -> nn.Module:
        """The network of the ticket that a search left, with the weights ``state``."""
        network = self.connected(self.load("prune-0")["pruned"]["connect"])
        network.load_state_dict(state)
        return network

    def finished(self) -> nn.Module:
        """The cell's network as it ends."""
        state = self.load(self.last)["state"]
        if self.cell.is_search:
            return self.found(state)
        if self.rounds:
            return self.pruned(self.rounds - 1, state)[0]
        network = self.dense()
        network.load_state_dict(state)
        return network


def uses_gpu() -> bool:
    """Whether this process has touched a GPU."""
    return bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]
