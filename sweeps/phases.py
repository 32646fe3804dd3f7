"""The training phases of a cell, each a function from files to a file: fit, prune, refit."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from lightning_modules.build import criterion, gates, widths
from lightning_modules.classifier import Classifier, Phase
from lightning_modules.fit import fit, join
from lightning_modules.keeper import EpochRow
from lightning_modules.noise import constant
from lightning_modules.options import Removal
from lightning_modules.processes import is_shared
from lightning_modules.pruning._apply import Pruned, Pruner, cubic, prunable
from lightning_modules.pruning._weights import Masks
from lightning_modules.recipe import Schedule, noise_of
from lightning_modules.stopping import Stopped
from lightning_modules.storage import Files, copied, is_whole, save, take
from sweeps import ranks
from sweeps.search import search
from sweeps.workbench import Workbench

TRIAL_SIZE = 500
"""Images of a batch on which criteria that try what they would remove are judged."""


@dataclass(frozen=True)
class Phases:
    """The training phases on a workbench; a phase whose file is there is not run again.

    A file that is damaged is set aside, and its phase run from its checkpoint or anew. Where the
    tasks of a SLURM job train together, one leads; the others train along and wait for its files.

    Args:
        on_epoch: told of every epoch that ends.
        progress: show Lightning's progress bar.
        stop: whether to stop; asked before every phase and after every batch.
        leader: whether this process writes files; see ``sweeps.ranks``.

    Raises:
        Stopped: by any phase, when ``stop`` was true; the next call goes on from there.
        LeaderLeft: by any phase of a follower.
    """

    bench: Workbench
    on_epoch: Callable[[EpochRow], None] | None = None
    progress: bool = False
    stop: Callable[[], bool] | None = None
    leader: bool = True

    def fit(self) -> None:
        """Train the dense network."""
        epochs = self.bench.cell.recipe.options["epochs"]
        self._train("fit", self.bench.dense(), Phase("fit", self._recipe(), epochs, self._seed))

    def prune(self, number: int) -> None:
        """Round ``number``: remove what is due from what the phase before left."""
        name = f"prune-{number}"
        path = self.bench.paths.weights(name)
        self._ask(name)
        if not self.leader:
            ranks.wait(lambda: is_whole(path), self.bench.paths, name, stop=self.stop)
        elif take(path) is None:
            with constant(noise_of(self.bench.cell.recipe.options)):  # as it is trained
                save(path, self._pruned(number))

    def _pruned(self, number: int) -> dict[str, Any]:
        if self.bench.cell.is_search:
            return search(self.bench, self.stop, progress=self.progress)
        return self._remove(number, *self._before(number))

    def refit(self, number: int) -> None:
        """Train on after round ``number``; the rounds share the refit's epochs and schedule.

        What a search found is trained from scratch, as a dense network is.
        """
        if self.bench.cell.is_search:
            self._from_scratch()
            return
        rounds, epochs = self.bench.rounds, self.bench.cell.recipe.options["refit"]["epochs"]
        first, last = epochs * number // rounds, epochs * (number + 1) // rounds
        state = self.bench.load(f"prune-{number}")["state"]
        network, pruned = self.bench.pruned(number, state)
        phase = Phase("refit", self._recipe(refit=True), last - first, self._seed, first)
        self._train(f"refit-{number}", network, phase, pruned)

    def _from_scratch(self) -> None:
        network = self.bench.found(self.bench.load("prune-0")["state"])
        epochs = self.bench.cell.recipe.options["epochs"]
        phase = Phase("fit", self._recipe(), epochs, self._seed)
        self._train("refit-0", network, phase)

    @property
    def _seed(self) -> int:
        return self.bench.cell.seed

    def _before(self, number: int) -> tuple[nn.Module, Pruned | None]:
        if number == 0:
            return self.bench.parent(), None
        return self.bench.pruned(number - 1, self.bench.load(f"refit-{number - 1}")["state"])

    def _remove(self, number: int, network: nn.Module, before: Pruned | None) -> dict[str, Any]:
        """What the prune phase keeps of a round."""
        rule, removal = criterion(self.bench.cell.pruning)
        pruned: Pruned = Masks({})
        log: dict[str, Any] = {}
        if isinstance(removal, Removal):
            progress = cubic(number + 1, self.bench.rounds)
            pruner = self._pruner(rule, removal, network)
            pruned = pruner.prune(network, progress=progress, before=before, log=log)
        kept = {"pruned": pruned.state(), "sparsity": pruned.sparsity}
        return {**kept, "state": copied(network.state_dict()), **({"search": log} if log else {})}

    def _pruner(self, rule: Any, removal: Removal, network: nn.Module) -> Pruner:
        backbone, data, seed = self.bench.cell.backbone, self.bench.data, self._seed
        targets: Any = (
            prunable(network, gates(backbone, network))
            if rule.grain == "weight"
            else widths(backbone, network)
        )
        held_out = data.held_out(TRIAL_SIZE) if "validation" in rule.needs else None
        return Pruner(rule, removal, targets, self.bench.calibration(), seed, held_out)

    def _recipe(self, *, refit: bool = False) -> dict[str, Any]:
        options = dict(self.bench.cell.recipe.options)
        own = options.pop("refit", None)
        options.pop("supernet", None)
        if refit:
            options |= {name: own[name] for name in Schedule.__dataclass_fields__}
        return options

    def _train(
        self, name: str, network: nn.Module, phase: Phase, pruned: Pruned | None = None
    ) -> None:
        self._ask(name)
        fitted = self.bench.cell.recipe.options["epochs"] if phase.name == "refit" else 0
        self.bench.data.epoch_offset = fitted + phase.first
        classifier = Classifier(network, self.bench.spec.num_classes, phase, pruned)
        if not self.leader:
            self._follow(name, classifier)
        elif phase.epochs or take(self._files(name).result) is not None:
            self._lead(name, classifier)
        else:
            state = copied(network.state_dict())
            untrained = {"state": state, "selected": state, "selected_epoch": -1, "history": []}
            save(self._files(name).result, untrained)

    def _lead(self, name: str, classifier: Classifier) -> None:
        files, trainer = self._files(name), self.bench.trainer
        with ranks.calling(self._call(name)) if is_shared(trainer) else nullcontext():
            fit(
                classifier,
                self.bench.data,
                files,
                trainer=trainer,
                on_epoch=self.on_epoch,
                progress=self.progress,
                stop=self.stop,
            )

    def _follow(self, name: str, classifier: Classifier) -> None:
        """Train along, again if it breaks off there, until the result is there."""
        files, trainer = self._files(name), self.bench.trainer
        calls = ranks.calls(
            self._call(name),
            self.bench.paths,
            name,
            until=lambda: is_whole(files.result),
            stop=self.stop,
        )
        for _ in calls:
            try:
                join(classifier, self.bench.data, files, trainer=trainer, stop=self.stop)
            except Stopped:
                raise
            except Exception:
                traceback.print_exc()

    def _files(self, name: str) -> Files:
        return Files(self.bench.paths.checkpoint(name), self.bench.paths.weights(name))

    def _call(self, name: str) -> Path:
        return self.bench.paths.checkpoint(name).with_suffix(".call")

    def _ask(self, name: str) -> None:
        if self.stop and self.stop():
            raise Stopped(f"stopped before {name}")
