"""Every start of a cell is noted with its end; starts that got nowhere are counted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import TINY, TRAINER, cells
from torch import Tensor, nn

from lightning_modules.attention import eca
from sweeps import attempts
from sweeps.context import Context
from sweeps.execute import execute
from sweeps.failure import DiskTrouble, Failure, classify
from sweeps.ledger import Ledger


@pytest.fixture(autouse=True)
def _outside_of_slurm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)


def test_a_start_without_an_end_was_lost(tmp_path: Path) -> None:
    path = tmp_path / "attempts.jsonl"
    attempts.begin(path, mark=0, accumulate=1)
    made = attempts.begin(path, mark=0, accumulate=1)
    assert [one.get("ended") for one in made] == [attempts.LOST, None]
    attempts.end(path, "done")
    attempts.end(path, "kill")  # what is known stays
    assert [one["ended"] for one in attempts.read(path)] == [attempts.LOST, "done"]


def test_a_torn_line_is_left_out_and_nothing_after_it_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "attempts.jsonl"
    attempts.begin(path, mark=0, accumulate=1)
    with path.open("a") as file:
        file.write('{"number": 1, "en')
    attempts.end(path, "kill")
    assert [one["ended"] for one in attempts.read(path)] == ["kill"]


@pytest.mark.parametrize(
    ("history", "count"),
    [
        ([(0, "kill"), (0, "kill"), (0, None)], 2),
        ([(0, "kill"), (5, "kill"), (5, None)], 1),
        ([(0, "kill"), (5, "time limit"), (9, None)], 0),
        ([(0, "kill"), (0, "done"), (0, None)], 0),
        ([(0, None)], 0),
    ],
)
def test_only_losses_in_a_row_that_gained_nothing_count(
    history: list[tuple[int, str | None]], count: int
) -> None:
    made = [{"mark": mark, **({"ended": why} if why else {})} for mark, why in history]
    assert attempts.barren(made) == count


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError(28, "No space left on device"), Failure.DISK),
        (RuntimeError("[enforce fail] PytorchStreamWriter failed writing file"), Failure.DISK),
        (MemoryError(), Failure.MEMORY),
        (RuntimeError("CUDA error: out of memory"), Failure.MEMORY),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes"), Failure.MEMORY),
        (ValueError("shapes"), Failure.CODE),
        (OSError(2, "No such file"), Failure.CODE),
    ],
)
def test_an_error_has_a_kind(error: Exception, kind: Failure) -> None:
    assert classify(error) is kind


def test_what_caused_an_error_decides_its_kind() -> None:
    error = ValueError("could not save")
    error.__cause__ = OSError(28, "No space left on device")
    assert classify(error) is Failure.DISK


class Hungry(nn.Module):
    """Fits half of a batch only."""

    def __init__(self, channels: int, *, gamma: float = 2.0, b: float = 1.0) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        if self.training and len(x) > 16:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return x


class Greedy(Hungry):
    """Fits no batch."""

    def forward(self, x: Tensor) -> Tensor:
        raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")


def test_out_of_memory_is_tried_again_with_half_of_the_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eca, eca.__all__[0], Hungry)
    (cell,) = cells(*TINY, "attention=eca", "recipe.batch_size=32")
    record = execute(cell, Context(tmp_path, tmp_path, TRAINER, tracking="none"))
    assert record["status"] == "done", record["error"]
    known = [(one["ended"], one["accumulate"]) for one in record["provenance"]["attempts"]]
    assert known == [("out of memory", 1), ("done", 2)]


def test_out_of_memory_twice_is_a_failed_cell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eca, eca.__all__[0], Greedy)
    (cell,) = cells(*TINY, "attention=eca", "recipe.batch_size=32")
    record = execute(cell, Context(tmp_path, tmp_path, TRAINER, tracking="none"))
    assert record["status"] == "failed"
    assert record["error"]["kind"] == "out of memory"
    assert len(record["provenance"]["attempts"]) == 2


def test_a_failed_cell_is_not_run_again_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eca, eca.__all__[0], Greedy)
    (cell,) = cells(*TINY, "attention=eca")
    context = Context(tmp_path, tmp_path, TRAINER, tracking="none")
    first = execute(cell, context)
    assert execute(cell, context) == first | {"schema": 1, "key": cell.key}
    monkeypatch.undo()
    Ledger(tmp_path).set_aside(cell.key)
    assert execute(cell, context)["status"] == "done"


def test_a_disk_that_takes_nothing_leaves_the_cell_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(Hungry):
        def forward(self, x: Tensor) -> Tensor:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(eca, eca.__all__[0], Full)
    (cell,) = cells(*TINY, "attention=eca")
    with pytest.raises(DiskTrouble, match="free space"):
        execute(cell, Context(tmp_path, tmp_path, TRAINER, tracking="none"))
    paths = Ledger(tmp_path).paths(cell.key)
    assert not paths.record.exists()
    assert json.loads(paths.lock.read_text() or "{}") == {}
    assert [one["ended"] for one in attempts.read(paths.attempts)] == ["disk full or gone"]
