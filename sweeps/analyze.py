"""Analyse finished cells: one file for each analysis of each cell.

What is there and still holds is not made again, so that an interrupted command goes on where it
was. An analysis that fails is reported, and the others go on.
"""

from __future__ import annotations

import gc
import json
import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from datamodules.augment import Normalise
from datamodules.foreign import Foreign
from lightning_modules import analyses, catalog
from lightning_modules.analysis._subject import Subject
from lightning_modules.build import widths
from lightning_modules.noise import constant
from lightning_modules.recipe import noise_of
from lightning_modules.storage import Damaged
from lightning_modules.variant import Variant
from sweeps.analysable import Due, Job
from sweeps.cell import Cell
from sweeps.measurement import chosen_device
from sweeps.outcome import disk_trouble
from sweeps.preflight import preflight
from sweeps.record import RunPaths, write_atomically
from sweeps.settings import Settings
from sweeps.workbench import CALIBRATION_BATCHES, CALIBRATION_SIZE, Workbench

FOREIGN = 256
"""How many images of another data set an analysis may draw from."""


def analyze(settings: Settings, due: Due) -> list[str]:
    """Do what is due and write it to the ledger.

    Returns:
        A line for everything that failed.

    Raises:
        UserError: data are missing, or the trainer's options do not fit this machine.
        DiskTrouble: the ledger cannot be written.
        KeyboardInterrupt: interrupted; what was finished is kept.
    """
    gc.enable()
    settings.ledger.prepare()
    preflight([job.cell for job in due.jobs], settings.datasets, settings.trainer)
    with tqdm(desc="analyses", total=due.count, file=sys.stderr, disable=None) as bar:
        work = _Work(settings, bar)
        for job in due.jobs:
            work.do(job)
    return work.failures


@dataclass
class _Work:
    settings: Settings
    bar: tqdm[Any]
    failures: list[str] = field(default_factory=list)

    def do(self, job: Job) -> None:
        """All that is due of one cell; its network and images are made once."""
        paths = self.settings.ledger.paths(job.cell.key)
        self.bar.set_postfix_str(str(job.cell))
        bench = Workbench(job.cell, paths, self.settings.datasets, self.settings.trainer)
        try:
            looked_at = subject(bench)
        except Exception as error:
            self._fail(job.cell, trouble(error, paths))
            self.bar.update(len(job.entries))
            return
        for entry in job.entries:
            self._one(job, entry, looked_at, paths)
            self.bar.update()

    def _one(self, job: Job, entry: Variant, looked_at: Subject, paths: RunPaths) -> None:
        start, path = time.perf_counter(), paths.analysis(entry.name)
        try:
            with constant(noise_of(job.cell.recipe.options)):
                found = analyses.load(entry)(looked_at)
            text = json.dumps(content(job, entry, found), allow_nan=False)
        except Exception as error:
            _write(path.with_suffix(".txt"), traceback.format_exc(), paths)
            line = next(iter(str(error).splitlines()), "")
            why = f"{type(error).__name__}: {line}; see {path.with_suffix('.txt')}"
            self._fail(job.cell, f"{entry.name}: {why}")
            return
        _write(path, text, paths)
        path.with_suffix(".txt").unlink(missing_ok=True)
        name, seconds = f"{job.cell!s:<58}", time.perf_counter() - start
        tqdm.write(f"{paths.key}  {name} {entry.name} {seconds:.1f} s", file=sys.stderr)

    def _fail(self, cell: Cell, why: str) -> None:
        self.failures.append(f"{cell.key} {cell}: {why}")
        tqdm.write(f"FAILED {self.failures[-1]}", file=sys.stderr)


def _write(path: Path, text: str, paths: RunPaths) -> None:
    try:
        write_atomically(path, text.encode())
    except OSError as error:
        raise disk_trouble(paths, error) from None


def trouble(error: Exception, paths: RunPaths) -> str:
    """Why a finished cell has no network to look at, and what to do about it."""
    if not isinstance(error, FileNotFoundError | Damaged):
        line = next(iter(str(error).splitlines()), "")
        return f"its network cannot be made ({type(error).__name__}: {line})"
    what = error.what if isinstance(error, Damaged) else str(error)
    return (
        f"its weights are lost ({what}); delete {paths.folder} and sweep again: it is trained anew"
    )


def subject(bench: Workbench) -> Subject:
    """A finished cell as analyses see it, on the device of the settings.

    Raises:
        FileNotFoundError, Damaged: its weights are lost.
    """
    network, device = bench.finished().eval(), chosen_device(bench)
    data, spec, seed = bench.data, bench.spec, bench.cell.seed
    family = catalog.load(catalog.variant("backbone", bench.cell.backbone.name))
    others = Foreign(spec, 0.5).beside(FOREIGN, "analysis", seed, device=device)
    return Subject(
        network=network.to(device),
        sites=tuple(family.sites(network)),
        widths=tuple(widths(bench.cell.backbone, network) if hasattr(family, "widths") else ()),
        train=bench.calibration(device),
        held_out=data.held_out(CALIBRATION_SIZE, device) if len(data.val_index) else [],
        classes=spec.num_classes,
        seed=seed,
        foreign=Normalise(spec.mean, spec.std, device)(others),
    )


def content(job: Job, entry: Variant, found: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of an analysis: what it found, and what that depends on."""
    return {
        "analysis": entry.name,
        "about": entry.about,
        "reconstruction": entry.reconstruction,
        "digest": entry.digest(),
        "weights": job.weights,
        "settings": {
            **analyses.constants(entry),
            "train_batches": CALIBRATION_BATCHES,
            "batch_size": CALIBRATION_SIZE,
        },
        "found": found,
    }
