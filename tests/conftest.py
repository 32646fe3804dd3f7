"""Shared fixtures: a ledger in a temporary folder, and the command line as a subprocess."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sweeps.cell import Cell
from sweeps.grid import Sweep
from sweeps.overrides import CONF, read_yaml
from sweeps.plan import cells_of
from sweeps.settings import defaults

if TYPE_CHECKING:
    from mirrored import Published
    from playwright.sync_api import Browser

    from sweeps.ledger import Ledger
    from tests.chromium import Opened, Pages
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


@pytest.fixture
def wandb_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What W&B's client writes in this process is below ``tmp_path``."""
    monkeypatch.setenv("WANDB_DIR", str(tmp_path / "wandb"))


@pytest.fixture
def published(server: Server, tmp_path: Path) -> Published:
    """The small ledger, and its runs on the server, as if it had been published."""
    from mirrored import Published

    return Published.of(server, tmp_path)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A ledger in which a grid was started as sweep ``demo``, with nothing done."""
    from started import begun

    return begun(tmp_path)


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """For networks so small that a second thread only waits."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    """The pages of sweeps made by hand; each is made when it is first asked for."""
    from page_sweeps import page_of

    return cache(lambda name: page_of(name, tmp_path_factory.mktemp(name)))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, which is started once for a module."""
    from chromium import started

    yield from started()


@pytest.fixture
def opened(browser: Browser, pages: Pages) -> Iterator[Opened]:
    """Opens the page of a sweep; whatever goes wrong in it fails the test at its end."""
    from chromium import opening

    yield from opening(browser, pages)


def _gives(key: str, arguments: tuple[str, ...]) -> bool:
    return any(argument.startswith(f"{key}=") for argument in arguments)


def cells(*overrides: str) -> list[Cell]:
    """The cells of overrides, as the command line makes them."""
    return cells_of(Sweep.parse("test", {"common": list(overrides)}), defaults())


def cell(*overrides: str) -> Cell:
    """The one cell of overrides."""
    (only,) = cells(*overrides)
    return only
