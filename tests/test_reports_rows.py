"""The rows of a report: which share a table, what names them, and where they come from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from ledgers import (
    DATA,
    ECA,
    MAGNITUDE,
    NONE,
    RECIPE,
    RESNET,
    SE,
    cell,
    document,
    document_of,
    done,
    ledger_of,
    names,
    small,
)

from reports.markdown import markdown
from sweeps.cell import DENSE, Cell, Choice


def test_rows_of_different_protocols_never_share_a_table(tmp_path: Path) -> None:
    longer = replace(RECIPE, options={**RECIPE.options, "epochs": 16})
    cells = [cell(), cell(recipe=longer), cell(attention=SE)]
    tables = document(tmp_path, [(c, done(c, 0.9)) for c in cells]).tables
    assert [table.title for table in tables] == [
        "Data digits, recipe short epochs=8",
        "Data digits, recipe short epochs=16",
    ]
    assert ["16 epochs" in table.setting for table in tables] == [False, True]
    assert [len(table.lines) for table in tables] == [2, 1]


def test_a_refit_that_varies_names_the_row(tmp_path: Path) -> None:
    other = replace(RECIPE, options={**RECIPE.options, "refit": {"epochs": 6}})
    cells = [cell(), cell(pruning=MAGNITUDE), cell(pruning=MAGNITUDE, recipe=other)]
    (table,) = document(tmp_path, [(c, done(c, 0.9)) for c in cells]).tables
    labels = [str(line.pruning) for line in table.lines]
    assert labels == ["none", "magnitude refit.epochs=3", "magnitude refit.epochs=6"]
    assert {line.values[3].text for line in table.lines} == {"", "0.00"}


def test_only_options_that_vary_name_a_row(tmp_path: Path) -> None:
    wide = Choice("se", {"reduction": 4, "bias": True})
    narrow = Choice("se", {"reduction": 16, "bias": True})
    made = document(tmp_path, [(cell(attention=a), None) for a in (wide, narrow, ECA)])
    labels = [str(line.attention) for line in made.tables[0].lines]
    assert labels == ["se reduction=4", "se reduction=16", "eca"]


def test_none_comes_first_whatever_the_plan_says(tmp_path: Path) -> None:
    cells = [cell(attention=a, pruning=p) for a in (SE, NONE) for p in (MAGNITUDE, DENSE)]
    lines = document(tmp_path, [(c, None) for c in cells]).tables[0].lines
    assert list(map(names, lines)) == [
        ("none", "none"),
        ("none", "magnitude"),
        ("se", "none"),
        ("se", "magnitude"),
    ]


def test_a_reconstruction_has_a_dagger_and_a_footnote(tmp_path: Path) -> None:
    ledger = small(tmp_path)
    assert "dia†" in markdown(document_of(ledger, {"dia"}))
    assert "<sup>†</sup> A reconstruction" in markdown(document_of(ledger, {"dia"}))
    assert "†" not in markdown(document_of(ledger, {"pna"}))


def test_a_reconstructed_recipe_is_named_as_one(tmp_path: Path) -> None:
    made = ledger_of(
        tmp_path, [(cell := Cell(DATA, RESNET, NONE, DENSE, RECIPE, 0), done(cell, 0.9))]
    )
    plain, ours = (document_of(made, names).tables[0] for names in ((), {RECIPE.name}))
    assert ours.remarks[:-1] == plain.remarks
    assert "is a reconstruction" in ours.remarks[-1]


def test_runs_that_do_not_share_an_origin_are_named(tmp_path: Path) -> None:
    cells = [cell(seed=seed) for seed in range(3)]
    changes: list[dict[str, Any]] = [
        {"sources": {"backbone": "b0", "attention": "a1", "pruning": ""}},
        {"commit": "bad"},
        {"packages": {"torch": "2.11.0"}},
    ]
    records = [done(c, 0.9, **change) for c, change in zip(cells, changes, strict=True)]
    remarks = document(tmp_path, zip(cells, records, strict=True)).tables[0].remarks
    assert remarks[1:] == (
        "The runs do not share one commit: c0ffee1 (2); bad (1).",
        "The runs do not share one set of packages: torch 2.15.0 (2); torch 2.11.0 (1).",
        "The source of attention none changed between runs: a0 (2); a1 (1).",
    )
