"""Colours, legends and texts of figures: everybody can tell them apart, and they fit."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import pytest
from drawings import course, everything
from ledgers import DIA, ECA, NONE, SE, cell, document_of, done, failed, ledger_of
from matplotlib.colors import to_hex
from simulated_vision import READERS, contrast, difference

from reports.lettering import broken, inches, shortened
from reports.marks import COLOURS, INK, Marks


def test_a_long_text_is_broken_into_lines_that_fit() -> None:
    text = f"several words and {'a_very_long_one' * 5}"
    lines = broken(text, 1.0)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert max(map(inches, lines)) <= 1.0
    assert broken("short", 1.0) == ["short"]


def test_a_text_that_is_too_long_ends_in_an_ellipsis() -> None:
    text = "several words that take a number of lines"
    assert shortened(text, 1.0, 9) == broken(text, 1.0)
    short = shortened(text, 1.0, 2)
    assert short[0] == broken(text, 1.0)[0]
    assert short[1].endswith("…")
    assert max(map(inches, short)) <= 1.0


def test_a_long_legend_has_fewer_columns_and_more_lines() -> None:
    short = Marks.of(["none", "se", "eca"], []).dots(3.4)
    long = Marks.of(["none", "se", "eca" * 40], []).dots(3.4)
    assert (short.columns, long.columns) == (4, 1)
    assert len(long.texts[2]) > 2
    assert long.inches > short.inches


def test_a_legend_of_very_many_names_says_how_many_it_leaves_out() -> None:
    legend = Marks.of([f"attention{n}" for n in range(200)], []).dots(3.4)
    assert legend.inches < 4.3
    assert legend.left_out
    assert len(legend.texts) + legend.left_out == 200


def test_an_attention_has_one_colour_in_all_figures(tmp_path: Path) -> None:
    """ECA has no finished dense network here, and no curve, and still counts."""
    networks = [cell(attention=a) for a in (NONE, SE, DIA)]
    outcomes = [(one, done(one, 0.9)) for one in networks]
    eca = cell(attention=ECA)
    outcomes.insert(2, (eca, failed(eca, "no")))
    document = document_of(ledger_of(tmp_path, outcomes))
    found = everything(document, {one.key: course(0.5, 0.6) for one in networks})
    lines = found["curves"].axes[0].lines
    assert [to_hex(line.get_color()) for line in lines] == ["#101010", *map(str.lower, (
        COLOURS[0], COLOURS[2]
    ))]  # fmt: skip
    points = found["pareto_macs"].axes[0].collections
    assert [to_hex(edge) for dots in points for edge in dots.get_edgecolors()] == [
        to_hex(line.get_color()) for line in lines
    ]


def test_every_colour_stands_out_from_a_page_light_or_dark() -> None:
    css = (Path(__file__).parents[1] / "reports/assets/page.css").read_text()
    (grounds,) = re.findall(r"--paper: light-dark\((#\w+), (#\w+)\)", css)
    for colour in COLOURS:
        assert min(contrast(colour, ground) for ground in grounds) >= 3, colour


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_can_tell_any_two_colours_apart(reader: str) -> None:
    pairs = combinations([INK, *COLOURS], 2)
    found = {pair: difference(*pair, reader) for pair in pairs}
    assert min(found.values()) >= 12, min(found, key=lambda pair: found[pair])
