"""Where a cell's files are, and how its record is written and read back."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeps.cell import SCHEMA
from sweeps.errors import UserError
from sweeps.sound import record_problem

Record = dict[str, Any]
"""One cell's outcome, plain JSON:

    schema, key, cell     what ran (see Cell.json)
    status                "done" or "failed"
    result                all that another run of the cell must repeat bit for bit on a CPU:
        accuracy                test top-1 in [0, 1], last epoch
        accuracy_top5           test top-5, last epoch
        accuracy_selected       test top-1 of the epoch that was best on validation
        accuracy_before_refit   test top-1 right after pruning (null for a dense cell)
        accuracy_best_epoch     highest test top-1 of any epoch of the last training, and its
        best_epoch              0-based number, where the recipe said test_each_epoch
        val_accuracy, val_loss, train_loss, selected_epoch, epochs
        cost, cost_dense        {params, params_nonzero, macs, macs_nonzero, bytes}: this network,
                                and the same one before pruning (equal for a dense cell)
        sparsity                share of the prunable weights, channels or blocks removed (0 if
                                dense)
        search                  null, or what a search asked: {evaluations, asked, ...}
        scheme                  of a search for connections: the blocks that it plugged, as bits
        weights                 sha256 over the final parameters and buffers
    latency               null until measured, else {ratio, ratio_p10, ratio_p90, p10_ms, p50_ms,
                          p90_ms, reference_p50_ms, reference, batch, device, dtype, threads,
                          protocol, peak_mib}; ratio is against the same backbone without
                          attention and pruning, timed in alternation in one process
    seconds               {phase: seconds}
    search_seconds        of a search for connections only: of all evaluations that it asked for,
                          made by it or found where another search on the supernet had left them
    provenance            {commit, dirty, packages, hardware, sources, data_checksum, attempts}
                          attempts: a list of {host, job, since, until, ended, accumulate};
                          of a failed cell without packages, hardware and data_checksum
    error                 null, or {type, message, traceback, kind: see sweeps.failure}

Beside it, ``history.json`` has one row an epoch: {phase, epoch, lr, train_loss, train_accuracy,
val_loss, val_accuracy, test_accuracy}, the last ones where those splits were looked at;
``analysis/<name>.json`` what an analysis found: {analysis, about, reconstruction, digest, weights,
settings, found}, where digest is of its source, and weights as above.
"""


class Damaged(UserError):
    """A record that cannot be read, or is none, as a disk that failed may leave it."""


@dataclass(frozen=True)
class RunPaths:
    """Every file of one cell, below ``<ledger>/<key>/``."""

    ledger: Path
    key: str

    @property
    def folder(self) -> Path:
        return self.ledger / self.key

    @property
    def cell(self) -> Path:
        return self.folder / "cell.json"

    @property
    def record(self) -> Path:
        return self.folder / "record.json"

    @property
    def history(self) -> Path:
        return self.folder / "history.json"

    @property
    def lock(self) -> Path:
        return self.folder / "lock"

    @property
    def attempts(self) -> Path:
        return self.folder / "attempts.jsonl"

    @property
    def log(self) -> Path:
        return self.folder / "log.txt"

    def schemes(self, recalibrate: int) -> Path:
        """Of a supernet: what schemes are worth on it, its batch norms recalibrated so long."""
        return self.folder / (f"schemes-{recalibrate}.jsonl" if recalibrate else "schemes.jsonl")

    @property
    def searching(self) -> Path:
        """Of a search: touched whenever it learned something."""
        return self.folder / "searching"

    @property
    def ticket(self) -> Path:
        """Of a search: the scheme that it found."""
        return self.folder / "ticket.json"

    def analysis(self, name: str) -> Path:
        """What an analysis of the finished cell found."""
        return self.folder / "analysis" / f"{name}.json"

    @property
    def wandb(self) -> Path:
        return self.folder

    def text(self, name: str | None) -> Path | None:
        """A long text that the record's provenance names, if it is there."""
        path = self.ledger / "provenance" / name if name else None
        return path if path and path.exists() else None

    def checkpoint(self, phase: str) -> Path:
        """Where training of a phase goes on from: weights, optimizer, schedule, history."""
        return self.folder / f"{phase}.ckpt"

    def weights(self, phase: str) -> Path:
        """The finished network of a phase."""
        return self.folder / f"{phase}.pt"

    def mark(self) -> int:
        """How far training has come: changes whenever a checkpoint or a phase is written."""
        files = (*self.folder.glob("*.ckpt"), *self.folder.glob("*.pt"))
        files += (self.searching,) if self.searching.exists() else ()
        return max((path.stat().st_mtime_ns for path in files), default=0)

    def set_aside(self, path: Path, why: str) -> None:
        """Keep a file as ``<why>-<n>`` with its own ending, out of the way."""
        count = len(list(self.folder.glob(f"{why}-*{path.suffix}")))
        path.rename(self.folder / f"{why}-{count}{path.suffix}")


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees all of it or the old one, whatever happens."""
    write_together({path: content})


def write_together(contents: Mapping[Path, bytes]) -> None:
    """The same for several files: none is changed before all are on the disk."""
    parts: dict[Path, Path] = {}
    try:
        for path, content in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            parts[path] = path.with_name(f".{path.name}.{os.getpid()}-{os.urandom(4).hex()}")
            with parts[path].open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        for path, part in parts.items():
            part.replace(path)
    except BaseException:
        for part in parts.values():
            part.unlink(missing_ok=True)
        raise


def check_writable(folder: Path) -> None:
    """Make a folder and write to it, before hours are spent on what it is to hold.

    Raises:
        UserError: it cannot be written.
    """
    probe = folder / f".probe-{os.getpid()}"
    try:
        write_atomically(probe, b"")
        probe.unlink()
    except OSError as error:
        raise UserError(
            f"cannot write to {folder} ({error.strerror}); choose another folder, or free space"
        ) from None


def write_record(paths: RunPaths, record: Mapping[str, Any]) -> None:
    text = json.dumps({"schema": SCHEMA, "key": paths.key, **record}, indent=1, allow_nan=False)
    write_atomically(paths.record, text.encode())


def read_record(paths: RunPaths) -> Record | None:
    """The cell's record, or None if there is none.

    Raises:
        Damaged: it cannot be read, or is none.
        UserError: it is of another schema.
    """
    try:
        record = json.loads(paths.record.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise _damaged(paths, error) from None
    if not isinstance(record, dict) or "schema" not in record:
        raise _damaged(paths, "it has no schema")
    if record["schema"] != SCHEMA:
        raise UserError(
            f"record {paths.record} has schema {record['schema']}, this version reads "
            f"{SCHEMA}; choose another folder with ledger=..., or use the version that wrote it"
        )
    if why := record_problem(record):
        raise _damaged(paths, why)
    return record


def _damaged(paths: RunPaths, why: object) -> Damaged:
    return Damaged(
        f"record {paths.record} is damaged ({why}); sweep again: the file is set aside, what "
        "the cell had finished is kept, only its measurement is made anew"
    )


def read_history(paths: RunPaths) -> list[dict[str, Any]]:
    """The rows of a cell's ``history.json``; none if it is not there or cannot be read."""
    try:
        rows = json.loads(paths.history.read_bytes())
    except (OSError, ValueError):
        return []
    return rows if isinstance(rows, list) else []
