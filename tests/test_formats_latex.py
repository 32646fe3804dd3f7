"""LaTeX tables: they compile, alone and inside a paper, and break over pages."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from ledgers import cell, document, document_of, done, hostile, small
from pivots import compared

from reports.latex import latex, pivot_latex
from reports.latex.fit import PAGE, fitting, table_width
from reports.plain import plain
from sweeps.cell import Choice

needs_pdflatex = pytest.mark.skipif(
    not shutil.which("pdflatex"), reason="pdflatex is not installed: apt-get install texlive"
)
BAD = re.compile(r"^(?:!|Overfull|Underfull).*|^LaTeX Warning: Float too large.*", re.MULTILINE)
PAPER = r"""
\documentclass[10pt%s]{article}
\usepackage[%s]{geometry}
\usepackage{booktabs,longtable}
\begin{document}
Before. \input{table} Between. \input{pivot} \input{long} After.
\end{document}
"""


def compiled(folder: Path, name: str) -> str:
    """The log of a document that was compiled; passes are repeated until references are right."""
    for _ in range(4):
        found = subprocess.run(
            ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", f"{name}.tex"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
        )
        log = (folder / f"{name}.log").read_text(errors="replace")
        if found.returncode or "Rerun" not in log:
            break
    assert found.returncode == 0, log[-2000:]
    return log


def sources(folder: Path) -> dict[str, str]:
    """LaTeX of what is hard to set: names of any kind, a wide pivot, a table of many lines."""
    strange = document_of(hostile(folder / "hostile"), {"dia"})
    many = [cell(attention=Choice(f"a{n}"), seed=seed) for n in range(70) for seed in range(2)]
    long = document(folder / "long", [(c, done(c, 0.9 + c.seed / 100)) for c in many])
    return {
        "table": latex(strange),
        "pivot": pivot_latex(compared(strange), "small"),
        "long": latex(replace(long, sweep="long")),
    }


@needs_pdflatex
@pytest.mark.parametrize("name", ["table", "pivot", "long"])
def test_a_file_of_tables_compiles_as_it_is(name: str, tmp_path: Path) -> None:
    (tmp_path / f"{name}.tex").write_text(sources(tmp_path)[name])
    log = compiled(tmp_path, name)
    assert not BAD.findall(log)
    assert "incomplete" not in log  # as conditionals that a file does not close


@needs_pdflatex
@pytest.mark.parametrize(
    ("options", "page"),
    [("", "textwidth=5.5in,textheight=9in"), (",twocolumn", "margin=1in")],
    ids=["narrow page", "two columns"],
)
def test_files_of_tables_work_inside_a_paper(options: str, page: str, tmp_path: Path) -> None:
    for name, text in sources(tmp_path).items():
        (tmp_path / f"{name}.tex").write_text(text)
    (tmp_path / "paper.tex").write_text(PAPER % (options, page))
    log = compiled(tmp_path, "paper")
    assert not [line for line in BAD.findall(log) if not line.startswith("Underfull")]
    assert "multiply defined" not in log


@needs_pdflatex
@pytest.mark.skipif(not shutil.which("pdftotext"), reason="pdftotext is not installed")
def test_what_a_pdf_shows_is_what_the_table_says(tmp_path: Path) -> None:
    (tmp_path / "table.tex").write_text(latex(document_of(small(tmp_path), {"dia"})))
    compiled(tmp_path, "table")
    subprocess.run(["pdftotext", "-layout", "table.pdf"], cwd=tmp_path, check=True)
    text = (tmp_path / "table.txt").read_text()
    for shown in ("resnet8", "95.50 ± 0.71", "failed", "[−4.48, +0.48]", "blocked"):
        assert shown in text


def test_a_table_too_wide_for_a_page_has_each_column_once(tmp_path: Path) -> None:
    whole = plain(document_of(small(tmp_path)).tables[0])
    parts = fitting(whole, [[place] for place in range(len(whole.titles))])
    assert len(parts) > 1
    assert [title for part in parts for title in part.titles] == whole.titles
    assert all(table_width(part) <= PAGE for part in parts)
    values = [[value for part in parts for value in part.lines[0].values]]
    assert values == [list(whole.lines[0].values)]


def test_a_long_latex_table_breaks_over_pages(tmp_path: Path) -> None:
    cells = [cell(attention=Choice(f"a{number}")) for number in range(50)]
    text = latex(document(tmp_path, [(c, None) for c in cells]))
    assert text.count(r"\begin{longtable}") == text.count(r"\end{longtable}") == 1
    assert "table*" not in text
