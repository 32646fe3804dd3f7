"""The order of a pivot's lines and columns, and what is bold in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ledgers import SE, cell, document, document_of, done, of_accuracies, small
from pivots import finished, lines, listing, of_cells, pivot

from reports.pivot.file import VALUES
from sweeps.cell import Choice
from sweeps.overrides import text_of


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
        (table,) = finished(found, asked)
        assert lines(table) == expected, order


def test_what_has_no_number_comes_last_whatever_the_order(tmp_path: Path) -> None:
    for way in ("ascending", "descending"):
        asked = listing(values=["accuracy"], order={"accuracy": way})
        (table,) = finished(document_of(small(tmp_path)), asked)
        words = [line.values[0].text for line in table.lines]
        assert words[-4:] == ["failed", "blocked", "—", "n/a"]


def test_columns_are_ordered_by_the_numbers_of_their_options(tmp_path: Path) -> None:
    cells = [cell(attention=Choice("se", {"reduction": r})) for r in (16, 4, 8)]
    asked = pivot(columns=["attention"], order={"attention": "ascending"})
    (table,) = finished(of_cells(tmp_path, cells), asked)
    assert table.titles == [f"se reduction={r}" for r in (4, 8, 16)]


@pytest.mark.parametrize(
    ("option", "values"),
    [("scale", [1e-5, 0.0001, 0.001, 0.1]), ("shift", [-2, -1, 0, 1]), ("k", ["s2", "s10"])],
)
def test_options_are_ordered_as_numbers(option: str, values: list[Any], tmp_path: Path) -> None:
    cells = [cell(attention=Choice("se", {option: one})) for one in reversed(values)]
    field = f"attention.{option}"
    (table,) = finished(
        of_cells(tmp_path, cells), pivot(columns=[field], order={field: "ascending"})
    )
    assert table.titles == [
        f"{option}={one if isinstance(one, str) else text_of(one)}" for one in values
    ]


@pytest.mark.parametrize("value", VALUES)
def test_lines_are_ordered_by_any_value(value: str, tmp_path: Path) -> None:
    asked = listing(values=list(dict.fromkeys(["accuracy", value])), order={value: "descending"})
    (table,) = finished(document_of(small(tmp_path)), asked)
    assert len(table.lines) == 9
    if value == "published":
        has_number = [line.values[1].text[:1].isdigit() for line in table.lines]
        assert has_number == [True, True, *[False] * 7]


@pytest.mark.parametrize(("best", "bold"), [("max", [False, True]), ("min", [True, False])])
def test_a_cost_is_bold_where_it_is_the_highest_or_lowest(
    best: str, bold: list[bool], tmp_path: Path
) -> None:
    found = of_cells(tmp_path, [cell(), cell(attention=SE)])
    (table,) = finished(found, pivot(values=["params"], best={"params": best}))
    assert [value.bold for value in table.lines[0].values] == bold
    (plain,) = finished(found, pivot(values=["params"]))
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
    (table,) = finished(found, pivot())
    assert [value.bold for value in table.lines[0].values] == [False, True, False]
    assert table.lines[0].values[1].verdict == "better"
    assert any("corrected for all rows there, shown here or not" in r for r in table.remarks)
    (fewer,) = finished(found, pivot(where={"attention": ["none", "eca"]}))
    assert not any(value.bold for value in fewer.lines[0].values)  # se still leads
    (none,) = finished(found, pivot(best={"accuracy": "none"}))
    assert not any(value.bold for value in none.lines[0].values)
