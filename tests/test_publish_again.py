"""Published again: a run changes where its record did, and nothing else is sent."""

from __future__ import annotations

from pathlib import Path

import pytest
from ledgers import done
from publishing import BROKEN, DENSE, GATED, NONE_NEW, counted, keep, made, rows, runs

from sweeps.claim import claim
from sweeps.mirror import entry
from sweeps.mirror.source import WandbSource
from tests.wandb_server.client import send
from tests.wandb_server.server import Server


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
