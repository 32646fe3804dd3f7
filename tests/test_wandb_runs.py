"""What a report says of a cell, whatever the runs are that W&B has of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest
from ledgers import cell, done
from mirrored import READING_IT, Published, state_of, sweep

from reports.document import Document
from sweeps.cell import Choice
from sweeps.mirror import entry
from sweeps.record import Record
from tests.wandb_server.reading import sent_summary
from tests.wandb_server.server import Server
from tests.wandb_server.store import Run as Stored

pytestmark = pytest.mark.usefixtures("wandb_folder")


def damage_missing(run: Stored) -> None:
    del run.summary["accuracy"]


def damage_nan(run: Stored) -> None:
    run.summary["accuracy"] = "NaN"


def damage_number(run: Stored) -> None:
    run.summary["cost.macs"] += 1


def damage_record(run: Stored) -> None:
    del run.summary["record"]


def damage_all(run: Stored) -> None:
    run.summary = {}


def damage_schema(run: Stored) -> None:
    run.summary["record"] = run.summary["record"].replace('"schema":1', '"schema":2')


def damage_owner(run: Stored) -> None:
    run.summary["record"] = run.summary["record"].replace(run.id, cell(seed=2).key)


def damage_status(run: Stored) -> None:
    run.summary["status"] = "perfect"
    run.summary["record"] = run.summary["record"].replace('"done"', '"perfect"')


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (damage_missing, "accuracy is missing in its summary, but its record says 0.9"),
        (damage_nan, "accuracy is NaN in its summary"),
        (damage_number, "cost.macs is 1600001 in its summary, but its record says 1600000"),
        (damage_record, "its summary has no record"),
        (damage_all, "its summary has no record"),
        (damage_schema, "its record has schema 2, this version reads 1"),
        (damage_owner, f"it belongs to {cell(seed=2).key}"),
        (damage_status, "status is done or failed, came perfect"),
    ],
)
def test_a_run_that_cannot_be_trusted_damages_its_cell_alone(
    damage: Callable[[Stored], None], reason: str, published: Published
) -> None:
    damage(published.run(cell()))
    found = state_of(cell())
    assert found[0] == "damaged"
    assert reason in found[1]
    assert state_of(cell(seed=1))[0] == "done"


def test_half_of_the_runs_without_their_accuracy_are_damaged(published: Published) -> None:
    whole = Document.of(published.ledger, "small").frame["state"].value_counts()
    marred = [run for run in published.runs.values() if "accuracy" in run.summary][::2]
    for run in marred:
        del run.summary["accuracy"]
    states = Document.of(sweep(), "small").frame["state"].value_counts()
    assert states["damaged"] == len(marred) > 3
    assert states["done"] == whole["done"] - len(marred)


def test_a_run_that_goes_on_is_missing_and_counted(
    published: Published, capsys: pytest.CaptureFixture[str]
) -> None:
    published.run(cell()).state = "running"
    published.run(cell(seed=1)).state = "running"
    del published.run(cell(seed=1)).summary["record"]
    assert state_of(cell()) == state_of(cell(seed=1)) == ("missing", "")
    assert (
        "W&B lab/triptych: 2 cells are still going on: shown as missing" in capsys.readouterr().err
    )


@pytest.mark.parametrize("state", ["crashed", "killed", "failed", "preempted"])
def test_a_run_that_broke_off_is_missing_as_in_the_ledger(
    state: str, published: Published, capsys: pytest.CaptureFixture[str]
) -> None:
    published.run(cell()).state = state
    published.run(cell()).summary = {"fit/train_loss": 0.5}
    assert state_of(cell()) == ("missing", "")
    said = capsys.readouterr().err
    assert f"1 cell is without a record (1 {state}): shown as missing" in said
    assert "make publish SWEEP=small" in said


@pytest.mark.parametrize("state", ["crashed", "killed", "failed"])
def test_a_record_counts_whatever_became_of_its_run_afterwards(
    state: str, published: Published, capsys: pytest.CaptureFixture[str]
) -> None:
    published.run(cell()).state = state
    assert state_of(cell())[0] == "done"
    assert capsys.readouterr().err == READING_IT


def twin(published: Published, record: Record | None, state: str = "finished") -> Stored:
    """A second run of the first cell."""
    first = published.run(cell())
    other = replace(first, id="twin", state=state)
    if record is not None:
        other.summary = sent_summary(entry.summary(cell(), record, []))
    published.runs["twin"] = other
    return other


def test_two_runs_of_a_cell_that_agree_are_one(published: Published) -> None:
    twin(published, None)
    assert state_of(cell())[0] == "done"


@pytest.mark.parametrize(
    ("change", "part"),
    [({"accuracy": 0.8999}, "result"), ({"ratio": 1.016}, "latency"), ({"macs": 1}, "")],
)
def test_two_runs_of_a_cell_that_differ_damage_it(
    change: dict[str, float], part: str, published: Published
) -> None:
    twin(published, done(cell(), **{"accuracy": 0.90} | change))
    found = state_of(cell())
    if not part:  # nothing of a record is called so
        assert found[0] == "done"
        return
    assert found[0] == "damaged"
    assert f"runs {cell().key} and twin in W&B are both of cell {cell().key}" in found[1]
    assert f"differ in {part}" in found[1]


@pytest.mark.parametrize("state", ["running", "crashed"])
def test_a_second_run_without_a_record_changes_nothing(
    state: str, published: Published, capsys: pytest.CaptureFixture[str]
) -> None:
    twin(published, None, state).summary = {}
    assert state_of(cell())[0] == "done"
    assert capsys.readouterr().err == READING_IT


def test_a_run_that_is_done_wins_over_one_that_failed(published: Published) -> None:
    lost = published.run(cell(attention=Choice("dia")))
    other = replace(lost, id="twin", config=published.run(cell()).config)
    published.runs["twin"] = other
    assert state_of(cell())[0] == "done"


def test_runs_of_others_are_passed_over_and_counted(
    published: Published, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(3):
        published.runs[f"other{number}"] = Stored(
            f"other{number}", tags=["sweep:small"], config={"lr": 0.1}, summary={"accuracy": 1.0}
        )
    published.runs["elsewhere"] = Stored("elsewhere", config={"key": "1"})
    frame = Document.of(sweep(), "small").frame
    expected = Document.of(published.ledger, "small").frame
    pd.testing.assert_frame_equal(frame, expected, check_exact=True)
    said = capsys.readouterr().err
    line = "W&B lab/triptych: 3 runs are not Triptych's, but tagged sweep:small: ignored\n"
    assert said == READING_IT + line


def test_a_run_without_the_tag_is_found_by_its_id(server: Server, published: Published) -> None:
    published.run(cell()).tags = ["sweep:another"]
    source = sweep()
    assert state_of(cell(), source)[0] == "done"
    assert server.asked == ["Viewer", "Runs", "Runs", "Runs"]


def test_runs_of_cells_that_left_the_sweep_are_in_no_table(published: Published) -> None:
    gone = cell(seed=17)
    published.runs[gone.key] = Stored(gone.key, tags=["sweep:small"], config=entry.config(gone))
    assert gone.key not in set(Document.of(sweep(), "small").frame["key"])
