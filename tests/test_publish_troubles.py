"""What W&B refuses, drops or does not answer is named, and sent the next time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from publishing import (
    ALL_NEW,
    BROKEN,
    CELLS,
    DENSE,
    GATED,
    NONE_NEW,
    PRUNED,
    counted,
    made,
    refuse,
    runs,
)

from sweeps.errors import UserError
from sweeps.mirror import client, publish
from tests.wandb_server.client import hurry, restart, send
from tests.wandb_server.server import Server


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
