"""A cell's W&B run while it trains: offline read back with W&B's own reader, live on a server of
this machine. Whatever W&B does, the cell is done."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import QUICK, ROOT, TINY, TRAINER, Run, cell
from ledgers import done, failed
from wandb.sdk import wandb_setup

from lightning_modules.stopping import Stopped
from sweeps.cell import Cell
from sweeps.context import Context
from sweeps.errors import UserError
from sweeps.execute import execute
from sweeps.ledger import Ledger, Plan
from sweeps.mirror import entry, live, session
from sweeps.mirror.live import Tracker
from sweeps.mirror.place import PROJECT, Place
from sweeps.origin import git
from sweeps.record import RunPaths, read_history, read_record, write_atomically, write_record
from tests.wandb_server.client import hurry, restart, send
from tests.wandb_server.server import Server
from tests.wandb_server.store import Run as Stored

PLACE = {"entity": None, "project": "p"}
DENSE = cell(*TINY, "recipe.epochs=3")
HISTORY: list[dict[str, Any]] = [
    {"phase": "fit", "epoch": n, "train_loss": 1 / (n + 1), "val_accuracy": 0.5} for n in range(2)
]
DONE = "mine: 1 runs: 0 new, 0 changed, 1 unchanged"


def live_in(folder: Path, **changes: Any) -> Context:
    """Where and how cells run live."""
    here = Context(folder / "runs", folder, TRAINER, "wandb", sweep="mine", wandb=PLACE)
    return replace(here, **changes)


def published(here: Context, one: Cell, capsys: pytest.CaptureFixture[str]) -> str:
    """Publish the cell; what was counted."""
    ledger = Ledger(here.ledger)
    ledger.freeze(Plan("mine", "", (one,)))
    assert send(ledger, **here.wandb) == 0
    return capsys.readouterr().out.splitlines()[-1].partition(" -> ")[0]


def run_of(server: Server, one: Cell = DENSE) -> Stored:
    return server.store.project("lab", "p")[one.key]


def rows(run: Stored) -> list[dict[str, Any]]:
    """The history without what W&B adds, and without its phase."""
    told = [{name: row[name] for name in row if "/" in name} for row in run.history]
    return [{name.partition("/")[2]: row[name] for name in row} for row in told]


def trained(here: Context, one: Cell = DENSE) -> list[dict[str, Any]]:
    """The history on disk, without its phase."""
    found = read_history(RunPaths(here.ledger, one.key))
    return [{name: row[name] for name in row if name != "phase"} for row in found]


def offline_run(ledger: Path) -> dict[str, Any]:
    (file,) = ledger.glob("*/wandb/offline-run-*/*.wandb")
    command = [str(Path(sys.executable).with_name("wandb")), "leet", "inspect"]
    done = subprocess.run(
        [*command, "--summary", "--json", str(file)], capture_output=True, text=True, timeout=60
    )
    return dict(json.loads(done.stdout))


def test_an_offline_run_has_the_cell_as_config_and_the_record_as_summary(tmp_path: Path) -> None:
    gated = cell(*TINY, "attention=se")
    here = live_in(tmp_path, tracking="offline")
    record = execute(gated, here)
    found = offline_run(here.ledger)
    assert found["config"]["key"] == gated.key
    assert found["config"]["attention"] == "se"
    assert found["config"]["attention.reduction"] == 16
    text = json.dumps(found)
    for name in ("fit/train_loss", "fit/val_accuracy", "cost.macs", "latency.ratio", "accuracy"):
        assert f'"{name}"' in text, name
    assert str(record["result"]["accuracy"]) in text


def test_a_run_goes_to_the_entity_and_the_project_of_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WANDB_ENTITY", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    where = {"entity": "my-team", "project": "mine"}
    paths = RunPaths(tmp_path, DENSE.key)
    paths.folder.mkdir()
    with Tracker(DENSE, paths, "offline", wandb=where):
        pass
    found = offline_run(tmp_path)
    assert {name: found[name] for name in where} == where


def test_the_variables_of_wandb_win_over_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WANDB_ENTITY", "WANDB_PROJECT"):
        monkeypatch.setenv(name, "")
    assert Place.of({}) == Place(None, PROJECT)
    assert Place.of({"entity": "team", "project": "a"}) == Place("team", "a")
    monkeypatch.setenv("WANDB_ENTITY", "other")
    monkeypatch.setenv("WANDB_PROJECT", "b")
    assert Place.of({"entity": "team", "project": "a"}) == Place("other", "b")


def test_without_tracking_no_wandb_folder_appears(tmp_path: Path) -> None:
    here = live_in(tmp_path, tracking="none")
    assert execute(DENSE, here)["status"] == "done"
    assert not list(here.ledger.glob("*/wandb"))


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


def test_a_live_run_is_the_run_that_publishing_would_make(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = live_in(tmp_path)
    record = execute(DENSE, here)
    run = run_of(server)
    assert (run.state, run.group, run.job_type) == ("finished", "mine", "dense")
    assert run.tags == ["synthetic", "resnet8", "none", "smoke", "sweep:mine"]
    assert rows(run) == trained(here)
    assert len(run.history) == 3
    assert run.summary["accuracy"] == record["result"]["accuracy"]
    assert run.summary["latency.ratio"] == record["latency"]["ratio"]
    assert published(here, DENSE, capsys) == DONE


def test_a_live_run_knows_its_code_and_its_machine(server: Server, tmp_path: Path) -> None:
    here = live_in(tmp_path)
    origin = execute(DENSE, here)["provenance"]
    run = run_of(server)
    assert run.commit == origin["commit"] == (git(ROOT, "rev-parse", "HEAD").strip() or None)
    patches = {path.name: path.read_bytes() for path in here.ledger.glob("provenance/*.patch")}
    assert run.files.get("diff.patch") == patches.get(origin["diff"])
    assert {"wandb-metadata.json", "requirements.txt"} <= set(run.files)
    assert json.loads(run.files["wandb-metadata.json"])["cpu_count_logical"] == os.cpu_count()
    assert run.events  # system metrics


def test_an_epoch_is_there_before_the_next_one_ends(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL", "1")
    seen = []

    def wait(row: object) -> None:
        if not seen:
            until(lambda: len(run_of(server).history) == 1)
            seen.append(run_of(server).state)

    execute(DENSE, live_in(tmp_path, on_epoch=wait))
    assert seen == ["running"]


def test_a_cell_that_fails_is_a_failed_run_with_the_error(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken, here = cell(*TINY, "recipe.lr=1e30"), live_in(tmp_path)
    assert execute(broken, here)["status"] == "failed"
    run = run_of(server, broken)
    assert (run.state, run.summary["status"]) == ("failed", "failed")
    assert run.summary["error"]["type"] == "TrainingDiverged"
    assert published(here, broken, capsys) == DONE


def test_a_cell_that_goes_on_sends_what_was_lost_of_its_curves(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here, ended = live_in(tmp_path), []
    with pytest.raises(Stopped):
        execute(DENSE, replace(here, on_epoch=ended.append, stop=lambda: len(ended) == 2))
    assert run_of(server).state == "preempted"
    run_of(server).history.pop()  # as if it had been killed before that was sent
    run_of(server).summary["_step"] = 0
    execute(DENSE, here)
    assert rows(run_of(server)) == trained(here)
    assert run_of(server).state == "finished"
    assert published(here, DENSE, capsys) == DONE


def test_latency_that_is_measured_later_for_another_sweep_adds_to_the_run(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = live_in(tmp_path)
    execute(DENSE, replace(here, time_latency=False))
    assert "latency.ratio" not in run_of(server).summary
    execute(DENSE, replace(here, sweep="other"))
    run = run_of(server)
    assert "latency.ratio" in run.summary
    assert run.tags[-2:] == ["sweep:mine", "sweep:other"]
    assert len(run.history) == 3
    assert published(here, DENSE, capsys) == DONE


def test_artifacts_are_sent_live_when_asked_for(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = live_in(tmp_path, wandb={**PLACE, "artifacts": ["model"]})
    execute(DENSE, here)
    (model,) = server.store.artifacts.values()
    assert (model.name, model.type) == (f"{DENSE.key}-model", "model")
    assert model.files["fit.pt"] == RunPaths(here.ledger, DENSE.key).weights("fit").read_bytes()
    assert published(here, DENSE, capsys) == DONE


def client_of(pid: int) -> int:
    """The helper process of W&B's client in a process."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (folder / "cmdline").read_text().split("\0")
            if words[0].endswith("wandb-core") and words[-2] == str(pid):
                return int(folder.name)
    raise AssertionError("there is none")


