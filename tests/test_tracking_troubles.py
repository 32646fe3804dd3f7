"""Whatever W&B does while a cell trains, the cell is done, and can be published later."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from followed import (
    DENSE,
    DONE,
    PLACE,
    VARIABLES,
    live_in,
    published,
    rows,
    run_of,
    tracked,
    trained,
)
from wandb.sdk import wandb_setup

from sweeps.execute import execute
from sweeps.mirror import entry, session
from sweeps.record import RunPaths
from tests.wandb_server.client import helpers_of, hurry, restart
from tests.wandb_server.server import Server

OTHERS = {
    "WANDB_SERVICE": "3-1-unix-/nowhere/socket",
    "WANDB_FORK_FROM": "a",
    "WANDB_RESUME_FROM": "a?_step=1",
    "WANDB_SWEEP_ID": "a",
}


@pytest.mark.parametrize("name", VARIABLES)
def test_a_variable_that_w_and_b_does_not_take_costs_the_run_and_not_the_cell(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(name, VARIABLES[name])
    tracked("offline", RunPaths(tmp_path, DENSE.key))
    (line,) = capsys.readouterr().err.splitlines()
    assert f"cell {DENSE.key} is not in W&B, or not all of it ({name}" in line
    assert not list(tmp_path.glob("*/wandb"))


@pytest.mark.parametrize("name", OTHERS)
def test_a_variable_of_another_run_is_none_of_the_cell_s(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    restart()
    monkeypatch.setenv(name, OTHERS[name])
    tracked("offline", RunPaths(tmp_path, DENSE.key))
    assert capsys.readouterr().err == ""
    (file,) = tmp_path.glob("*/wandb/offline-run-*/*.wandb")
    assert file.name == f"run-{DENSE.key}.wandb"


@pytest.mark.parametrize("step", ["_started", "row", "say", "close"])
@pytest.mark.parametrize("mode", ["offline", "wandb"])
def test_the_cell_goes_on_whatever_the_client_raises(
    mode: str,
    step: str,
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("all is lost")

    place: Any = session if step == "_started" else session.Session
    monkeypatch.setattr(place, step, fail)
    tracked(mode, RunPaths(tmp_path, DENSE.key))
    (line,) = set(capsys.readouterr().err.splitlines())
    assert "is not in W&B, or not all of it (" in line
    assert "all is lost" in line
    monkeypatch.undo()
    wandb_setup.singleton().finish_all_active_runs()


def test_an_artifact_that_w_and_b_does_not_take_is_said_and_published_later(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = live_in(tmp_path, wandb={**PLACE, "artifacts": ["model"]})
    paths = RunPaths(here.ledger, DENSE.key)
    paths.folder.mkdir(parents=True)
    paths.weights("fit").write_bytes(b"weights")
    server.fault = lambda _, name: (403, {}) if name == "CommitArtifact" else None
    tracked("wandb", paths, artifacts=["model"])
    (line,) = capsys.readouterr().err.splitlines()
    assert f"W&B did not take artifact {DENSE.key}-model" in line
    assert run_of(server).state == "failed"
    assert entry.DIGEST not in run_of(server).summary
    server.fault = None
    assert published(here, DENSE, capsys) == "mine: 1 runs: 0 new, 1 changed, 0 unchanged"
    assert server.store.artifacts[f"{DENSE.key}-model"].committed
    assert published(here, DENSE, capsys) == DONE


TROUBLES: dict[str, Callable[[Server], None]] = {
    "the server goes away": lambda server: setattr(server, "gone", True),
    "the run is deleted there": lambda server: setattr(
        server, "fault", lambda _, name: (404, {}) if "file_stream" in name else None
    ),
    "the client is killed": lambda _: os.kill(helpers_of(os.getpid())[0], signal.SIGKILL),
}


@pytest.mark.parametrize("name", TROUBLES)
def test_a_cell_is_done_whatever_happens_to_w_and_b_meanwhile(
    name: str,
    server: Server,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hurry(monkeypatch)

    def strike(row: dict[str, Any]) -> None:
        if row["epoch"] == 1:
            TROUBLES[name](server)

    here, start = live_in(tmp_path, on_epoch=strike), time.monotonic()
    assert execute(DENSE, here)["status"] == "done"
    assert time.monotonic() - start < 60, "waits for W&B as if it were there"
    told = capsys.readouterr().err
    if name != "the run is deleted there":  # of which the client says nothing
        assert f"cell {DENSE.key} is not in W&B, or not all of it" in told
    assert len(trained(here)) == 3
    restart()
    monkeypatch.undo()
    server.gone, server.fault = False, None
    assert published(here, DENSE, capsys) == "mine: 1 runs: 0 new, 1 changed, 0 unchanged"
    assert rows(run_of(server)) == trained(here)
    assert published(here, DENSE, capsys) == DONE


def test_a_cell_runs_without_w_and_b_if_that_does_not_answer_when_it_starts(
    server: Server,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hurry(monkeypatch)
    server.gone = True
    here = live_in(tmp_path)
    assert execute(DENSE, here)["status"] == "done"
    assert "publish it when it is done" in capsys.readouterr().err
    restart()
    monkeypatch.undo()
    server.gone = False
    assert published(here, DENSE, capsys) == "mine: 1 runs: 1 new, 0 changed, 0 unchanged"
