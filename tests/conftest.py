"""Shared fixtures: a ledger in a temporary folder, and the command line as a subprocess."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sweeps.cell import Cell
from sweeps.grid import Sweep
from sweeps.overrides import CONF, read_yaml
from sweeps.plan import cells_of
from sweeps.settings import defaults

if TYPE_CHECKING:
    from tests.wandb_server.server import Server

ROOT = Path(__file__).parents[1]
Run = Callable[..., "subprocess.CompletedProcess[str]"]
TINY = ("data=synthetic", "data.size=64", "data.image_size=8", "recipe=smoke", "backbone=resnet8")
TRAINER = read_yaml(CONF / "settings.yaml")["trainer"] | {
    "accelerator": "cpu",
    "workers": 0,
    "threads": 1,
    "latency_seconds": 0.02,
}
PLACES = {"ledger": "runs", "results": "results"}
os.environ["TRIPTYCH_USER"] = ""  # a developer's own conf/user.yaml never changes a test
QUICK = ("tracking=none", "trainer.threads=1", "trainer.latency_seconds=0.05")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """``python run.py ...`` with its ledger and results below ``tmp_path``, in one process."""

    def command(*arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        asked = {k: f"{tmp_path}/{v}" for k, v in PLACES.items()} | {"cluster": "here"}
        places = [f"{k}={v}" for k, v in asked.items() if not _gives(k, arguments)]
        return subprocess.run(
            [sys.executable, str(ROOT / "run.py"), *arguments, *places],
            capture_output=True,
            text=True,
            timeout=timeout,
            cwd=tmp_path,
            env={**os.environ, "COLUMNS": "120", "PYTHONDONTWRITEBYTECODE": ""},
        )

    return command


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    """A W&B server on this machine, which all runs of this process go to."""
    from tests.wandb_server.client import local_wandb

    with local_wandb() as one:
        yield one


@pytest.fixture
def server(running: Server) -> Server:
    """The same with nothing on it, and a client that has forgotten everything."""
    from tests.wandb_server.client import renew

    renew(running)
    return running


def _gives(key: str, arguments: tuple[str, ...]) -> bool:
    return any(argument.startswith(f"{key}=") for argument in arguments)


def cells(*overrides: str) -> list[Cell]:
    """The cells of overrides, as the command line makes them."""
    return cells_of(Sweep.parse("test", {"common": list(overrides)}), defaults())


def cell(*overrides: str) -> Cell:
    """The one cell of overrides."""
    (only,) = cells(*overrides)
    return only
