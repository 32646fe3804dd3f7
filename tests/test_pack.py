"""A pack runs its cells in forked children, shares the ledger, and survives what kills a child."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from conftest import ROOT, TINY, TRAINER, cells
from processes import until

from sweeps import attempts
from sweeps.cell import Cell
from sweeps.cluster.arrays import Array
from sweeps.cluster.resources import Resources
from sweeps.cluster.submission import Submission, new_folder
from sweeps.context import Context
from sweeps.ledger import Ledger
from sweeps.overrides import CONF, read_yaml
from sweeps.plan import ordered
from sweeps.state import State, survey

ONE = Resources(None, None, None, None, 1, 0, 1, 4, 60, 1)
START = "from sweeps.cluster.pack import run_task; run_task({folder!r}, {array}, {task})"


def submission(
    ledger: Path, asked: Sequence[Cell], tasks: Sequence[Sequence[Cell]], **options: object
) -> Submission:
    cluster = read_yaml(CONF / "cluster/slurm.yaml") | options
    context = Context(ledger, ledger, TRAINER, tracking="none", retries=2).json()
    packs = tuple(tuple(cell.key for cell in task) for task in tasks)
    made = Submission(
        new_folder(ledger), "test", "none", cluster, context, "", tuple(asked), (Array(ONE, packs),)
    )
    made.write()
    return made


def task(made: Submission, number: int = 0) -> subprocess.Popen[str]:
    code = START.format(folder=str(made.folder), array=0, task=number)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SLURM_")}
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**environment, "PYTHONDONTWRITEBYTECODE": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(process: subprocess.Popen[str], seconds: float = 200) -> str:
    output, _ = process.communicate(timeout=seconds)
    assert process.returncode == 0, output
    return output


def grid(*more: str) -> list[Cell]:
    return ordered(cells(*TINY, "attention=none,eca", "pruning=l1", "pruning.macs=0.7", *more))


def long(*more: str) -> Cell:
    (cell,) = cells(*TINY, "recipe.epochs=400", *more)
    return cell


def states(ledger: Path, asked: Sequence[Cell]) -> list[State]:
    return [status.state for status in survey(Ledger(ledger), asked)]


def ends(ledger: Path, cell: Cell) -> list[str]:
    return [one["ended"] for one in attempts.read(Ledger(ledger).paths(cell.key).attempts)]


def child_of(process: subprocess.Popen[str]) -> int:
    path = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    until(lambda: path.read_text().split(), 120)
    return int(path.read_text().split()[-1])


def test_a_pack_runs_its_own_cells_then_those_of_other_tasks(tmp_path: Path) -> None:
    asked = grid()
    made = submission(tmp_path, asked, [asked[:1], asked[1:]])
    output = ended(task(made))
    assert states(tmp_path, asked) == [State.DONE] * 4
    assert output.index(asked[0].key) < output.index(asked[1].key)
    assert "every cell of this task is settled" in ended(task(made, 1))
    assert all((Ledger(tmp_path).paths(cell.key).log).exists() for cell in asked)


def test_a_pack_trains_a_parent_of_an_earlier_submission_that_nobody_runs(tmp_path: Path) -> None:
    child = next(cell for cell in grid() if cell.parent)
    assert child.parent is not None
    ended(task(submission(tmp_path, [child], [[child]])))
    assert states(tmp_path, [child, child.parent]) == [State.DONE] * 2


def test_a_pack_takes_nothing_further_when_its_time_is_over(tmp_path: Path) -> None:
    asked = grid()
    ended(task(submission(tmp_path, asked, [asked[:1], asked[1:]], pack_minutes=0)))
    assert states(tmp_path, asked)[0] is State.DONE
    assert State.PENDING in states(tmp_path, asked)


def test_several_cells_run_at_the_same_time_and_are_timed_alone_afterwards(tmp_path: Path) -> None:
    asked = grid()
    output = ended(task(submission(tmp_path, asked, [asked], at_once=2)))
    first, second = (output.index(f"{cell.key} {cell} starts") for cell in asked[:2])
    assert max(first, second) < output.index(f"{asked[0].key} {asked[0]} ended")
    assert states(tmp_path, asked) == [State.DONE] * 4


def test_how_many_fit_is_measured_on_the_first_cell(tmp_path: Path) -> None:
    asked = grid("seed=0,1")
    made = submission(tmp_path, asked, [asked], at_once="auto")
    assert ended(task(made))
    assert set(states(tmp_path, asked)) == {State.DONE}


def test_a_killed_child_is_one_lost_attempt_and_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    cell = long()
    process = task(submission(tmp_path, [cell], [[cell]]))
    checkpoint = Ledger(tmp_path).paths(cell.key).checkpoint("fit")
    until(checkpoint.exists, 120)
    os.kill(child_of(process), signal.SIGKILL)
    assert "was killed by SIGKILL" in ended(process)
    assert ends(tmp_path, cell) == ["kill", "done"]
    record = Ledger(tmp_path).record(cell.key)
    assert record is not None
    assert [one["ended"] for one in record["provenance"]["attempts"]] == ["kill", "done"]
    epochs = [
        row["epoch"] for row in json.loads(Ledger(tmp_path).paths(cell.key).history.read_text())
    ]
    assert epochs == list(range(400))


def test_a_cell_that_is_killed_again_and_again_with_nothing_gained_has_failed(
    tmp_path: Path,
) -> None:
    cell = long("recipe.batch_size=1", "data.size=4000")
    process = task(submission(tmp_path, [cell], [[cell]]))
    path = Ledger(tmp_path).paths(cell.key).attempts
    for number in range(3):
        until(lambda number=number: len(attempts.read(path)) == number + 1, 120)
        os.kill(child_of(process), signal.SIGKILL)
    ended(process)
    record = Ledger(tmp_path).record(cell.key)
    assert record is not None
    assert record["status"] == "failed"
    assert record["error"]["kind"] == "lost"
    assert "3 attempts in a row" in record["error"]["message"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR2])
def test_a_pack_that_is_told_to_leave_stops_its_cells_at_a_checkpoint(
    tmp_path: Path, number: signal.Signals
) -> None:
    cell = long()
    made = submission(tmp_path, [cell], [[cell]])
    process = task(made)
    until(Ledger(tmp_path).paths(cell.key).checkpoint("fit").exists, 120)
    process.send_signal(number)
    assert "stopped at a checkpoint" in ended(process)
    assert states(tmp_path, [cell]) == [State.PENDING]
    ended(task(made))
    assert states(tmp_path, [cell]) == [State.DONE]
    assert len(ends(tmp_path, cell)) == 2


def test_two_tasks_share_a_ledger_and_train_nothing_twice(tmp_path: Path) -> None:
    asked = grid("seed=0,1")
    made = submission(tmp_path, asked, [asked[:4], asked[4:]])
    both = [task(made, number) for number in range(2)]
    for process in both:
        ended(process)
    assert set(states(tmp_path, asked)) == {State.DONE}
    assert {len(ends(tmp_path, cell)) for cell in asked} == {1}
