"""Published numbers beside ours: from a sweep's file through its plan to the tables."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from conftest import cell
from ledgers import RECIPE, SE, document_of, done, ledger_of, small, texts
from ledgers import cell as made_cell

from reports.latex import latex
from reports.markdown import markdown
from reports.sheets import table_csv
from sweeps.cell import Choice
from sweeps.errors import UserError
from sweeps.frozen import Plan
from sweeps.grid import Sweep
from sweeps.ledger import Ledger
from sweeps.overrides import CONF, parse, read_yaml, settings
from sweeps.plan import plan
from sweeps.published import Published
from sweeps.settings import defaults

MATCH = {"data": "cifar100", "backbone": "resnet164", "recipe": "resnet164_164"}
GRID = ["data=cifar100", "backbone=resnet164", "recipe=resnet164_164", "attention=none,se"]


def entry(match: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    found = {"match": {**MATCH, **(match or {})}, "accuracy": 74.29, "epoch": "best"}
    return {**found, "n": 5, "source": "a README", **changes}


def planned(*entries: dict[str, Any], grid: list[str] = GRID, given: tuple[str, ...] = ()) -> Plan:
    content = {"common": grid, "published": list(entries)}
    return plan(Sweep.parse("test", content, settings(parse(given))), defaults())


def keys(*overrides: str) -> tuple[str, ...]:
    return (cell(*GRID[:3], *overrides).key,)


def test_a_number_stands_beside_the_network_that_it_was_printed_for() -> None:
    made = planned(entry(), entry({"attention": "se"}, accuracy=75.3))
    assert [one.keys for one in made.published] == [keys(), keys("attention=se")]
    assert [one.accuracy for one in made.published] == [0.7429, 0.753]


def test_a_number_stands_beside_every_seed_and_whatever_the_refit() -> None:
    more = ["seed=0,1", "recipe.refit.epochs=3"]
    (found,) = planned(entry(), grid=[*GRID, *more]).published
    assert set(found.keys) == {*keys("seed=0"), *keys("seed=1")}


def test_a_number_stays_whether_or_not_each_epoch_is_tested() -> None:
    tested = "recipe.test_each_epoch=true"
    (found,) = planned(entry(), grid=[*GRID, tested]).published
    assert found.keys == keys(tested) != keys()


def test_the_baselines_of_two_recipes_never_stand_in_one_comparison() -> None:
    shorter, longer = entry(), entry({"recipe": "resnet164_180"}, accuracy=73.43)
    grid = [*GRID[:2], "recipe=resnet164_164,resnet164_180"]
    made = planned(shorter, longer, grid=grid)
    found = {one.accuracy: one.keys for one in made.published}
    assert found == {0.7429: keys(), 0.7343: keys("recipe=resnet164_180")}


@pytest.mark.parametrize(
    "changed", ["recipe.epochs=2", "data.val_fraction=0", "attention=se attention.reduction=8"]
)
def test_an_option_that_the_paper_does_not_have_keeps_its_number_away(changed: str) -> None:
    match = {"attention": "se"} if "se" in changed else {}
    grid = [*GRID[:3], *changed.split()]
    with pytest.raises(UserError, match="no cell has all of these values"):
        planned(entry(match), grid=grid)
    option, _, value = changed.split()[-1].partition("=")
    (found,) = planned(entry({**match, option: json.loads(value)}), grid=grid).published
    assert len(found.keys) == 1


def test_what_the_command_line_leaves_out_takes_its_number_along() -> None:
    both = entry(), entry({"attention": "se"})
    assert len(planned(*both, given=("attention=se",)).published) == 1
    assert not planned(*both, given=("recipe.epochs=1",)).published


@pytest.mark.parametrize(
    ("spoiled", "message"),
    [
        (entry({"atention": "se"}), "axis 'atention' does not exist; did you mean 'attention'?"),
        (entry({"seed": 0}), "axis 'seed' does not exist"),
        (entry({"attention": "ses"}), "attention 'ses' does not exist; did you mean 'se'?"),
        (entry({"attention": "se", "attention.reductoin": 8}), "did you mean 'reduction'?"),
        (entry({"recipe.epoch": 8}), "did you mean 'epochs'?"),
        (entry({"backbone": "resnet56"}), "no cell has backbone=resnet56; the sweep has resnet164"),
        (entry({"attention": "dia"}), "no cell has attention=dia; the sweep has none, se"),
        ({**entry(), "match": {"attention": "se"}}, "data, backbone, recipe is missing"),
        ({"accuracy": 74}, "has a match"),
        ("74.29", "has a match, an accuracy"),
        (entry(accuracy=0.7429), "above 1 up to 100, of at most 6 decimals; came 0.7429"),
        (entry(epoch="final"), "epoch is best, last, unknown; came final"),
        (entry(n=0), "n is a whole number from 1; came 0"),
        (entry(params="many"), "as in 1.75 M; came many"),
        (entry(source=""), "source says where it is printed"),
        (entry(papar="x"), "entry 'papar' does not exist"),
    ],
)
def test_an_entry_that_is_wrong_is_refused_when_the_sweep_is_planned(
    spoiled: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match="sweep 'test'") as caught:
        planned(spoiled)
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["dianet_cifar100", "shared_cifar100", "ean_imagenet"])
def test_a_number_of_a_shipped_sweep_stands_in_one_row(name: str) -> None:
    made = plan(Sweep.parse(name, read_yaml(CONF / "sweep" / f"{name}.yaml")), defaults())
    cells = {one.key: one for one in made.cells}
    rows = [
        {json.dumps({**cells[key].json(), "seed": 0}) for key in p.keys} for p in made.published
    ]
    assert rows
    assert {len(row) for row in rows} == {1}
    recipes = {p.accuracy: {cells[key].recipe.name for key in p.keys} for p in made.published}
    of_recipe = {0.7343: {"resnet164_180"}, 0.7429: {"resnet164_164"}, 0.774: {"imagenet_120"}}
    assert any(of_recipe.get(accuracy) == found for accuracy, found in recipes.items())


def test_a_match_without_a_recipe_is_refused() -> None:
    spoiled = entry()
    del spoiled["match"]["recipe"]
    with pytest.raises(UserError, match="belongs to one data set, one backbone and one recipe"):
        planned(spoiled)


def test_a_frozen_plan_keeps_what_is_published(tmp_path: Path) -> None:
    made = planned(entry(params="1.73 M", note="two GPUs"))
    Ledger(tmp_path).freeze(made)
    assert Ledger(tmp_path).plan("test").published == made.published


def test_a_plan_frozen_before_there_were_published_numbers_can_be_read(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.freeze(planned())
    path = ledger.plans / "test.json"
    old = json.loads(path.read_text())
    del old["published"]
    path.write_text(json.dumps(old))
    assert ledger.plan("test").published == ()


@pytest.mark.parametrize(
    ("printed", "same", "other"),
    [
        ("1.95 M", [1_946_132, 1_954_999], [1_927_284, 1_956_000]),
        ("1727284", [1_727_284], [1_727_285]),
        ("26 M", [25_600_000, 26_499_999], [25_400_000]),
        ("", [1.0], []),
    ],
)
def test_parameters_differ_beyond_the_digits_that_were_printed(
    printed: str, same: list[float], other: list[float]
) -> None:
    found = Published(0.7, "best", "x", params=printed)
    assert not any(found.differs(count) for count in same)
    assert all(found.differs(count) for count in other)


def test_the_table_says_what_was_printed_and_that_it_is_the_best_epoch(tmp_path: Path) -> None:
    made = document_of(small(tmp_path))
    assert texts(made, "se")["published"] == "96.67 best"
    assert texts(made, "none")["published"] == "91.20–91.50 best/unknown"
    text = markdown(made)
    assert "Published: README of a &amp; b; best test epoch, mean of 5; r=8." in text
    assert "Published 91.20: Table 1 of c\\_d; which epoch is not known." in text
    assert "0.3 to 0.8 points above the last; our accuracy is of the last epoch" in text


def test_other_parameters_than_those_that_were_published_are_marked(tmp_path: Path) -> None:
    (table,) = document_of(small(tmp_path)).tables
    place = [column.key for column in table.columns].index("params")
    notes = dict(table.notes)
    plain, se = (line.values[place] for line in (table.lines[0], table.lines[2]))
    assert not plain.marks  # 80.0 k published, 80 000 ours
    assert [notes[mark][:35] for mark in se.marks] == ["Published with 90.0 k parameters, w"]


def test_what_is_published_stands_in_the_csv_at_full_precision(tmp_path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(table_csv(document_of(small(tmp_path))))))
    names = ("published", "published_epoch", "published_n", "published_params")
    assert [rows[0][name] for name in names] == [
        *("0.915; 0.912", "best; unknown", "5; ", "80000.0; "),
    ]
    assert [rows[2][name] for name in names] == ["0.9667", "best", "5", "90000.0"]
    assert [rows[1][name] for name in names] == [""] * 4


def test_without_published_numbers_there_is_no_such_column(tmp_path: Path) -> None:
    one = made_cell(attention=SE)
    made = document_of(ledger_of(tmp_path, [(one, done(one, 0.9))]))
    assert "published" not in texts(made, "se")
    assert "Published" not in markdown(made) + latex(made)


def test_a_network_that_cannot_run_here_keeps_its_published_number(tmp_path: Path) -> None:
    one, other = made_cell(), made_cell(attention=Choice("sk"))
    beside = Published(0.8, "best", "x", keys=(other.key,))
    more: dict[str, Any] = {"inapplicable": ((other, "no slot"),), "published": (beside,)}
    made = document_of(ledger_of(tmp_path, [(one, done(one, 0.9))], **more))
    assert texts(made, "sk")["published"] == "80.00 best"
    assert texts(made, "sk")["accuracy"] == "n/a"


def test_no_epoch_is_selected_without_a_validation_split(tmp_path: Path) -> None:
    whole = Choice("digits", {"image_size": 8, "num_classes": 10, "val_fraction": 0.0})
    one = made_cell(recipe=RECIPE)
    one = type(one)(whole, one.backbone, one.attention, one.pruning, one.recipe, 0)
    made = document_of(ledger_of(tmp_path, [(one, done(one, 0.9))]))
    assert "accuracy_selected" not in texts(made, "none")
