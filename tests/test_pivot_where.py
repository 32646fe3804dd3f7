"""What a pivot keeps: names, globs, numbers and schemes as the report has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ledgers import cell, document_of, small
from pivots import finished, of_cells, pivot

from sweeps.cell import Choice
from sweeps.errors import UserError


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
    (table,) = finished(
        document_of(small(tmp_path)),
        pivot(where={"backbone": "resnet8", "pruning": "none", **where}),
    )
    assert table.titles == left


def test_a_label_is_asked_for_as_the_report_has_it(tmp_path: Path) -> None:
    choices = [Choice("se", {"reduction": r}) for r in (4, 16)]
    found = of_cells(tmp_path, [cell(attention=one) for one in choices])
    (table,) = finished(found, pivot(where={"attention": "se reduction=4"}))
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
        finished(document_of(small(tmp_path)), pivot(where=where))


def test_a_scheme_is_no_number(tmp_path: Path) -> None:
    bits = [f"{'1' * 26}0", f"{'1' * 26}1"]
    found = of_cells(tmp_path, [cell(attention=Choice("se", {"connect": one})) for one in bits])
    (table,) = finished(found, pivot(where={"attention.connect": bits[0]}))
    assert table.titles == [f"se connect={bits[0][:4]}…{bits[0][-4:]}"]


def test_what_is_written_out_is_meant_alone(tmp_path: Path) -> None:
    cells = [cell(attention=Choice("se", {"k": one})) for one in ([1, 2], 1, 2)]
    (table,) = finished(of_cells(tmp_path, cells), pivot(where={"attention.k": "[1,2]"}))
    assert table.titles == ["se k=[1,2]"]


def test_schemes_are_as_short_as_tells_them_apart(tmp_path: Path) -> None:
    middles = ("0" * 46, "01" * 23, "0000" + "1" * 42)
    cells = [cell(attention=Choice("se", {"connect": f"1111{m}1111"})) for m in middles]
    found = of_cells(tmp_path, cells)
    labels = [line.attention.options for line in found.tables[0].lines]
    (table,) = finished(found, pivot())
    assert table.titles == [f"se {label}" for label in labels]
    assert labels == [f"connect=1111{m[:4]}…{m[-4:]}1111" for m in middles]
