"""Options that read the same and are not: a text and a number, true and "true"."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from ledgers import DATA, cell, document, done

from reports.names import name_cells
from reports.parquet import rows_parquet
from reports.pivot.crossing import crossings
from reports.pivot.file import parse
from sweeps.cell import Choice


def options(*values: Any) -> list[str]:
    """What cells are called whose attention has these values as its option."""
    cells = [cell(attention=Choice("se", {"reduction": value})) for value in values]
    return [names["attention"].options for names in name_cells(cells)]


@pytest.mark.parametrize(
    ("text", "other"), [("8", 8), ("true", True), ("0.5", 0.5), ("[1,2]", [1, 2]), ("1e-05", 1e-5)]
)
def test_a_text_that_reads_as_a_number_of_another_cell_is_in_quotes(text: str, other: Any) -> None:
    assert options(text, other) == [f'reduction="{text}"', f"reduction={text}"]


def test_a_text_is_without_quotes_where_nothing_reads_the_same() -> None:
    assert options("8", 16, "a") == ["reduction=8", "reduction=16", "reduction=a"]
    assert options("8") == [""]


def test_an_option_of_another_variant_takes_no_text() -> None:
    cells = [cell(attention=Choice(name, {"r": r})) for name, r in (("a", "8"), ("a", 1), ("b", 8))]
    assert [one["attention"].options for one in name_cells(cells)] == ["r=8", "r=1", ""]


def test_rows_that_differ_in_this_alone_have_labels_of_their_own(tmp_path: Path) -> None:
    cells = [cell(attention=Choice("se", {"reduction": value})) for value in ("8", 8)]
    made = document(tmp_path, [(one, done(one, 0.9)) for one in cells])
    labels = [str(line.attention) for line in made.tables[0].lines]
    assert labels == ['se reduction="8"', "se reduction=8"]
    rows = pd.read_parquet(io.BytesIO(rows_parquet(made)))
    assert rows["attention.reduction"].tolist() == ['"8"', "8"]
    asked = {"name": "x", "rows": ["backbone"], "columns": ["attention.reduction"]}
    (table,) = crossings(made, parse({**asked, "values": ["params"]}))
    assert {*table.columns} == {('"8"',), ("8",)}


def test_protocols_that_differ_in_this_alone_share_no_table(tmp_path: Path) -> None:
    data = [replace(DATA, options={**DATA.options, "crop": value}) for value in ("8", 8)]
    cells = [replace(cell(), data=one) for one in data]
    made = document(tmp_path, [(one, done(one, 0.9)) for one in cells])
    assert [table.title for table in made.tables] == [
        'Data digits crop="8", recipe short',
        "Data digits crop=8, recipe short",
    ]
    assert made.rows["fingerprint"].nunique() == 2
