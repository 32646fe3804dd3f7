"""Pivots that cannot be: what is wrong is said, all at once, with what to do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ledgers import MAGNITUDE, cell, document_of, small
from pivots import ACROSS, finished, listing, pivot

from reports.pivot.ahead import check_ahead
from reports.pivot.crossing import all_crossings
from reports.pivot.file import mistakes, parse
from sweeps.cell import Cell
from sweeps.errors import UserError
from sweeps.frozen import Plan


def test_two_rows_in_one_place_are_refused_with_what_tells_them_apart(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        finished(document_of(small(tmp_path)), pivot(rows=["backbone"]))
    said = str(caught.value)
    assert "several rows in 3 of its places: in Data digits, recipe short, resnet8, none" in said
    assert "the rows 1, 2 of the report, which differ in pruning: none | magnitude" in said
    assert "add pruning to rows, columns or split" in said
    assert "where: {pruning: none}" in said


def test_a_clash_names_all_the_fields_that_it_takes(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"add attention and pruning to rows.*attention: none, prun"
    ):
        finished(document_of(small(tmp_path)), pivot(rows=["backbone"], columns=[]))


def test_what_a_clash_asks_for_makes_the_pivot(tmp_path: Path) -> None:
    found = document_of(small(tmp_path))
    asked = pivot(rows=["backbone"])
    for fixed in ({"where": {"pruning": ("none",)}}, {"split": ("protocol", "pruning")}):
        assert finished(found, replace(asked, **fixed))


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


def plan_of(*cells: Cell) -> Plan:
    return Plan("small", "made by hand", cells)


def test_a_pivot_that_a_plan_cannot_have_is_refused_before_it_runs() -> None:
    made = plan_of(cell(), cell(pruning=MAGNITUDE))
    with pytest.raises(UserError, match=r"differ in pruning: none \| magnitude"):
        check_ahead(made, [pivot(rows=["backbone"])])
    check_ahead(made, [pivot()])
    check_ahead(made, [listing(values=["latency"], where={"device": "NVIDIA*"})])
    check_ahead(plan_of(), [pivot(rows=["backbone"])])
