"""What W&B would not take of a live run is refused before anything trains."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from conftest import QUICK, Run
from followed import DENSE, PLACE, VARIABLES, live_in

from sweeps.errors import UserError
from sweeps.execute import execute
from sweeps.mirror import live
from sweeps.record import RunPaths
from tests.wandb_server.server import Server


def test_online_without_a_key_is_refused_before_anything_starts(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    done = run("do=sweep", "sweep=smoke", *QUICK, "tracking=wandb", timeout=120)
    assert done.returncode == 2
    assert "wandb login" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "runs").glob("*/attempts.jsonl"))


@pytest.mark.parametrize("name", VARIABLES)
def test_a_variable_that_w_and_b_does_not_take_is_refused_before_training(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, VARIABLES[name])
    for mode in ("offline", "wandb"):
        with pytest.raises(UserError, match=f"^{name}"):
            live.check(mode, PLACE)
    live.check("none", PLACE)


def test_a_place_that_cannot_be_is_refused_before_training() -> None:
    for place in ({"project": "a/b"}, {"entity": "team:x", "project": "a"}, {"project": "a" * 129}):
        with pytest.raises(UserError, match=r"^wandb\.(entity|project)=.*: must have "):
            live.check("offline", place)


def test_the_command_says_in_one_line_which_variable_is_wrong(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "foo")
    done = run("do=sweep", "sweep=smoke", *QUICK, "tracking=offline", timeout=120)
    assert done.returncode == 2
    assert "error: WANDB_MODE: W&B does not take its value" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "runs").glob("*/attempts.jsonl"))


def test_a_place_that_is_refused_is_refused_before_training(server: Server, tmp_path: Path) -> None:
    here = live_in(tmp_path, wandb={"entity": "nobody", "project": "p"})
    with pytest.raises(UserError, match=r"look at wandb\.entity and wandb\.project"):
        execute(DENSE, here)
    assert not RunPaths(here.ledger, DENSE.key).record.exists()


def test_looking_whether_w_and_b_is_there_leaves_nothing_to_processes_that_start_later(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    live.check("wandb", PLACE)
    assert "WANDB_SERVICE" not in os.environ
    live.check("offline", {})
    monkeypatch.setenv("WANDB_X_GRAPHQL_RETRY_MAX", "1")
    server.gone = True
    with pytest.raises(UserError, match="network"):
        live.check("wandb", PLACE)
