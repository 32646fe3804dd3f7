"""Pivots: any fields down, any across, from a small ledger made by hand."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ledgers import (
    DIA,
    ECA,
    MAGNITUDE,
    NONE,
    RECIPE,
    SE,
    cell,
    document,
    document_of,
    done,
    of_accuracies,
    small,
)

from reports.document import Document
from reports.pivot.ahead import check_ahead
from reports.pivot.asked import Pivot
from reports.pivot.crossing import all_crossings, crossings
from reports.pivot.file import VALUES, mistakes, parse
from reports.pivot.finish import finish
from reports.pivot.finished import PivotTable
from reports.pivot.sheet import pivot_csv
from reports.report import build
from reports.sheets import table_csv
from sweeps.cell import Cell, Choice
from sweeps.cluster.conclude import conclude
from sweeps.cluster.submission import Submission
from sweeps.compose import composed
from sweeps.errors import UserError
from sweeps.ledger import Plan
from sweeps.overrides import CONF, names, text_of, value_of
from sweeps.settings import Settings
from sweeps.tables import impossible_tables, pivots, tables

ACROSS = {"rows": ["backbone", "pruning"], "columns": ["attention"], "values": ["accuracy"]}


def pivot(**asked: Any) -> Pivot:
    return parse({"name": "one", **ACROSS, **asked})


def listing(**asked: Any) -> Pivot:
    """A pivot without columns."""
    return parse({"name": "one", "rows": ["backbone", "attention", "pruning"], **asked})


def made(document: Document, asked: Pivot) -> list[PivotTable]:
    return [finish(one) for one in crossings(document, asked)]


def texts(table: PivotTable) -> dict[tuple[str, ...], list[str]]:
    return {line.labels: [value.text for value in line.values] for line in table.lines}


def lines(table: PivotTable) -> list[str]:
    return [" ".join(line.labels) for line in table.lines]


def of_cells(folder: Path, cells: Iterable[Cell], accuracy: float = 0.9) -> Document:
    return document(folder, [(one, done(one, accuracy)) for one in cells])


def test_a_pivot_puts_rows_where_its_fields_meet(tmp_path: Path) -> None:
    (table,) = made(document_of(small(tmp_path), {"dia"}), pivot())
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
    (table,) = made(document_of(small(tmp_path)), pivot())
    assert table.remarks[0] == (
        "12 combinations: 5 with numbers, 1 failed, 1 blocked, 1 missing (—), "
        "1 not applicable (n/a), 3 not planned (blank)."
    )
    (full,) = made(document_of(small(tmp_path)), pivot(where={"attention": "none"}))
    assert not [remark for remark in full.remarks if "combinations" in remark]


def test_a_damaged_record_is_no_missing_one(tmp_path: Path) -> None:
    one = cell()
    (table,) = made(document(tmp_path, [(one, done(one, 2.0))]), pivot())
    assert texts(table) == {("resnet8", "none"): ["damaged"]}
    assert "1 damaged" in table.remarks[0]


def test_footnotes_and_daggers_come_along(tmp_path: Path) -> None:
    (table,) = made(document_of(small(tmp_path), {"dia"}), pivot())
    used = [mark for line in table.lines for value in line.values for mark in value.marks]
    assert [mark for mark, _ in table.notes] == [*dict.fromkeys(used), "†"] == [*"12345", "†"]
    assert table.notes[0][1].startswith("Failed (seed 0, run 7c172cf9733a): RuntimeError: out")
    (plain,) = made(document_of(small(tmp_path), {"dia"}), pivot(where={"attention": "none"}))
    assert plain.notes == ()


def test_numbers_of_fewer_seeds_say_so(tmp_path: Path) -> None:
    (table,) = made(document_of(small(tmp_path)), pivot())
    asides = [[value.aside for value in line.values] for line in table.lines]
    assert asides == [["", "n=2/3", "", ""], ["", "n=1/3", "", ""], ["n=1", "", "", ""]]
    assert "n=3 where nothing else is said." in table.remarks
    (counted,) = made(document_of(small(tmp_path)), pivot(values=["accuracy", "seeds"]))
    assert "n=2/3" not in [value.aside for line in counted.lines for value in line.values]


def test_a_difference_keeps_its_own_number_of_seeds(tmp_path: Path) -> None:
    """Three of the four seeds of dia are in the plain network, too."""
    accuracies = {"none": (0, 1, 3), "dia": (0, 1, 2, 3), "se": (0, 1), "eca": (0, 1)}
    cells = [cell(attention=Choice(a), seed=s) for a, seeds in accuracies.items() for s in seeds]
    found = document(tmp_path, [(one, done(one, 0.9 + one.seed / 100)) for one in cells])
    asked = listing(rows=["attention"], values=["delta_reference"])
    (table,) = made(found, asked)
    asides = {line.labels[0]: line.values[0].aside for line in table.lines}
    assert asides["dia"] == "all equal, n=3"
    assert asides["none"] == ""  # no difference to itself: no number of seeds either
    assert asides["se"] == "all equal"  # as most rows: n=2


def test_a_value_that_makes_no_sense_is_no_missing_row(tmp_path: Path) -> None:
    (table,) = made(
        document_of(small(tmp_path)),
        listing(values=["accuracy", "delta_parent"], where={"attention": "none"}),
    )
    assert texts(table)["resnet8", "none", "none"] == ["91.00 ± 1.00", "·"]
    assert "·: no such number exists for the row." in table.remarks


def test_a_column_without_any_number_is_left_out(tmp_path: Path) -> None:
    asked = pivot(rows=["backbone", "attention"], columns=["pruning"])
    asked = replace(asked, values=("accuracy", "delta_parent"))
    (table,) = made(document_of(small(tmp_path)), asked)
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
    (whole,) = made(found, pivot(rows=["attention"], columns=[]))
    assert lines(whole) == [
        "none",
        *(f"se reduction={r} bias={b}" for r in (4, 16) for b in (0, 1)),
    ]
    (table,) = made(found, pivot(rows=["attention"], columns=["attention.reduction"]))
    assert lines(table) == ["none", "se bias=0", "se bias=1"]
    assert table.titles == ["no reduction", "reduction=4", "reduction=16"]
    assert texts(table)["none",] == ["90.00", "", ""]


def test_a_refit_that_varies_names_the_pruning_unless_it_is_a_field(tmp_path: Path) -> None:
    other = replace(RECIPE, options={**RECIPE.options, "refit": {"epochs": 6}})
    cells = [cell(), cell(pruning=MAGNITUDE), cell(pruning=MAGNITUDE, recipe=other)]
    found = of_cells(tmp_path, cells)
    (table,) = made(found, pivot(columns=[]))
    assert lines(table)[1:] == [f"resnet8 magnitude refit.epochs={n}" for n in (3, 6)]
    (table,) = made(found, pivot(columns=["refit.epochs"]))
    assert lines(table) == ["resnet8 none", "resnet8 magnitude"]
    assert table.titles == ["no epochs", "epochs=3", "epochs=6"]


def test_two_rows_in_one_place_are_refused_with_what_tells_them_apart(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        made(document_of(small(tmp_path)), pivot(rows=["backbone"]))
    said = str(caught.value)
    assert "several rows in 3 of its places: in Data digits, recipe short, resnet8, none" in said
    assert "the rows 1, 2 of the report, which differ in pruning: none | magnitude" in said
    assert "add pruning to rows, columns or split" in said
    assert "where: {pruning: none}" in said


def test_a_clash_names_all_the_fields_that_it_takes(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"add attention and pruning to rows.*attention: none, prun"
    ):
        made(document_of(small(tmp_path)), pivot(rows=["backbone"], columns=[]))


def test_what_a_clash_asks_for_makes_the_pivot(tmp_path: Path) -> None:
    found = document_of(small(tmp_path))
    asked = pivot(rows=["backbone"])
    for fixed in ({"where": {"pruning": ("none",)}}, {"split": ("protocol", "pruning")}):
        assert made(found, replace(asked, **fixed))


def recipes() -> list[Cell]:
    long = replace(RECIPE, options={**RECIPE.options, "epochs": 16})
    return [cell(), cell(recipe=long), cell(attention=SE, recipe=long)]


def test_protocols_have_tables_of_their_own(tmp_path: Path) -> None:
    tables = made(of_cells(tmp_path, recipes()), pivot())
    assert [table.title.partition(": ")[2] for table in tables] == [
        "Data digits, recipe short epochs=8",
        "Data digits, recipe short epochs=16",
    ]
    assert ["16 epochs" in table.setting for table in tables] == [False, True]


@pytest.mark.parametrize(
    "asked", [{"split": []}, {"split": [], "columns": ["recipe", "attention"]}]
)
def test_protocols_are_never_mixed(asked: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"mix 2 protocols.*recipe\.epochs: 8 \| 16.*to split"):
        made(of_cells(tmp_path, recipes()), pivot(**asked))


def test_where_may_choose_a_protocol(tmp_path: Path) -> None:
    (table,) = made(of_cells(tmp_path, recipes()), pivot(split=[], where={"recipe.epochs": 16}))
    assert table.title.endswith("recipe short epochs=16")
    assert table.titles == ["none", "se"]


def timed(folder: Path) -> Document:
    """The plain network on A and B, with attention on B twice, not at all, and on A."""
    devices = [(NONE, "A", 0.5), (NONE, "B", 1.0), (SE, "B", 0.99), (SE, "B", 0.99), (ECA, "A", 2)]
    cells = [(cell(attention=a, seed=n), device, ms) for n, (a, device, ms) in enumerate(devices)]
    records = [(one, done(one, 0.9, device=device, p50_ms=ms)) for one, device, ms in cells]
    untimed = cell(attention=DIA)
    return document(folder, [*records, (untimed, done(untimed, 0.9, latency=None))])


def test_latencies_of_several_devices_are_refused_and_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"mix latencies of 2 settings.*A, float32.*device to rows"):
        made(timed(tmp_path), listing(values=["latency"]))
    assert made(timed(tmp_path), listing(values=["accuracy"]))


def test_a_device_is_a_field(tmp_path: Path) -> None:
    (table,) = made(timed(tmp_path), listing(columns=["device"], values=["latency"]))
    assert table.titles == ["B", "A"]  # more was measured on B
    assert texts(table) == {
        ("resnet8", "none", "none"): ["1.00", "0.500"],
        ("resnet8", "se", "none"): ["0.990", "—"],
        ("resnet8", "eca", "none"): ["—", "2.00"],
        ("resnet8", "dia", "none"): ["—", "—"],
    }
    assert "Latency on B: B, float32, 1 thread, batch 64, alternating blocks." in table.remarks
    (only,) = made(timed(tmp_path), listing(values=["latency"], where={"device": "A,*"}))
    assert [line.values[0].text for line in only.lines] == ["0.500", "—", "2.00", "—"]


def test_the_lowest_latency_is_bold_on_its_device_with_all_that_equal_it(tmp_path: Path) -> None:
    asked = listing(columns=["device"], values=["latency"], best={"latency": "min"})
    (table,) = made(timed(tmp_path), asked)
    bold = {line.labels[1]: [value.bold for value in line.values] for line in table.lines}
    assert bold == {
        "none": [True, True],  # within 2 % of the lowest on B, and the lowest on A
        "se": [True, False],
        "eca": [False, False],
        "dia": [False, False],
    }
    (remark,) = [remark for remark in table.remarks if remark.startswith("Bold")]
    assert "lowest Latency of each backbone" in remark
    assert "within 2 %" in remark


@pytest.mark.parametrize(("best", "bold"), [("max", [False, True]), ("min", [True, False])])
def test_a_cost_is_bold_where_it_is_the_highest_or_lowest(
    best: str, bold: list[bool], tmp_path: Path
) -> None:
    found = of_cells(tmp_path, [cell(), cell(attention=SE)])
    (table,) = made(found, pivot(values=["params"], best={"params": best}))
    assert [value.bold for value in table.lines[0].values] == bold
    (plain,) = made(found, pivot(values=["params"]))
    assert not any(value.bold for value in plain.lines[0].values)


def test_an_accuracy_is_bold_where_it_is_in_the_report(tmp_path: Path) -> None:
    found = of_accuracies(
        tmp_path,
        none=[0.80, 0.81, 0.82, 0.80, 0.81],
        se=[0.90, 0.911, 0.92, 0.901, 0.91],
        eca=[0.85, 0.86, 0.872, 0.85, 0.861],
    )
    (bold,) = [line.attention.name for line in found.tables[0].lines if line.values[1].bold]
    assert bold == "se"
    (table,) = made(found, pivot())
    assert [value.bold for value in table.lines[0].values] == [False, True, False]
    assert table.lines[0].values[1].verdict == "better"
    assert any("corrected for all rows there, shown here or not" in r for r in table.remarks)
    (fewer,) = made(found, pivot(where={"attention": ["none", "eca"]}))
    assert not any(value.bold for value in fewer.lines[0].values)  # se still leads
    (none,) = made(found, pivot(best={"accuracy": "none"}))
    assert not any(value.bold for value in none.lines[0].values)


@pytest.mark.parametrize(
    ("where", "left"),
    [
        ({"attention": "se"}, ["se"]),
        ({"attention": ["none", "e*"]}, ["none", "eca"]),
        ({"attention.reduction": 16}, ["se"]),
        ({"attention.reduction": 16.0}, ["se"]),
        ({"attention.reduction": [16, None], "attention": ["se", "eca"]}, ["se", "eca"]),
        ({"attention.reduction": None}, ["none", "dia", "eca"]),
    ],
)
def test_where_keeps_names_globs_numbers_and_what_has_no_option(
    where: dict[str, Any], left: list[str], tmp_path: Path
) -> None:
    (table,) = made(
        document_of(small(tmp_path)),
        pivot(where={"backbone": "resnet8", "pruning": "none", **where}),
    )
    assert table.titles == left


def test_a_label_is_asked_for_as_the_report_has_it(tmp_path: Path) -> None:
    choices = [Choice("se", {"reduction": r}) for r in (4, 16)]
    found = of_cells(tmp_path, [cell(attention=one) for one in choices])
    (table,) = made(found, pivot(where={"attention": "se reduction=4"}))
    assert table.titles == ["se reduction=4"]


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ({"attention": "see"}, "attention 'see' does not exist; did you mean 'se'?"),
        ({"attention.reductoin": 4}, "did you mean 'attention.reduction'?"),
        ({"attention": "x*"}, r"where {attention: x\*} leaves no row"),
        ({"pruning.sparsity": [0.5]}, r"pruning.sparsity '0.5' does not exist.*0\.9"),
    ],
)
def test_what_a_report_does_not_have_is_a_user_error(
    where: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=said):
        made(document_of(small(tmp_path)), pivot(where=where))


def test_lines_are_ordered_by_fields_and_values(tmp_path: Path) -> None:
    names = [Choice(f"resnet{depth}") for depth in (20, 8, 110)]
    cells = [cell(one, seed=seed) for one in names for seed in range(2)]
    accuracies = iter([0.9, 0.9, 0.8, 0.8, 0.7, 0.7])
    found = document(tmp_path, [(one, done(one, next(accuracies))) for one in cells])
    orders: list[tuple[dict[str, str], list[str]]] = [
        ({}, ["resnet20", "resnet8", "resnet110"]),
        ({"backbone": "ascending"}, ["resnet8", "resnet20", "resnet110"]),
        ({"backbone": "descending"}, ["resnet110", "resnet20", "resnet8"]),
        ({"accuracy": "ascending"}, ["resnet110", "resnet8", "resnet20"]),
        ({"params": "ascending", "accuracy": "descending"}, ["resnet20", "resnet8", "resnet110"]),
    ]
    for order, expected in orders:
        asked = pivot(rows=["backbone"], columns=[], values=["accuracy", "params"], order=order)
        (table,) = made(found, asked)
        assert lines(table) == expected, order


def test_what_has_no_number_comes_last_whatever_the_order(tmp_path: Path) -> None:
    for way in ("ascending", "descending"):
        asked = listing(values=["accuracy"], order={"accuracy": way})
        (table,) = made(document_of(small(tmp_path)), asked)
        words = [line.values[0].text for line in table.lines]
        assert words[-4:] == ["failed", "blocked", "—", "n/a"]


def test_columns_are_ordered_by_the_numbers_of_their_options(tmp_path: Path) -> None:
    cells = [cell(attention=Choice("se", {"reduction": r})) for r in (16, 4, 8)]
    asked = pivot(columns=["attention"], order={"attention": "ascending"})
    (table,) = made(of_cells(tmp_path, cells), asked)
    assert table.titles == [f"se reduction={r}" for r in (4, 8, 16)]


@pytest.mark.parametrize(
    ("option", "values"),
    [("scale", [1e-5, 0.0001, 0.001, 0.1]), ("shift", [-2, -1, 0, 1]), ("k", ["s2", "s10"])],
)
def test_options_are_ordered_as_numbers(option: str, values: list[Any], tmp_path: Path) -> None:
    cells = [cell(attention=Choice("se", {option: one})) for one in reversed(values)]
    field = f"attention.{option}"
    (table,) = made(of_cells(tmp_path, cells), pivot(columns=[field], order={field: "ascending"}))
    assert table.titles == [
        f"{option}={one if isinstance(one, str) else text_of(one)}" for one in values
    ]


@pytest.mark.parametrize("value", VALUES)
def test_lines_are_ordered_by_any_value(value: str, tmp_path: Path) -> None:
    asked = listing(values=list(dict.fromkeys(["accuracy", value])), order={value: "descending"})
    (table,) = made(document_of(small(tmp_path)), asked)
    assert len(table.lines) == 9
    if value == "published":
        has_number = [line.values[1].text[:1].isdigit() for line in table.lines]
        assert has_number == [True, True, *[False] * 7]


def test_a_scheme_is_no_number(tmp_path: Path) -> None:
    bits = [f"{'1' * 26}0", f"{'1' * 26}1"]
    found = of_cells(tmp_path, [cell(attention=Choice("se", {"connect": one})) for one in bits])
    (table,) = made(found, pivot(where={"attention.connect": bits[0]}))
    assert table.titles == [f"se connect={bits[0][:4]}…{bits[0][-4:]}"]


def test_what_is_written_out_is_meant_alone(tmp_path: Path) -> None:
    cells = [cell(attention=Choice("se", {"k": one})) for one in ([1, 2], 1, 2)]
    (table,) = made(of_cells(tmp_path, cells), pivot(where={"attention.k": "[1,2]"}))
    assert table.titles == ["se k=[1,2]"]


def test_schemes_are_as_short_as_tells_them_apart(tmp_path: Path) -> None:
    middles = ("0" * 46, "01" * 23, "0000" + "1" * 42)
    cells = [cell(attention=Choice("se", {"connect": f"1111{m}1111"})) for m in middles]
    found = of_cells(tmp_path, cells)
    labels = [line.attention.options for line in found.tables[0].lines]
    (table,) = made(found, pivot())
    assert table.titles == [f"se {label}" for label in labels]
    assert labels == [f"connect=1111{m[:4]}…{m[-4:]}1111" for m in middles]


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


def test_what_is_wrong_with_several_pivots_is_told_at_once(tmp_path: Path) -> None:
    asked = [pivot(rows=["backbone"]), replace(pivot(where={"backbone": "x"}), name="two")]
    with pytest.raises(UserError) as caught:
        all_crossings(document_of(small(tmp_path)), asked)
    assert [line[:9] for line in str(caught.value).splitlines()] == ["table one", "table two"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"row": ["backbone"]}, "key 'row' does not exist; did you mean 'rows'?"),
        ({"rows": []}, "rows: must name one at least"),
        ({"rows": ["bakbone"]}, "field 'bakbone' does not exist; did you mean 'backbone'?"),
        ({"rows": ["attn.reduction"]}, "field 'attn.reduction' does not exist"),
        ({"rows": ["attention"]}, "attention: must stand in rows, columns, split only once"),
        ({"values": ["acuracy"]}, "value 'acuracy' does not exist; did you mean 'accuracy'?"),
        ({"values": ["params", "params"]}, "params: must stand in values only once"),
        ({"values": {"a": 1}}, "must be a name or a list of names"),
        ({"where": ["se"]}, "where=['se']: must be keys and values"),
        ({"where": {"attention": []}}, "must be a value or a list of values"),
        ({"where": {"atention": "se"}}, "field 'atention' does not exist"),
        ({"order": {"backbone": "up"}}, "order.backbone=up: must be ascending or descending"),
        ({"order": {"accuracy": "ascending"}}, "a line has several of it, one for each column"),
        ({"order": {"data": "ascending"}}, "field or value to order by 'data' does not exist"),
        ({"best": {"accuracy": "min"}}, "best.accuracy=min: must be max or none"),
        ({"best": {"params": "max"}}, "best.params: is none of its values"),
        ({"values": ["delta_parent"], "best": {"delta_parent": "max"}}, "must be none"),
        ({"about": 3}, "about=3: must be text"),
        ({"name": "a/b"}, "must be letters, digits, _ and -"),
    ],
)
def test_every_mistake_of_a_pivot_is_told(content: dict[str, Any], said: str) -> None:
    found = mistakes({"name": "one", **ACROSS, **content})
    assert len(found) == 1
    assert found[0].startswith("table ")
    assert said in found[0]


def test_all_mistakes_of_a_pivot_are_told_at_once() -> None:
    content = {"name": "one", "rows": "bakbone", "values": "acuracy", "colums": [], "about": ""}
    with pytest.raises(UserError) as caught:
        parse(content)
    assert len(str(caught.value).splitlines()) == 3


def settings(*lines: str) -> Settings:
    return Settings.of(composed(lines, ())[0])


def test_the_tables_that_are_shipped_are_pivots_with_a_word_on_them() -> None:
    found = pivots(tables(list(names("table"))))
    assert {"accuracy", "cost", "pruning", "devices"} <= {one.name for one in found}
    assert all(one.about for one in found)
    assert all((CONF / "table" / f"{one.name}.yaml").read_text().startswith("# ") for one in found)


def test_a_report_has_a_pivot_where_nothing_is_asked() -> None:
    assert [one.name for one in pivots(settings().tables)] == ["accuracy"]


def test_tables_are_asked_for_by_name_or_written_out() -> None:
    inline = "{rows:[attention.reduction],values:[params],where:{attention.reduction:[16,null]}}"
    asked = settings(f"tables=[cost,{inline}]")
    cost, own = pivots(asked.tables)
    assert cost.values == ("accuracy", "delta_reference", "params", "macs", "latency")
    assert own.name == "2"
    assert own.where == {"attention.reduction": ("16", None)}
    assert settings("tables=cost").tables == asked.tables[:1]
    assert settings("tables=[]").tables == settings("tables=null").tables == ()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("cots", "table 'cots' does not exist; did you mean 'cost'?"),
        (["cost", "cost"], "tables: 2 are called cost"),
        ([{"rows": ["backbone"], "values": ["x"]}], "table 1: value 'x' does not exist"),
        ([["cost"]], "table '['cost']' does not exist"),
    ],
)
def test_impossible_tables_are_told_before_anything_is_read(asked: Any, said: str) -> None:
    (problem,) = impossible_tables(asked)
    assert said in problem


def test_a_table_that_is_written_out_survives_a_users_file() -> None:
    content = [
        {"rows": ["attention.reduction"], "where": {"pruning": "l1*", "data.pad": [1, None]}}
    ]
    assert value_of(text_of(content)) == content


def plan_of(*cells: Cell) -> Plan:
    return Plan("small", "made by hand", cells)


def test_a_pivot_that_a_plan_cannot_have_is_refused_before_it_runs() -> None:
    made = plan_of(cell(), cell(pruning=MAGNITUDE))
    with pytest.raises(UserError, match=r"differ in pruning: none \| magnitude"):
        check_ahead(made, [pivot(rows=["backbone"])])
    check_ahead(made, [pivot()])
    check_ahead(made, [listing(values=["latency"], where={"device": "NVIDIA*"})])
    check_ahead(plan_of(), [pivot(rows=["backbone"])])


def submission(folder: Path, **asked: Any) -> Submission:
    ledger = small(folder)
    return Submission(
        folder=ledger.root.absolute() / "submissions" / "one",
        sweep="small",
        code="none",
        options={"notify": ""},
        context={},
        results=str(folder / "results"),
        cells=(),
        arrays=(),
        **asked,
    )


def test_a_submission_keeps_its_tables_and_an_old_one_has_none(tmp_path: Path) -> None:
    asked = ({"name": "one", **ACROSS},)
    one = submission(tmp_path, tables=asked)
    one.write()
    assert Submission.read(one.folder).tables == asked
    path = one.folder / "plan.json"
    data = json.loads(path.read_text())
    del data["tables"]
    path.write_text(json.dumps(data))
    assert Submission.read(one.folder).tables == ()


@pytest.mark.parametrize(
    ("rows", "has_pivot"), [(["backbone", "pruning"], True), (["data"], False)]
)
def test_the_report_of_a_job_has_the_tables_that_were_asked_for_if_they_can_be(
    rows: list[str], has_pivot: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = submission(tmp_path, tables=({"name": "one", **ACROSS, "rows": rows},))
    one.write()
    conclude(str(one.folder))
    results = tmp_path / "results" / "small"
    assert (results / "table.md").exists()
    assert (results / "pivot_one.md").exists() == has_pivot
    said = capsys.readouterr().out
    assert ("no tables beside its own: table one would have several rows" in said) != has_pivot
