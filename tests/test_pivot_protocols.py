"""Protocols and devices in a pivot: never mixed, and fields like any other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ledgers import DIA, ECA, NONE, RECIPE, SE, cell, document, done
from pivots import finished, listing, of_cells, pivot, texts

from reports.document import Document
from sweeps.cell import Cell
from sweeps.errors import UserError


def recipes() -> list[Cell]:
    long = replace(RECIPE, options={**RECIPE.options, "epochs": 16})
    return [cell(), cell(recipe=long), cell(attention=SE, recipe=long)]


def test_protocols_have_tables_of_their_own(tmp_path: Path) -> None:
    tables = finished(of_cells(tmp_path, recipes()), pivot())
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
        finished(of_cells(tmp_path, recipes()), pivot(**asked))


def test_where_may_choose_a_protocol(tmp_path: Path) -> None:
    (table,) = finished(of_cells(tmp_path, recipes()), pivot(split=[], where={"recipe.epochs": 16}))
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
        finished(timed(tmp_path), listing(values=["latency"]))
    assert finished(timed(tmp_path), listing(values=["accuracy"]))


def test_a_device_is_a_field(tmp_path: Path) -> None:
    (table,) = finished(timed(tmp_path), listing(columns=["device"], values=["latency"]))
    assert table.titles == ["B", "A"]  # more was measured on B
    assert texts(table) == {
        ("resnet8", "none", "none"): ["1.00", "0.500"],
        ("resnet8", "se", "none"): ["0.990", "—"],
        ("resnet8", "eca", "none"): ["—", "2.00"],
        ("resnet8", "dia", "none"): ["—", "—"],
    }
    assert "Latency on B: B, float32, 1 thread, batch 64, alternating blocks." in table.remarks
    (only,) = finished(timed(tmp_path), listing(values=["latency"], where={"device": "A,*"}))
    assert [line.values[0].text for line in only.lines] == ["0.500", "—", "2.00", "—"]


def test_the_lowest_latency_is_bold_on_its_device_with_all_that_equal_it(tmp_path: Path) -> None:
    asked = listing(columns=["device"], values=["latency"], best={"latency": "min"})
    (table,) = finished(timed(tmp_path), asked)
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
