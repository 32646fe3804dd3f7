"""A ledger published to W&B: W&B's own client writes to a server on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from ledgers import cell
from publishing import ALL_NEW, BROKEN, CELLS, DENSE, PATCH, PRUNED, counted, made, rows, runs

from sweeps.errors import UserError
from sweeps.frozen import Plan
from sweeps.ledger import Ledger
from sweeps.mirror import entry, plans, sending
from sweeps.mirror.source import WandbSource
from tests.wandb_server.client import send
from tests.wandb_server.server import Server


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


def test_nothing_to_publish_is_said_without_asking_anybody(server: Server, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.freeze(Plan("mine", "not begun", CELLS))
    with pytest.raises(UserError, match="nothing to publish; run it with: make sweep SWEEP=mine"):
        send(ledger)
    assert server.asked == []
