"""The best test epoch, which papers print: recorded where asked, and nothing follows from it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from conftest import TINY, TRAINER, cell
from ledgers import cell as tabled
from ledgers import document, done, texts
from small import Training, same

from datamodules.batches import Batch, Place
from datamodules.module import ImageData, Part
from reports.columns import COLUMNS
from sweeps.execute import Context, execute
from sweeps.record import Record

FOLLOWED = "recipe.test_each_epoch=true"
SHORT = (*TINY, "recipe.epochs=4", "recipe.batch_size=16")


def run(folder: Path, *overrides: str, **trainer: Any) -> Record:
    context = Context(folder, folder, {**TRAINER, **trainer}, tracking="none")
    record = execute(cell(*SHORT, *overrides), context)
    assert record["status"] == "done", record["error"]["traceback"]
    return record


def after_each(folder: Path, *overrides: str) -> list[float]:
    """The test accuracy after each epoch of a cell."""
    path = folder / cell(*SHORT, *overrides).key / "history.json"
    return [row["test_accuracy"] for row in json.loads(path.read_text())]


def without_test(found: Mapping[str, Any]) -> dict[str, Any]:
    kept = [{k: v for k, v in row.items() if k != "test_accuracy"} for row in found["history"]]
    return {**found, "history": kept}


def test_testing_each_epoch_changes_nothing_that_is_trained_or_selected(tmp_path: Path) -> None:
    plain = Training(tmp_path / "plain")()
    found = Training(tmp_path / "followed", {"test_each_epoch": True})()
    assert all(0 <= row["test_accuracy"] <= 1 for row in found["history"])
    assert same(without_test(found), plain)


@pytest.mark.parametrize("share", [0.0, 0.1])
def test_the_best_epoch_stands_beside_the_last(tmp_path: Path, share: float) -> None:
    options = (FOLLOWED, f"data.val_fraction={share}")
    result = run(tmp_path, *options)["result"]
    found = after_each(tmp_path, *options)
    assert len(found) == 4
    assert result["accuracy"] == found[-1]
    assert result["accuracy_best_epoch"] == max(found)
    assert result["best_epoch"] == found.index(max(found))
    assert (result["val_accuracy"] is None) == (share == 0)


def test_the_best_epoch_of_a_pruned_network_is_one_after_its_last_round(tmp_path: Path) -> None:
    run(tmp_path, FOLLOWED)
    pruned = (
        FOLLOWED,
        *("pruning=magnitude", "pruning.sparsity=0.5"),
        *("pruning.schedule=gradual", "pruning.steps=2"),
        "recipe.refit.epochs=4",
    )
    result = run(tmp_path, *pruned)["result"]
    first, last = after_each(tmp_path, *pruned)[:2], after_each(tmp_path, *pruned)[2:]
    assert result["accuracy_best_epoch"] == max(last)
    assert result["best_epoch"] == 2 + last.index(max(last))
    assert len(first) == len(last)


@pytest.mark.slow
def test_two_processes_count_the_test_images_of_both(tmp_path: Path) -> None:
    result = run(tmp_path, FOLLOWED, devices=2)["result"]
    assert result["accuracy"] == pytest.approx(after_each(tmp_path, FOLLOWED)[-1], abs=1e-6)


def test_a_recipe_that_does_not_ask_has_the_key_and_the_record_that_it_had(tmp_path: Path) -> None:
    assert cell(*SHORT).key == cell(*SHORT, "recipe.test_each_epoch=false").key
    assert cell(*SHORT).key != cell(*SHORT, FOLLOWED).key
    assert not {"accuracy_best_epoch", "best_epoch"} & set(run(tmp_path)["result"])


def test_a_table_has_the_best_epoch_in_a_column_of_its_own_where_it_is_known(
    tmp_path: Path,
) -> None:
    outcomes = [(tabled(seed=seed), done(tabled(seed=seed), 0.5)) for seed in range(2)]
    assert "accuracy_best_epoch" not in texts(document(tmp_path / "plain", outcomes), "none")
    for (_, record), best in zip(outcomes, (0.625, 0.75), strict=True):
        record["result"] |= {"accuracy_best_epoch": best, "best_epoch": 3}
    found = texts(document(tmp_path / "followed", outcomes), "none")
    assert found["accuracy"] == "50.00 ± 0.00"
    assert found["accuracy_best_epoch"] == "68.75 ± 8.84"
    (about,) = (column.about for column in COLUMNS if column.key == "accuracy_best_epoch")
    assert "chosen by the test split" in about


def test_test_images_that_are_no_numbers_do_not_end_a_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Training(tmp_path / "plain")()
    read = ImageData._evaluate

    def blank(data: ImageData, place: Place, part: Part, *more: Any) -> Iterator[Batch]:
        for images, labels in read(data, place, part, *more):
            yield images * (math.nan if part == "test" else 1), labels

    monkeypatch.setattr(ImageData, "_evaluate", blank)
    found = Training(tmp_path / "followed", {"test_each_epoch": True})()
    assert same(without_test(found), plain)


def test_a_supernet_is_not_tested_after_each_epoch() -> None:
    searched = ("pruning=ean", "attention=se", "backbone=resnet20", "data=digits")
    parent, same_one = (cell(*searched, *more).parent for more in ((FOLLOWED,), ()))
    assert parent
    assert same_one
    assert parent.key == same_one.key
    assert cell(*searched, FOLLOWED).key != cell(*searched).key
