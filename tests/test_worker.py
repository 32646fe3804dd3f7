"""Workers share a plan: failures stay alone, parents come first, no cell runs twice."""

from __future__ import annotations

import json
import multiprocessing
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import TINY, TRAINER, cells
from torch import Tensor, nn

from lightning_modules.attention import eca
from sweeps.attempts import read
from sweeps.cell import Cell
from sweeps.claim import Busy, claim, is_claimed
from sweeps.errors import UserError
from sweeps.execute import Context, execute
from sweeps.frozen import Plan
from sweeps.ledger import Ledger
from sweeps.plan import ordered
from sweeps.provenance import code
from sweeps.record import RunPaths, read_record, write_atomically
from sweeps.state import State, survey
from sweeps.worker import work


def grid() -> list[Cell]:
    pruned = cells(*TINY, "attention=none,eca", "pruning=l1", "pruning.macs=0.7")
    return ordered(pruned)


def context(ledger: Path) -> Context:
    return Context(ledger, ledger, TRAINER, tracking="none")


class Broken(nn.Module):
    def __init__(self, channels: int, *, gamma: float = 2.0, b: float = 1.0) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        raise RuntimeError("this gate is broken")


@pytest.fixture
def broken_eca(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eca, eca.__all__[0], Broken)


def states(ledger: Path, asked: list[Cell]) -> dict[str, str]:
    found = survey(Ledger(ledger), asked)
    return {f"{s.cell.attention} {s.cell.pruning}": str(s.state) for s in found}


@pytest.mark.usefixtures("broken_eca")
def test_a_failing_cell_stays_alone_and_blocks_its_children_only(tmp_path: Path) -> None:
    work(grid(), context(tmp_path))
    assert states(tmp_path, grid()) == {
        "none none": "done",
        "eca none": "failed",
        "none l1": "done",
        "eca l1": "blocked",
    }
    (failed,) = (s for s in survey(Ledger(tmp_path), grid()) if s.state is State.FAILED)
    assert failed.record is not None
    error = failed.record["error"]
    assert (error["type"], error["message"]) == ("RuntimeError", "this gate is broken")
    assert "in forward" in error["traceback"]
    assert failed.record["provenance"].items() >= code(tmp_path).items()


def test_a_failed_cell_that_is_set_aside_runs_again_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(eca, eca.__all__[0], Broken)
        work(grid(), context(tmp_path))
    ledger = Ledger(tmp_path)
    for status in survey(ledger, grid()):
        if status.state is State.FAILED:
            ledger.set_aside(status.cell.key)
    work(grid(), context(tmp_path))
    assert set(states(tmp_path, grid()).values()) == {"done"}
    assert len(list(tmp_path.glob("*/failed-0.json"))) == 1


def test_a_worker_runs_what_is_left_only(tmp_path: Path) -> None:
    ran: list[str] = []
    work(grid(), context(tmp_path), started=lambda cell: ran.append(cell.key))
    assert sorted(ran) == sorted(cell.key for cell in grid())
    ran.clear()
    work(grid(), context(tmp_path), started=lambda cell: ran.append(cell.key))
    assert ran == []
    lost = grid()[-1]
    RunPaths(tmp_path, lost.key).record.unlink()
    work(grid(), context(tmp_path), started=lambda cell: ran.append(cell.key))
    assert ran == [lost.key]


def test_a_worker_makes_a_damaged_record_again_and_trains_nothing(tmp_path: Path) -> None:
    work(grid(), context(tmp_path))
    paths = RunPaths(tmp_path, grid()[-1].key)
    before = read_record(paths)
    paths.record.write_text('{"schema": 1, "key"')
    epochs: list[object] = []
    work(grid(), replace(context(tmp_path), on_epoch=epochs.append))
    after = read_record(paths)
    assert before is not None
    assert after is not None
    assert after["result"] == before["result"]
    assert epochs == []


def run_worker(ledger: str) -> None:
    work(grid(), context(Path(ledger)))


def test_two_workers_share_the_cells_and_run_none_twice(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=run_worker, args=(str(tmp_path),)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(240)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert set(states(tmp_path, grid()).values()) == {"done"}
    ends = [[one["ended"] for one in read(path)] for path in tmp_path.glob("*/attempts.jsonl")]
    assert ends == [["done"]] * len(grid())


def test_a_claimed_cell_is_busy_and_says_whose_it_is(tmp_path: Path) -> None:
    cell = grid()[0]
    lock = RunPaths(tmp_path, cell.key).lock
    with claim(lock):
        assert is_claimed(lock)
        with pytest.raises(Busy, match=r"process [0-9]+ on"):
            execute(cell, context(tmp_path))
        assert states(tmp_path, [cell]) == {"none none": "running"}
    assert not is_claimed(lock)


def test_latency_left_out_is_measured_later_and_nothing_else_runs(tmp_path: Path) -> None:
    cell = grid()[0]
    untimed = Context(tmp_path, tmp_path, TRAINER, tracking="none", time_latency=False)
    first = execute(cell, untimed)
    assert first["latency"] is None
    assert states(tmp_path, [cell]) == {"none none": "untimed"}
    second = execute(cell, context(tmp_path))
    assert second["latency"]["ratio"] > 0
    assert second["result"] == first["result"]
    assert states(tmp_path, [cell]) == {"none none": "done"}


def test_a_loss_that_is_not_finite_ends_early_as_a_failed_record(tmp_path: Path) -> None:
    (cell,) = cells(*TINY, "recipe.lr=1e30", "recipe.epochs=50")
    record = execute(cell, context(tmp_path))
    assert record["status"] == "failed"
    assert record["error"]["type"] == "TrainingDiverged"
    assert "try a lower recipe.lr" in record["error"]["message"]


def test_a_network_in_bfloat16_ends_in_a_record(tmp_path: Path) -> None:
    (cell,) = cells(*TINY, "recipe.precision=bf16-true")
    record = execute(cell, context(tmp_path))
    assert record["status"] == "done", record["error"]["traceback"]
    assert len(record["result"]["weights"]) == 64


def test_a_record_knows_where_it_comes_from(tmp_path: Path) -> None:
    record = execute(grid()[0], context(tmp_path))
    origin = record["provenance"]
    assert len(origin["data_checksum"]) == 64
    assert origin["packages"]["torch"]
    assert (tmp_path / "provenance" / origin["environment"]).read_text().count("==") > 20
    assert origin["hardware"]["cores"] >= 1
    assert set(origin["sources"]) == {"backbone", "attention", "pruning"}


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")
    with pytest.raises(TypeError):
        write_atomically(path, "not bytes")  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("content", ['{"schema": 1, "key"', "[]", '{"schema": 99}'])
def test_a_record_that_cannot_be_read_is_named(tmp_path: Path, content: str) -> None:
    paths = RunPaths(tmp_path, "0123456789ab")
    write_atomically(paths.record, content.encode())
    with pytest.raises(UserError, match=r"record\.json"):
        read_record(paths)


def test_a_plan_of_another_schema_is_refused(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.freeze(Plan("one", "", tuple(grid())))
    path = tmp_path / "sweeps/one.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema": 99}))
    with pytest.raises(UserError, match="schema 99"):
        ledger.plan("one")
