"""Verdicts and intervals in every format, and what of them fits a terminal."""

from __future__ import annotations

import re
from pathlib import Path

from ledgers import DIA, ECA, MAGNITUDE, NONE, SE, cell, document_of, done, ledger_of, small

from reports.html import html
from reports.latex import latex
from reports.markdown import markdown
from reports.terminal import WIDTH, terminal_table
from sweeps.cell import DENSE, Choice
from sweeps.ledger import Ledger


def decided(folder: Path) -> Ledger:
    """Five seeds: se is always better than the plain network, eca worse, dia no different."""
    shifts = [(NONE, 0.0), (SE, 0.05), (ECA, -0.05), (DIA, 0.0)]
    noise = [0.001, -0.002, 0.0, 0.003, -0.001]
    return ledger_of(
        folder,
        [
            (one, done(one, 0.80 + shift + noise[(seed + place) % 5]))
            for place, (attention, shift) in enumerate(shifts)
            for seed in range(5)
            if (one := cell(attention=attention, seed=seed))
        ],
    )


def test_every_format_shows_what_a_test_says(tmp_path: Path) -> None:
    ledger = decided(tmp_path)
    made = document_of(ledger)
    delta = {
        line.attention.name: dict(zip(made.tables[0].columns, line.values, strict=True))
        for line in made.tables[0].lines
    }
    read = {
        name: next(value for column, value in values.items() if column.key == "delta_reference")
        for name, values in delta.items()
    }
    assert [read[name].verdict for name in ("se", "eca", "dia")] == ["better", "worse", "tie"]
    aside = read["se"].aside
    assert aside.startswith("[+")
    escaped = aside.replace("[", r"\[").replace("]", r"\]")
    assert f"| {read['se'].text} ↑ {escaped} |" in markdown(made)
    assert f"{read['eca'].text} ↓ " in markdown(made)
    assert "**85.02 ± 0.19** ↑" in markdown(made)
    assert r"& +5.00 & $\uparrow$ {\scriptsize {[}" in latex(made)
    assert r"& $-$5.00 & $\downarrow$ {\scriptsize {[}" in latex(made)
    assert f'<span title="better">↑</span> <small>{aside}</small>' in html(made)
    assert "<strong>85.02 ± 0.19</strong>" in html(made)


def test_the_terminal_shows_verdicts_always_and_intervals_where_there_is_room(
    tmp_path: Path,
) -> None:
    made = [
        (one, done(one, 0.80 + shift + seed / 1000 + (seed % 2) * shift / 50))
        for pruning, shift in ((DENSE, 0.0), (MAGNITUDE, -0.05))
        for seed in range(4)
        if (one := cell(pruning=pruning, seed=seed))
    ]
    text = terminal_table(document_of(ledger_of(tmp_path / "short", made)))
    assert re.search(r"−5\.05 ↓ \[−5\.1\d, −4\.9\d\]", text)
    wide = [(cell(Choice("b"), Choice("a" * 60), seed=s), None) for s in range(2)]
    text = terminal_table(document_of(ledger_of(tmp_path / "wide", [*made, *wide])))
    assert re.search(r"−5\.05 ↓ ", text)
    assert "[−5" not in text
    assert max(map(len, text.splitlines())) <= WIDTH


def test_the_terminal_table_fits_a_terminal(tmp_path: Path) -> None:
    text = terminal_table(document_of(small(tmp_path), {"dia"}))
    assert max(map(len, text.splitlines())) <= WIDTH
    assert re.search(r"none +magnitude +n=3 +89\.00 ± 1\.00 .*−2\.00", text)
