"""Pivots: any fields down, any across, and words where there is no number."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

from ledgers import MAGNITUDE, NONE, RECIPE, cell, document, document_of, done, small
from pivots import finished, lines, listing, of_cells, pivot, texts

from reports.pivot.crossing import crossings
from reports.pivot.sheet import pivot_csv
from reports.report import build
from reports.sheets import table_csv
from sweeps.cell import Choice


def test_a_pivot_puts_rows_where_its_fields_meet(tmp_path: Path) -> None:
    (table,) = finished(document_of(small(tmp_path), {"dia"}), pivot())
    assert table.labels == ("Backbone", "Pruning")
    assert table.titles == ["none", "se", "dia†", "eca"]
    assert table.title == "Accuracy by attention, %: Data digits, recipe short"
    assert texts(table) == {
        ("resnet8", "none"): ["91.00 ± 1.00", "95.50 ± 0.71", "failed", "—"],
        ("resnet8", "magnitude"): ["89.00 ± 1.00", "94.00", "blocked", ""],
        ("vit_tiny", "none"): ["50.00", "", "n/a", ""],
    }
    assert [line.rows for line in table.lines] == [(1, 3, 5, 7), (2, 4, 6, 0), (8, 0, 9, 0)]


def test_places_without_a_number_are_counted_by_their_reason(tmp_path: Path) -> None:
    (table,) = finished(document_of(small(tmp_path)), pivot())
    assert table.remarks[0] == (
        "12 combinations: 5 with numbers, 1 failed, 1 blocked, 1 missing (—), "
        "1 not applicable (n/a), 3 not planned (blank)."
    )
    (full,) = finished(document_of(small(tmp_path)), pivot(where={"attention": "none"}))
    assert not [remark for remark in full.remarks if "combinations" in remark]


def test_a_damaged_record_is_no_missing_one(tmp_path: Path) -> None:
    one = cell()
    (table,) = finished(document(tmp_path, [(one, done(one, 2.0))]), pivot())
    assert texts(table) == {("resnet8", "none"): ["damaged"]}
    assert "1 damaged" in table.remarks[0]


def test_footnotes_and_daggers_come_along(tmp_path: Path) -> None:
    (table,) = finished(document_of(small(tmp_path), {"dia"}), pivot())
    used = [mark for line in table.lines for value in line.values for mark in value.marks]
    assert [mark for mark, _ in table.notes] == [*dict.fromkeys(used), "†"] == [*"12345", "†"]
    assert table.notes[0][1].startswith("Failed (seed 0, run 7c172cf9733a): RuntimeError: out")
    (plain,) = finished(document_of(small(tmp_path), {"dia"}), pivot(where={"attention": "none"}))
    assert plain.notes == ()


def test_numbers_of_fewer_seeds_say_so(tmp_path: Path) -> None:
    (table,) = finished(document_of(small(tmp_path)), pivot())
    asides = [[value.aside for value in line.values] for line in table.lines]
    assert asides == [["", "n=2/3", "", ""], ["", "n=1/3", "", ""], ["n=1", "", "", ""]]
    assert "n=3 where nothing else is said." in table.remarks
    (counted,) = finished(document_of(small(tmp_path)), pivot(values=["accuracy", "seeds"]))
    assert "n=2/3" not in [value.aside for line in counted.lines for value in line.values]


def test_a_difference_keeps_its_own_number_of_seeds(tmp_path: Path) -> None:
    """Three of the four seeds of dia are in the plain network, too."""
    accuracies = {"none": (0, 1, 3), "dia": (0, 1, 2, 3), "se": (0, 1), "eca": (0, 1)}
    cells = [cell(attention=Choice(a), seed=s) for a, seeds in accuracies.items() for s in seeds]
    found = document(tmp_path, [(one, done(one, 0.9 + one.seed / 100)) for one in cells])
    asked = listing(rows=["attention"], values=["delta_reference"])
    (table,) = finished(found, asked)
    asides = {line.labels[0]: line.values[0].aside for line in table.lines}
    assert asides["dia"] == "all equal, n=3"
    assert asides["none"] == ""  # no difference to itself: no number of seeds either
    assert asides["se"] == "all equal"  # as most rows: n=2


def test_a_value_that_makes_no_sense_is_no_missing_row(tmp_path: Path) -> None:
    (table,) = finished(
        document_of(small(tmp_path)),
        listing(values=["accuracy", "delta_parent"], where={"attention": "none"}),
    )
    assert texts(table)["resnet8", "none", "none"] == ["91.00 ± 1.00", "·"]
    assert "·: no such number exists for the row." in table.remarks


def test_a_column_without_any_number_is_left_out(tmp_path: Path) -> None:
    asked = pivot(rows=["backbone", "attention"], columns=["pruning"])
    asked = replace(asked, values=("accuracy", "delta_parent"))
    (table,) = finished(document_of(small(tmp_path)), asked)
    assert table.titles == [
        "none: Accuracy, %",
        "magnitude: Accuracy, %",
        "magnitude: Δ dense, pp",
    ]
    assert [(heading.text, heading.span) for heading in table.head[0]] == [
        ("none", 1),
        ("magnitude", 2),
    ]


def test_an_option_is_a_field_and_leaves_the_name_of_its_part(tmp_path: Path) -> None:
    choices = [NONE, *(Choice("se", {"reduction": r, "bias": b}) for r in (4, 16) for b in (0, 1))]
    found = of_cells(tmp_path, [cell(attention=one) for one in choices])
    (whole,) = finished(found, pivot(rows=["attention"], columns=[]))
    assert lines(whole) == [
        "none",
        *(f"se reduction={r} bias={b}" for r in (4, 16) for b in (0, 1)),
    ]
    (table,) = finished(found, pivot(rows=["attention"], columns=["attention.reduction"]))
    assert lines(table) == ["none", "se bias=0", "se bias=1"]
    assert table.titles == ["no reduction", "reduction=4", "reduction=16"]
    assert texts(table)["none",] == ["90.00", "", ""]


def test_a_refit_that_varies_names_the_pruning_unless_it_is_a_field(tmp_path: Path) -> None:
    other = replace(RECIPE, options={**RECIPE.options, "refit": {"epochs": 6}})
    cells = [cell(), cell(pruning=MAGNITUDE), cell(pruning=MAGNITUDE, recipe=other)]
    found = of_cells(tmp_path, cells)
    (table,) = finished(found, pivot(columns=[]))
    assert lines(table)[1:] == [f"resnet8 magnitude refit.epochs={n}" for n in (3, 6)]
    (table,) = finished(found, pivot(columns=["refit.epochs"]))
    assert lines(table) == ["resnet8 none", "resnet8 magnitude"]
    assert table.titles == ["no epochs", "epochs=3", "epochs=6"]


def test_a_sheet_has_the_numbers_of_table_csv(tmp_path: Path) -> None:
    found = document_of(small(tmp_path))
    asked = pivot(values=["accuracy", "delta_reference", "published"])
    (resnet, pruned, vit) = csv.DictReader(io.StringIO(pivot_csv(found, crossings(found, asked))))
    rows = {one["row"]: one for one in csv.DictReader(io.StringIO(table_csv(found)))}
    assert resnet["se row"] == "3"
    for name in ("accuracy_mean", "accuracy_std", "delta_reference_low", "published_source"):
        assert resnet[f"se {name}"] == rows["3"][name]
    assert (pruned["dia state"], pruned["dia accuracy_mean"]) == ("blocked", "")
    assert (vit["eca row"], vit["eca state"]) == ("", "")
    assert not [name for name in resnet if "top5" in name or "selected" in name]


def test_a_report_has_four_files_for_each_pivot(tmp_path: Path) -> None:
    asked = [pivot(), listing(values=["params"])]
    asked[1] = replace(asked[1], name="two")
    contents = build(document_of(small(tmp_path)), pivots=asked)
    found = sorted(name for name in contents if name.startswith("pivot_"))
    assert found == [f"pivot_{n}.{k}" for n in ("one", "two") for k in ("csv", "html", "md", "tex")]
    assert b"12 combinations" in contents["index.html"]
