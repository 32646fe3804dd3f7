"""A ledger published to W&B: W&B's own client writes to a server on this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from ledgers import ECA, MAGNITUDE, SE, cell, done, failed

from sweeps.cell import Cell
from sweeps.claim import claim
from sweeps.errors import UserError
from sweeps.ledger import Ledger, Plan
from sweeps.mirror import client, entry, plans, publish, sending
from sweeps.mirror.source import WandbSource
from sweeps.record import Record, write_atomically, write_record
from tests.wandb_server.client import environment, hurry, restart, send
from tests.wandb_server.server import Fault, Server
from tests.wandb_server.store import Run

DENSE, GATED, PRUNED, BROKEN = (
    cell(),
    cell(attention=SE),
    cell(pruning=MAGNITUDE),
    cell(attention=ECA),
)
CELLS = (DENSE, GATED, PRUNED, BROKEN)
PATCH = "diff --git a/x b/x\n"


def rows(one: Cell, count: int = 3, *, loss: float = 1.0) -> list[dict[str, Any]]:
    phase = "fit" if one.is_dense else "refit"
    return [
        {"phase": phase, "epoch": n, "lr": 0.1, "train_loss": loss / (n + 1), "val_accuracy": 0.5}
        for n in range(count)
    ]


def keep(ledger: Ledger, one: Cell, record: Record, history: list[dict[str, Any]]) -> None:
    paths = ledger.paths(one.key)
    write_record(paths, record)
    write_atomically(paths.history, json.dumps(history).encode())


def made(folder: Path, sweep: str = "mine", cells: tuple[Cell, ...] = CELLS) -> Ledger:
    """A ledger of three cells that are done and one that failed; changed code made the first."""
    ledger = Ledger(folder / "runs")
    ledger.freeze(Plan(sweep, "made by hand", cells))
    for n, one in enumerate(one for one in cells if one is not BROKEN):
        keep(ledger, one, done(one, 0.9 + n % 10 / 100), rows(one))
    if BROKEN in cells:
        write_record(ledger.paths(BROKEN.key), failed(BROKEN, "loss is nan"))
    record = done(DENSE, 0.9)
    record["provenance"] |= {"commit": "c0ffee" * 6, "diff": "1.patch"}
    keep(ledger, DENSE, record, rows(DENSE))
    write_atomically(ledger.root / "provenance/1.patch", PATCH.encode())
    return ledger


def runs(server: Server) -> dict[str, Run]:
    """All runs by id, those of plans left out."""
    found = server.store.project("lab", "p")
    return {key: run for key, run in found.items() if run.job_type != plans.JOB_TYPE}


def counted(capsys: pytest.CaptureFixture[str]) -> str:
    """What the last line said, without the address."""
    return capsys.readouterr().out.splitlines()[-1].partition(" -> ")[0]


ALL_NEW = "mine: 4 runs: 4 new, 0 changed, 0 unchanged"
NONE_NEW = "mine: 4 runs: 0 new, 0 changed, 4 unchanged"


def test_every_record_becomes_a_run_of_its_own(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = made(tmp_path)
    assert send(ledger) == 0
    assert capsys.readouterr().out == f"{ALL_NEW} -> {server.url}/lab/p\n"
    found = runs(server)
    assert set(found) == {one.key for one in CELLS}
    run = found[PRUNED.key]
    assert (run.display_name, run.group, run.job_type) == (
        "resnet8-none-magnitude-0",
        "mine",
        "pruned",
    )
    assert run.tags == ["digits", "resnet8", "none", "magnitude", "short", "sweep:mine"]
    assert (run.config["pruning"], run.config["pruning.sparsity"]) == ("magnitude", 0.9)
    assert (run.summary["accuracy"], run.summary["cost.macs"]) == (0.92, 1_600_000)
    told = [{name: row[name] for name in row if "/" in name} for row in run.history]
    assert told == [entry.row(row) for row in rows(PRUNED)]
    assert [row["_step"] for row in run.history] == [0, 1, 2]
    assert found[DENSE.key].commit == "c0ffee" * 6
    assert found[DENSE.key].files["diff.patch"].decode() == PATCH


def test_a_failed_cell_is_a_failed_run_that_says_why(server: Server, tmp_path: Path) -> None:
    send(made(tmp_path))
    run = runs(server)[BROKEN.key]
    assert (run.state, run.summary["status"]) == ("failed", "failed")
    assert run.summary["error"] == {"type": "RuntimeError", "message": "loss is nan"}
    assert {runs(server)[one.key].state for one in CELLS[:3]} == {"finished"}


def test_what_was_published_reads_as_the_ledger(server: Server, tmp_path: Path) -> None:
    ledger = made(tmp_path)
    send(ledger)
    source = WandbSource.read("lab", "p", "mine")
    assert source.plan("mine").cells == ledger.plan("mine").cells
    for one in CELLS:
        record = dict(ledger.record(one.key) or {})
        assert source.record(one.key) == {n: record[n] for n in record if n != "cell"}
        assert source.curves(one.key) == ledger.curves(one.key)


def test_publishing_twice_sends_nothing_the_second_time(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = made(tmp_path)
    send(ledger)
    writes = server.store.writes
    server.asked.clear()
    assert send(ledger) == 0
    assert counted(capsys) == NONE_NEW
    assert server.store.writes == writes
    assert set(server.asked) == {"Viewer", "GetDefaultEntity", "Runs"}


def test_a_changed_record_changes_its_run_and_keeps_rows_that_cannot_be_rewritten(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = made(tmp_path)
    send(ledger)
    keep(ledger, GATED, done(GATED, 0.7, latency=None), rows(GATED, 5, loss=2.0))
    capsys.readouterr()
    assert send(ledger) == 0
    told = capsys.readouterr()
    assert told.out.startswith("mine: 4 runs: 0 new, 1 changed, 3 unchanged")
    assert "1 runs keep rows of an earlier attempt" in told.err
    run = runs(server)[GATED.key]
    assert run.summary["accuracy"] == 0.7
    assert not [name for name in run.summary if name.startswith("latency.")]
    losses = [row["fit/train_loss"] for row in run.history]
    assert losses == [1.0, 1 / 2, 1 / 3, 2 / 4, 2 / 5]
    assert send(ledger) == 0
    assert counted(capsys) == NONE_NEW


def test_a_run_that_only_lacks_rows_gets_those_and_keeps_none_of_another_attempt(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = made(tmp_path)
    send(ledger)
    keep(ledger, GATED, done(GATED, 0.7), rows(GATED, 5))
    capsys.readouterr()
    assert send(ledger) == 0
    assert capsys.readouterr().err == ""
    assert len(runs(server)[GATED.key].history) == 5


def test_a_cell_that_failed_and_is_done_now_has_no_error_left(
    server: Server, tmp_path: Path
) -> None:
    ledger = made(tmp_path)
    send(ledger)
    keep(ledger, BROKEN, done(BROKEN, 0.8), rows(BROKEN))
    send(ledger)
    run = runs(server)[BROKEN.key]
    assert (run.state, run.summary["accuracy"]) == ("finished", 0.8)
    assert "error" not in run.summary


def test_of_a_failure_that_runs_again_nothing_is_left(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = made(tmp_path)
    send(ledger)
    ledger.set_aside(BROKEN.key)
    assert WandbSource.read("lab", "p", "mine").record(BROKEN.key)
    capsys.readouterr()
    assert send(ledger) == 0
    told = "mine: 4 runs: 0 new, 0 changed, 3 unchanged, 1 emptied of a failure that runs again"
    assert counted(capsys) == told
    run = runs(server)[BROKEN.key]
    assert run.state == "preempted"
    assert not {"status", "error", entry.RECORD, entry.DIGEST} & set(run.summary)
    assert WandbSource.read("lab", "p", "mine").record(BROKEN.key) is None
    writes = server.store.writes
    assert send(ledger) == 0
    assert counted(capsys) == "mine: 3 runs: 0 new, 0 changed, 3 unchanged"
    assert server.store.writes == writes


def test_a_failure_that_runs_again_right_now_is_left_alone(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = made(tmp_path)
    send(ledger)
    ledger.set_aside(BROKEN.key)
    writes = server.store.writes
    with claim(ledger.paths(BROKEN.key).lock):
        assert send(ledger) == 0
    runs(server)[BROKEN.key].state = "running"
    assert send(ledger) == 0
    assert counted(capsys) == "mine: 3 runs: 0 new, 0 changed, 3 unchanged"
    assert server.store.writes == writes


def test_a_ledger_empties_no_run_of_a_record_that_it_never_had(
    server: Server, tmp_path: Path
) -> None:
    send(made(tmp_path))
    other = made(tmp_path / "other")
    for one in (DENSE, BROKEN):
        other.paths(one.key).record.unlink()
    writes = server.store.writes
    assert send(other) == 0
    assert server.store.writes == writes


def test_a_sweep_may_have_a_name_in_any_script(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = made(tmp_path, "émile")
    assert send(ledger, "émile") == 0
    assert send(ledger, "émile") == 0
    assert counted(capsys) == "émile: 4 runs: 0 new, 0 changed, 4 unchanged"
    source = WandbSource.read("lab", "p", "émile")
    assert source.plan("émile").cells == ledger.plan("émile").cells
    assert source.record(DENSE.key)


def test_a_project_may_have_a_name_with_spaces(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert send(made(tmp_path), project="my project") == 0
    assert capsys.readouterr().out.endswith(f"{server.url}/lab/my%20project\n")
    assert WandbSource.read("lab", "my project", "mine").record(DENSE.key)


def test_a_run_that_may_not_be_opened_is_no_trouble_of_the_network_alone(
    server: Server, tmp_path: Path
) -> None:
    server.fault = refuse("UpsertBucket", 403)
    with pytest.raises(UserError, match=r"did not open the run \(no\).* key may write to lab/p"):
        send(made(tmp_path))
    restart()


def test_a_run_of_another_id_than_the_cell_s_is_refused(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    restart()
    monkeypatch.setattr(client, "FOREIGN", ())
    monkeypatch.setenv("WANDB_SWEEP_ID", "abc")
    with pytest.raises(UserError, match=r"W&B's client made run \w+ instead of sweep-mine"):
        send(made(tmp_path))
    restart()


def test_a_cell_of_two_sweeps_is_one_run_with_both_tags(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = made(tmp_path)
    ledger.freeze(Plan("other", "shares a cell", (DENSE,)))
    send(ledger)
    send(ledger, "other")
    assert counted(capsys) == "other: 1 runs: 0 new, 1 changed, 0 unchanged"
    run = runs(server)[DENSE.key]
    assert (run.group, run.tags[-2:]) == ("mine", ["sweep:mine", "sweep:other"])
    assert len(run.history) == 3
    for sweep in ("mine", "other"):
        send(ledger, sweep)
        assert "0 new, 0 changed" in counted(capsys)


def test_the_plan_is_published_and_published_anew_when_it_changes(
    server: Server, tmp_path: Path
) -> None:
    ledger = made(tmp_path)
    send(ledger)
    ledger.freeze(Plan("mine", "longer", (*CELLS, cell(seed=7))))
    send(ledger)
    run = server.store.project("lab", "p")["sweep-mine"]
    assert (run.job_type, run.group, run.tags) == ("plan", "mine", ["sweep:mine"])
    assert plans.plan_of(run.config) == ledger.plan("mine")


def test_a_plan_that_does_not_arrive_is_noticed(
    server: Server,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(publish, "PAUSE_S", 0.0)
    server.fault = refuse("sweep-mine/file_stream", 403)
    ledger = made(tmp_path)
    assert send(ledger) == 1
    told = capsys.readouterr()
    assert "run sweep-mine has not arrived" in told.err
    assert told.out.startswith(ALL_NEW)
    server.fault = None
    assert send(ledger) == 0


def test_a_damaged_record_is_named_and_the_others_are_published(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = made(tmp_path)
    ledger.paths(GATED.key).record.write_text('{"schema": 1, "key"')
    ledger.paths(PRUNED.key).record.write_text('{"schema": 1, "key": 7}')
    assert send(ledger) == 1
    told = capsys.readouterr()
    assert told.out.startswith("mine: 2 runs: 2 new")
    assert str(ledger.paths(GATED.key).record) in told.err
    assert str(ledger.paths(PRUNED.key).record) in told.err
    assert set(runs(server)) == {DENSE.key, BROKEN.key}


def test_artifacts_are_published_when_asked_for_and_once(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = made(tmp_path)
    send(ledger)
    assert server.store.artifacts == {}
    for one, phase in zip(CELLS, ("fit", "fit", "refit-10", "fit"), strict=True):
        ledger.paths(one.key).weights(phase).write_bytes(phase.encode())
    ledger.paths(PRUNED.key).weights("refit-9").write_bytes(b"before")
    ledger.paths(PRUNED.key).ticket.write_text('{"connect": "1"}')
    send(ledger, artifacts=["model", "ticket"])
    assert counted(capsys) == "mine: 4 runs: 0 new, 3 changed, 1 unchanged"
    found = server.store.artifacts
    models = {f"{one.key}-model" for one in CELLS[:3]}
    assert set(found) == models | {f"{PRUNED.key}-ticket"}
    model = found[f"{PRUNED.key}-model"]
    assert (model.type, model.run, model.files) == (
        "model",
        PRUNED.key,
        {"refit-10.pt": b"refit-10"},
    )
    assert (model.metadata["pruning"], model.metadata["accuracy"]) == ("magnitude", 0.92)
    for wanted in (["model", "ticket"], ["model"], []):
        send(ledger, artifacts=wanted)
        assert counted(capsys) == NONE_NEW


def refuse(what: str, status: int) -> Fault:
    """Answer requests of a kind with a status."""
    answer = (status, {"errors": [{"message": "no"}]})
    return lambda _, name: answer if what in name else None


def with_model(folder: Path) -> Ledger:
    """A ledger of one cell, which has its weights."""
    ledger = made(folder, cells=(GATED,))
    ledger.paths(GATED.key).weights("fit").write_bytes(b"weights")
    return ledger


def check_that_the_model_is_sent_once(
    server: Server, ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    server.asked.clear()
    assert send(ledger, artifacts=["model"]) == 0
    assert counted(capsys) == "mine: 1 runs: 0 new, 1 changed, 0 unchanged"
    (model,) = server.store.artifacts.values()
    assert model.committed
    assert model.files == {"fit.pt": b"weights"}
    assert send(ledger, artifacts=["model"]) == 0
    assert counted(capsys) == "mine: 1 runs: 0 new, 0 changed, 1 unchanged"
    assert sum(name.startswith("PUT /artifact/") for name in server.asked) == 1


@pytest.mark.parametrize(
    ("what", "status"),
    [
        ("CreateArtifact", 403),
        ("CreateArtifact", 500),
        ("PUT /artifact/", 403),
        ("CommitArtifact", 403),
        ("CommitArtifact", 500),
    ],
)
def test_an_artifact_that_w_and_b_does_not_take_is_named_and_sent_next_time(
    what: str, status: int, server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = with_model(tmp_path)
    server.fault = refuse(what, status)
    assert send(ledger, artifacts=["model"]) == 1
    told = capsys.readouterr()
    assert f"cell {GATED.key} is not published: W&B did not take artifact" in told.err
    assert told.out.startswith("mine: 1 runs: 0 new, 0 changed, 0 unchanged, 1 not sent")
    assert entry.DIGEST not in runs(server)[GATED.key].summary
    server.fault = None
    server.store.artifacts.clear()
    check_that_the_model_is_sent_once(server, ledger, capsys)


def test_an_artifact_that_w_and_b_has_is_not_sent_again_with_a_changed_record(
    server: Server, tmp_path: Path
) -> None:
    ledger = with_model(tmp_path)
    send(ledger, artifacts=["model"])
    server.asked.clear()
    keep(ledger, GATED, done(GATED, 0.91) | {"seconds": {"fit": 7.0}}, rows(GATED))
    assert send(ledger, artifacts=["model"]) == 0
    assert runs(server)[GATED.key].summary["seconds.fit"] == 7.0
    assert not [name for name in server.asked if name.startswith("PUT /artifact/")]


def test_an_artifact_for_which_this_machine_has_no_room_is_named_and_sent_next_time(
    server: Server,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger = with_model(tmp_path)
    (tmp_path / "file").touch()
    with monkeypatch.context() as patch:
        patch.setenv("WANDB_DATA_DIR", str(tmp_path / "file"))
        assert send(ledger, artifacts=["model"]) == 1
    assert f"W&B did not take artifact {GATED.key}-model" in capsys.readouterr().err
    check_that_the_model_is_sent_once(server, ledger, capsys)


def test_many_runs_are_sent_in_batches_with_a_new_client_for_each(
    server: Server,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sending, "BATCH", 8)
    many = tuple(cell(seed=seed) for seed in range(20))
    assert send(made(tmp_path, cells=many)) == 0
    assert counted(capsys) == "mine: 20 runs: 20 new, 0 changed, 0 unchanged"
    assert set(runs(server)) == {one.key for one in many}
    assert {run.state for run in runs(server).values()} == {"finished"}


def test_a_busy_server_is_waited_for(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[str] = []
    busy_ones = {"Runs", "RunResumeStatus", "UpsertBucket", "file_stream"}

    def busy(_: Server, name: str) -> tuple[int, Any] | None:
        seen.append(name.rpartition("/")[2])
        is_first = seen.count(seen[-1]) == 1 and seen[-1] in busy_ones
        return (429, {"errors": [{"message": "busy"}]}) if is_first else None

    server.fault = busy
    assert send(made(tmp_path)) == 0
    assert counted(capsys) == ALL_NEW
    assert busy_ones <= set(seen)
    assert {run.state for run in runs(server).values()} == {"finished", "failed"}


def test_a_run_that_w_and_b_refuses_is_named_and_the_others_are_published(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.store.deleted.add(GATED.key)
    assert send(made(tmp_path)) == 1
    told = capsys.readouterr()
    assert f"cell {GATED.key} is not published" in told.err
    assert "previously created and deleted" in told.err
    assert told.out.startswith("mine: 4 runs: 3 new, 0 changed, 0 unchanged, 1 not sent")
    assert set(runs(server)) == {one.key for one in CELLS if one is not GATED}


@pytest.mark.parametrize("status", [401, 404])
def test_rows_that_the_server_drops_are_noticed(
    status: int,
    server: Server,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(publish, "PAUSE_S", 0.0)
    server.fault = refuse(f"POST /files/lab/p/{GATED.key}/file_stream", status)
    ledger = made(tmp_path)
    assert send(ledger) == 1
    told = capsys.readouterr()
    assert f"run {GATED.key} has not arrived" in told.err
    assert "look whether your key may write to lab/p" in told.err
    assert told.out.startswith("mine: 4 runs: 3 new, 0 changed, 0 unchanged, 1 not sent")
    server.fault = None
    assert send(ledger) == 0
    assert counted(capsys) == "mine: 4 runs: 0 new, 1 changed, 3 unchanged"


def test_a_server_that_goes_is_an_error_and_the_rest_is_sent_next_time(
    server: Server,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger = made(tmp_path)
    hurry(monkeypatch)

    def goes(one: Server, name: str) -> None:
        one.gone = one.gone or f"{GATED.key}/file_stream" in name

    server.fault = goes
    with pytest.raises(UserError, match=r"of 4 runs were sent, the same command sends the rest"):
        send(ledger)
    server.fault, server.gone = None, False
    restart()
    capsys.readouterr()
    assert send(ledger) == 0
    assert "unchanged" in counted(capsys)
    assert send(ledger) == 0
    assert counted(capsys) == NONE_NEW


@dataclass(frozen=True)
class Command:
    """``do=publish`` in a process of its own."""

    ledger: Ledger
    folder: Path
    variables: Mapping[str, str]

    def start(self, *asked: str, **changed: str) -> subprocess.Popen[str]:
        where = [f"ledger={self.ledger.root}", "wandb.project=p"]
        return subprocess.Popen(
            [sys.executable, str(ROOT / "run.py"), "do=publish", "sweep=demo", *where, *asked],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            env={**os.environ, "HOME": str(self.folder), **self.variables, **changed},
        )

    def __call__(self, *asked: str, **changed: str) -> tuple[int, str, str]:
        process = self.start(*asked, **changed)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err


@pytest.fixture
def command(server: Server, tmp_path: Path) -> Command:
    ledger = made(tmp_path, "demo")
    (tmp_path / "home").mkdir()
    return Command(ledger, tmp_path / "home", environment(server))


def kill(process: subprocess.Popen[str]) -> None:
    """Kill a process and its W&B client, as the end of a machine does."""
    process.kill()
    process.communicate()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (folder / "cmdline").read_text().split("\0")
            if words[0].endswith("wandb-core") and words[-2] == str(process.pid):
                os.kill(int(folder.name), signal.SIGKILL)


def wait_for(condition: Any, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


@pytest.mark.parametrize("how", ["kill", "interrupt"])
def test_what_an_interrupted_publishing_left_is_finished_by_the_next(
    how: str, server: Server, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    many = tuple(cell(seed=seed) for seed in range(16))
    ledger = made(command.folder, "demo", many)
    command = Command(ledger, command.folder, command.variables)
    server.fault = lambda _, name: time.sleep(0.05)
    process = command.start()
    ended = ("finished", "failed")
    wait_for(lambda: sum(run.state in ended for run in runs(server).values()) >= 4)
    if how == "kill":
        kill(process)
    else:
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        assert process.returncode == 130
        assert "Traceback" not in err
    there = [run for run in runs(server).values() if run.state in ended]
    assert 4 <= len(there) < 16
    server.fault = None
    assert send(ledger, "demo") == 0
    assert f"{len(there)} unchanged" in counted(capsys)
    assert {run.state for run in runs(server).values()} == {"finished"}
    assert {len(run.history) for run in runs(server).values()} == {3}
    assert len(runs(server)) == 16
    send(ledger, "demo")
    assert "16 unchanged" in counted(capsys)


def test_the_command_needs_no_torch_and_leaves_no_file(command: Command) -> None:
    script = (
        "import sys; from sweeps.cli import command; command(sys.argv[1:]); "
        "sys.exit(int('torch' in sys.modules))"
    )
    where = ["do=publish", "sweep=demo", f"ledger={command.ledger.root}", "wandb.project=p"]
    before = set(command.folder.parent.rglob("*"))
    done = subprocess.run(
        [sys.executable, "-c", script, *where],
        env={**os.environ, **command.variables, "PYTHONPATH": str(ROOT)},
        cwd=command.folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("demo: 4 runs: 4 new")
    assert set(command.folder.parent.rglob("*")) == before


OTHERS: dict[str, dict[str, str]] = {
    "of an agent": {"WANDB_SWEEP_ID": "abc", "WANDB_PROJECT": "p", "WANDB_RUN_ID": "xyz"},
    "to resume": {"WANDB_RESUME_FROM": "xyz?_step=1", "WANDB_RESUME": "must"},
    "to fork": {"WANDB_FORK_FROM": "xyz?_step=1"},
    "of a process that is gone": {"WANDB_SERVICE": "3-1-unix-/nowhere/socket"},
    "of nothing": {"WANDB_SERVICE": "nonsense"},
}


@pytest.mark.parametrize("name", OTHERS)
def test_variables_of_other_runs_change_nothing(
    name: str, server: Server, command: Command
) -> None:
    code, out, err = command(**OTHERS[name])
    assert (code, err) == (0, "")
    assert out.startswith("demo: 4 runs: 4 new")
    code, out, _ = command(**OTHERS[name])
    assert (code, out.startswith("demo: 4 runs: 0 new, 0 changed, 4 unchanged")) == (0, True)
    assert set(runs(server)) == {one.key for one in CELLS}
    assert set(server.store.projects) == {("lab", "p")}


MISTAKES: dict[str, tuple[list[str], dict[str, str], str]] = {
    "no key": ([], {"WANDB_API_KEY": ""}, "wandb login"),
    "half a key": ([], {"WANDB_API_KEY": "0123"}, "WANDB_API_KEY"),
    "a wrong key": ([], {"WANDB_API_KEY": "f" * 40}, "WANDB_API_KEY"),
    "no such entity": (["wandb.entity=nobody"], {}, "entity"),
    "an entity that is locked": ([], {"WANDB_ENTITY": "locked"}, "permission denied"),
    "a project that cannot be": (["wandb.project=a/b"], {}, "wandb.project=a/b: must have none of"),
    "the same in a variable": (
        [],
        {"WANDB_PROJECT": "a/b"},
        "WANDB_PROJECT=a/b: must have none of",
    ),
    "W&B is switched off": ([], {"WANDB_MODE": "offline"}, "WANDB_MODE=offline: publishing needs"),
    "no mode": ([], {"WANDB_MODE": "foo"}, "WANDB_MODE: W&B does not take its value"),
    "no number": ([], {"WANDB_INIT_TIMEOUT": "abc"}, "WANDB_INIT_TIMEOUT: W&B does not take"),
    "no address": ([], {"WANDB_BASE_URL": "foo"}, "WANDB_BASE_URL: W&B does not take its value"),
    "nobody answers": ([], {"WANDB_BASE_URL": "http://127.0.0.1:9"}, "network"),
    "an unknown sweep": (["sweep=dema"], {}, "did you mean 'demo'"),
    "an unknown artifact": (["wandb.artifacts=[models]"], {}, "did you mean 'model'"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_clear_message(name: str, server: Server, command: Command) -> None:
    asked, variables, says = MISTAKES[name]
    code, out, err = command(*asked, **variables, WANDB_X_GRAPHQL_RETRY_MAX="1")
    assert (code, out) == (2, "")
    assert says in err
    assert len(err.splitlines()) == 1
    assert server.store.writes == 0


def test_nothing_to_publish_is_said_without_asking_anybody(server: Server, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.freeze(Plan("mine", "not begun", CELLS))
    with pytest.raises(UserError, match="nothing to publish; run it with: make sweep SWEEP=mine"):
        send(ledger)
    assert server.asked == []
