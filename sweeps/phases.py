"""The training phases of a cell, each a function from files to a file: fit, prune, refit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from lightning_modules.build import criterion, gates, widths
from lightning_modules.classifier import Classifier, Phase
from lightning_modules.fit import fit
from lightning_modules.keeper import EpochRow, Files, copied, read, save
from lightning_modules.pruning._apply import Pruned, Pruner, cubic, prunable
from lightning_modules.pruning._weights import Masks
from lightning_modules.recipe import Schedule
from sweeps.workbench import Workbench

CALIBRATION_BATCHES = 8
CALIBRATION_SIZE = 64
"""What criteria that look at images see: this many training batches of this many images."""


@dataclass(frozen=True)
class Phases:
    """The training phases on a workbench; a phase whose file is there is not run again.

    Args:
        on_epoch: told of every epoch that ends.
        progress: show Lightning's progress bar.
    """

    bench: Workbench
    on_epoch: Callable[[EpochRow], None] | None = None
    progress: bool = False

    def fit(self) -> None:
        """Train the dense network."""
        epochs = self.bench.cell.recipe.options["epochs"]
        self._train("fit", self.bench.dense(), Phase("fit", self._recipe(), epochs, self._seed))

    def prune(self, number: int) -> None:
        """Round ``number``: remove what is due from what the phase before left."""
        path = self.bench.paths.weights(f"prune-{number}")
        if path.exists():
            read(path)
            return
        network, before = self._before(number)
        pruned = self._remove(number, network, before)
        state = copied(network.state_dict())
        save(path, {"pruned": pruned.state(), "sparsity": pruned.sparsity, "state": state})

    def refit(self, number: int) -> None:
        """Train on after round ``number``; the rounds share the refit's epochs and schedule."""
        rounds, epochs = self.bench.rounds, self.bench.cell.recipe.options["refit"]["epochs"]
        first, last = epochs * number // rounds, epochs * (number + 1) // rounds
        state = self.bench.load(f"prune-{number}")["state"]
        network, pruned = self.bench.pruned(number, state)
        phase = Phase("refit", self._recipe(refit=True), last - first, self._seed, first)
        self._train(f"refit-{number}", network, phase, pruned)

    @property
    def _seed(self) -> int:
        return self.bench.cell.seed

    def _before(self, number: int) -> tuple[nn.Module, Pruned | None]:
        if number == 0:
            return self.bench.parent(), None
        return self.bench.pruned(number - 1, self.bench.load(f"refit-{number - 1}")["state"])

    def _remove(self, number: int, network: nn.Module, before: Pruned | None) -> Pruned:
        backbone = self.bench.cell.backbone
        rule, removal = criterion(self.bench.cell.pruning)
        if removal is None:
            return Masks({})
        targets: Any = (
            prunable(network, gates(backbone, network))
            if rule.grain == "weight"
            else widths(backbone, network)
        )
        batches = self.bench.data.calibration(
            CALIBRATION_BATCHES, CALIBRATION_SIZE, seed=self._seed
        )
        pruner = Pruner(rule, removal, targets, batches, self._seed)
        progress = cubic(number + 1, self.bench.rounds)
        return pruner.prune(network, progress=progress, before=before)

    def _recipe(self, *, refit: bool = False) -> dict[str, Any]:
        options = dict(self.bench.cell.recipe.options)
        own = options.pop("refit", None)
        if refit:
            options |= {name: own[name] for name in Schedule.__dataclass_fields__}
        return options

    def _train(
        self, name: str, network: nn.Module, phase: Phase, pruned: Pruned | None = None
    ) -> None:
        paths, data = self.bench.paths, self.bench.data
        files = Files(paths.checkpoint(name), paths.weights(name))
        if phase.epochs == 0 and not files.result.exists():
            state = copied(network.state_dict())
            untrained = {"state": state, "selected": state, "selected_epoch": -1, "history": []}
            save(files.result, untrained)
        fitted = self.bench.cell.recipe.options["epochs"] if pruned else 0
        data.epoch_offset = fitted + phase.first
        fit(
            Classifier(network, self.bench.spec.num_classes, phase, pruned),
            data,
            files,
            trainer=self.bench.trainer,
            on_epoch=self.on_epoch,
            progress=self.progress,
        )