def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def tracked(mode: str, paths: RunPaths, **more: Any) -> Tracker:
    """An attempt at a cell, as far as W&B is concerned, that ends in a record."""
    paths.folder.mkdir(parents=True, exist_ok=True)
    wanted = PLACE | {"artifacts": more.get("artifacts", [])}
    with Tracker(DENSE, paths, mode, sweep="mine", wandb=wanted) as tracker:
        for row in HISTORY:
            tracker.epoch(row)
        write_atomically(paths.history, json.dumps(HISTORY).encode())
        write_record(paths, more.get("record") or done(DENSE, 0.9))
        tracker.finish(read_record(paths) or {})
    return tracker


VARIABLES = {
    "WANDB_MODE": "foo",
    "WANDB_PROJECT": "a/b",
    "WANDB_INIT_TIMEOUT": "abc",
    "WANDB_BASE_URL": "foo",
    "WANDB_FINISH_TIMEOUT": "soon",
}
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


def test_an_attempt_after_a_failure_shows_none_of_it(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = live_in(tmp_path)
    paths = RunPaths(here.ledger, DENSE.key)
    tracked("wandb", paths, record=failed(DENSE, "loss is nan"))
    assert run_of(server).summary["status"] == "failed"
    Ledger(here.ledger).set_aside(DENSE.key)
    with Tracker(DENSE, paths, "wandb", sweep="mine", wandb=PLACE):
        pass  # killed before it came to anything
    assert not {"status", "error", entry.RECORD, entry.DIGEST} & set(run_of(server).summary)
    assert rows(run_of(server))[0]["train_loss"] == 1.0
    tracked("wandb", paths)
    assert published(here, DENSE, capsys) == DONE


TROUBLES: dict[str, Callable[[Server], None]] = {
    "the server goes away": lambda server: setattr(server, "gone", True),
    "the run is deleted there": lambda server: setattr(
        server, "fault", lambda _, name: (404, {}) if "file_stream" in name else None
    ),
    "the client is killed": lambda _: os.kill(client_of(os.getpid()), signal.SIGKILL),
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
