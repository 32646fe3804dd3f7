"""W&B's client set up to talk to a local server, and what it leaves behind in a process."""

from __future__ import annotations

import gc
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import wandb

from sweeps.ledger import Ledger
from sweeps.mirror.publish import publish
from sweeps.settings import Settings
from tests.wandb_server.reading import READING
from tests.wandb_server.server import Operation, Server, serving
from tests.wandb_server.store import Store
from tests.wandb_server.writing import PATHS, WRITING

KINDS = ("GRAPHQL", "FILE_STREAM", "FILE_TRANSFER")
LIMITS = {"WANDB_INIT_TIMEOUT": "20", "WANDB_FINISH_TIMEOUT": "20"}
LIMITS |= {"WANDB_X_GRAPHQL_RETRY_MAX": "2"}
LIMITS |= {f"WANDB_X_{kind}_RETRY_WAIT_MIN_SECONDS": "1" for kind in KINDS}
LIMITS |= {f"WANDB_X_{kind}_RETRY_WAIT_MAX_SECONDS": "1" for kind in KINDS}
"""Little patience, so that a test needs none. W&B's client takes whole seconds only."""
HURRY = {"WANDB_INIT_TIMEOUT": "2", "WANDB_FINISH_TIMEOUT": "1"}
"""For what is waited for in vain."""
HELPER = "wandb-core"
"""The program that the client has beside each process."""


def environment(server: Server) -> dict[str, str]:
    """The variables with which a process finds the server and is let in."""
    return LIMITS | {"WANDB_BASE_URL": server.url, "WANDB_API_KEY": server.store.key}


@contextmanager
def local_wandb(more: Mapping[str, Operation] | None = None) -> Iterator[Server]:
    """A server that all runs of this process go to; it answers ``more`` operations if asked."""
    wandb.teardown()
    server = Server(READING | WRITING | dict(more or {}), PATHS)
    with pytest.MonkeyPatch.context() as patch, serving(server) as one:
        for name in [name for name in os.environ if name.startswith("WANDB_")]:
            patch.delenv(name)
        for name, value in environment(one).items():
            patch.setenv(name, value)
        yield one
        wandb.teardown()


def restart() -> None:
    """What a new process is to the client: it has forgotten what it could not send."""
    with suppress(ConnectionError):
        wandb.teardown()
    for one in gc.get_objects():
        if type(one) is subprocess.Popen and str(one.args[0]).endswith(HELPER):
            one.kill()
            one.wait()  # the client waits for none that was killed


def helpers_of(pid: int) -> list[int]:
    """The processes that W&B's client of a process has beside it."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (folder / "cmdline").read_text().split("\0")
            if words[0].endswith(HELPER) and words[-2] == str(pid):
                found.append(int(folder.name))
    return found


def hurry(patch: pytest.MonkeyPatch) -> None:
    """Let this process give up soon."""
    for name, value in HURRY.items():
        patch.setenv(name, value)


def renew(server: Server) -> None:
    """Let the server and the client forget everything."""
    restart()
    server.store, server.fault, server.gone = Store(), None, False
    server.asked.clear()


def send(ledger: Ledger, sweep: str = "mine", **wandb: Any) -> int:
    """Publish in this process; returns the exit status."""
    settings = Settings(
        do="publish",
        format="text",
        ledger=ledger,
        results=ledger.root,
        datasets=ledger.root,
        tracking="offline",
        wandb={"entity": None, "project": "p", **wandb},
        trainer={},
        cluster={},
    )
    return publish(settings, ledger.plan(sweep))
