"""The ledger's offline W&B runs in a terminal: `wandb leet`, W&B's own browser."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from sweeps.cell import Cell
from sweeps.errors import UserError
from sweeps.ledger import Ledger
from sweeps.mirror import client, entry

LEET = (sys.executable, "-m", "wandb", "leet")
QUIET = {"WANDB_MODE": "offline", "WANDB_ERROR_REPORTING": "false"}
"""Nothing is sent anywhere."""


def browse(ledger: Ledger) -> int:
    """Show the newest offline run of every cell until the user leaves; leet's exit status.

    leet wants all runs in one folder: a temporary one, so that what is deleted there is not lost.

    Raises:
        UserError: there is no such run, no terminal, no leet, or a variable of W&B is wrong.
    """
    runs = newest(ledger)
    if not runs:
        raise UserError(
            f"ledger {ledger.root} has no offline W&B runs; cells that run with tracking=offline "
            "leave one each"
        )
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UserError(
            "do=browse needs a terminal to draw in; for a file or another program use do=status "
            "format=json, or: wandb leet inspect --summary --json <run>"
        )
    client.check()
    _check_leet()
    with TemporaryDirectory(prefix="triptych-") as folder:
        gather(ledger, runs, Path(folder))
        return subprocess.run([*LEET, folder], env=os.environ | QUIET).returncode


def newest(ledger: Ledger) -> dict[str, Path]:
    """The file of each cell's last attempt that was tracked offline, by the cell's key."""
    files = sorted(
        ledger.root.glob("*/wandb/offline-run-*/run-*.wandb"), key=lambda file: file.parent.name
    )  # offline-run-<date>_<time>-<key>
    return {file.stem.removeprefix("run-"): file for file in files}


def gather(ledger: Ledger, runs: dict[str, Path], folder: Path) -> None:
    """One folder for each run with a link to its file, in the shape that leet asks for.

    leet lists folders whose name begins with ``run-``, takes what follows ``run-<date>_<time>-``
    for the run's id, and has little room: the cell's name comes first.
    """
    for key, file in runs.items():
        moment = file.parent.name.removeprefix("offline-").removesuffix(f"-{key}")
        place = folder / f"run-{_name(ledger, key)}-{moment}-{key}"
        place.mkdir()
        (place / file.name).symlink_to(file.resolve())


def _name(ledger: Ledger, key: str) -> str:
    try:
        return entry.name(Cell.from_json(json.loads(ledger.paths(key).cell.read_bytes())))
    except (OSError, LookupError, TypeError, ValueError):
        return "unknown"


def _check_leet() -> None:
    done = subprocess.run([*LEET, "--help"], capture_output=True, env=os.environ | QUIET)
    if done.returncode:
        raise UserError(
            "this Python's wandb has no terminal browser ('wandb leet'); install the version of "
            "requirements.lock"
        )
