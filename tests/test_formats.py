"""Every format of the tables: LaTeX that compiles, HTML that can be pasted, typed numbers."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from html_reader import Reader
from ledgers import (
    DIA,
    ECA,
    HOSTILE,
    MAGNITUDE,
    NONE,
    SE,
    cell,
    document,
    document_of,
    done,
    failed,
    hostile,
    ledger_of,
    small,
)

from reports.html import html, pivot_html
from reports.latex import latex, pivot_latex
from reports.latex.fit import PAGE, fitting, table_width
from reports.markdown import markdown, pivot_markdown
from reports.parquet import frame_parquet, rows_parquet
from reports.pivot.crossing import crossings
from reports.pivot.file import parse
from reports.pivot.finish import finish
from reports.plain import plain
from reports.report import build, report
from reports.sheets import runs_csv, table_csv
from reports.terminal import WIDTH, terminal_table
from sweeps.cell import DENSE, Choice
from sweeps.curves import Curves
from sweeps.ledger import Ledger, Plan
from sweeps.record import Record

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
ACROSS = {"name": "across", "rows": ["backbone", "pruning"], "columns": ["attention"]}


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


def pivots_of(made: Any, **asked: Any) -> list[Any]:
    content = {**ACROSS, "values": ["accuracy", "delta_parent"], **asked}
    return [finish(one) for one in crossings(made, parse(content))]


def sources(folder: Path) -> dict[str, str]:
    """LaTeX of what is hard to set: names of any kind, a wide pivot, a table of many lines."""
    strange = document_of(hostile(folder / "hostile"), {"dia"})
    many = [cell(attention=Choice(f"a{n}"), seed=seed) for n in range(70) for seed in range(2)]
    long = document(folder / "long", [(c, done(c, 0.9 + c.seed / 100)) for c in many])
    return {
        "table": latex(strange),
        "pivot": pivot_latex(pivots_of(strange), "small"),
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


class Cells(Reader):
    """Counts the columns that every row of a page's tables takes."""

    def __init__(self, text: str) -> None:
        self.rows: list[list[list[int]]] = []
        self.spans: list[dict[str, str]] = []
        super().__init__(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        super().handle_starttag(tag, attrs)
        found = {name: value or "" for name, value in attrs}
        if tag == "table":
            self.rows.append([])
        if tag == "tr":
            self.rows[-1].append([])
        if tag in ("td", "th"):
            span = int(found.get("colspan", 1)), int(found.get("rowspan", 1))
            self.rows[-1][-1].append(span)
            self.spans.append({"tag": tag, **found})

    def widths(self) -> list[set[int]]:
        """For each table the columns of its rows, those included that reach in from above."""
        found = []
        for rows in self.rows:
            taken = [sum(columns for columns, _ in row) for row in rows]
            for place, row in enumerate(rows):
                for columns, down in row:
                    for below in range(place + 1, place + down):
                        taken[below] += columns
            found.append(set(taken))
        return found


def pages(folder: Path) -> dict[str, str]:
    made = document_of(hostile(folder), {"dia"})
    return {"table": html(made), "pivot": pivot_html(pivots_of(made))}


@pytest.mark.parametrize("name", ["table", "pivot"])
def test_html_is_plain_tables_whose_rows_are_equally_wide(name: str, tmp_path: Path) -> None:
    text = pages(tmp_path)[name]
    reader = Cells(text)
    assert [len(widths) for widths in reader.widths()] == [1]
    assert {"table", "caption", "thead", "tbody"} <= set(reader.tags)
    assert not {"script", "style", "link", "img", "iframe"} & set(reader.tags)
    heads = [cell for cell in reader.spans if cell["tag"] == "th"]
    assert {head["scope"] for head in heads} <= {"col", "colgroup", "row", "rowgroup"}
    assert "light dark" in reader.of("content")
    assert not [name for name, _ in reader.values if name.startswith("on")]
    assert HOSTILE in reader.text
    assert "<script>alert(2)</script>" in reader.text


def test_every_value_of_html_leads_to_its_row(tmp_path: Path) -> None:
    reader = Cells(html(document_of(small(tmp_path))))
    cells = [cell for cell in reader.spans if cell["tag"] == "td"]
    assert {cell["data-row"] for cell in cells} == {str(row) for row in range(1, 10)}


def test_a_pivot_in_markdown_stays_in_its_columns(tmp_path: Path) -> None:
    text = pivot_markdown(pivots_of(document_of(hostile(tmp_path))))
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in rows}) == 1
    assert "<script" not in text


def read_parquet(content: bytes) -> pd.DataFrame:
    return pd.read_parquet(io.BytesIO(content))


def test_the_frame_of_a_notebook_is_that_of_runs_csv(tmp_path: Path) -> None:
    made = document_of(small(tmp_path))
    found = read_parquet(frame_parquet(made))
    runs = pd.read_csv(io.StringIO(runs_csv(made)), dtype=dict.fromkeys(found, str))
    for name in runs:
        texts = pd.read_csv(io.StringIO(found[[name]].to_csv(index=False)), dtype=str)[name]
        assert texts.fillna("").tolist() == runs[name].fillna("").tolist(), name
    assert found.attrs == {"sweep": "small", "about": "made by hand", "schema": 1}
    assert frame_parquet(made) == frame_parquet(made)


def test_the_frame_of_a_notebook_is_typed(tmp_path: Path) -> None:
    types = read_parquet(frame_parquet(document_of(small(tmp_path)))).dtypes.astype(str)
    assert {types[name] for name in ("accuracy", "latency_p50_ms", "recipe.lr")} == {"float64"}
    assert {types[n] for n in ("params", "macs", "data.image_size", "refit.epochs")} == {"Int64"}
    assert {types[name] for name in ("key", "reason", "data.folder")} == {"str"}
    assert {types[name] for name in ("state", "backbone", "protocol")} == {"category"}
    assert types["pruning.sparsity"] == "float64"


def test_latencies_of_two_settings_have_columns_of_their_own(tmp_path: Path) -> None:
    """Each row was measured once on each: the first one comes first in all rows."""
    cells = [cell(attention=a, seed=s) for a in (NONE, SE) for s in (0, 1)]
    times = [("A", 1.0), ("B", 0.1), ("B", 0.2), ("A", 2.0)]
    records = [done(c, 0.9, device=d, p50_ms=ms) for c, (d, ms) in zip(cells, times, strict=True)]
    made = document(tmp_path, zip(cells, records, strict=True))
    csv_rows = pd.read_csv(io.StringIO(table_csv(made)))
    for rows in (csv_rows, read_parquet(rows_parquet(made))):
        assert [text[0] for text in rows["latency_setting"]] == ["A", "A"]
        assert [text[0] for text in rows["latency_2_setting"]] == ["B", "B"]
        assert rows["latency_ms"].tolist() == [1.0, 2.0]
        assert rows["latency_2_ms"].tolist() == [0.1, 0.2]


def test_what_terminals_and_file_names_put_into_messages_breaks_no_format(tmp_path: Path) -> None:
    one = cell()
    record = failed(one, "\x1b[31mCUDA error\x1b[0m in \udce9.png\x00")
    record["error"]["traceback"] = "Traceback\r\n\x1b[1m\udce9\n"
    made = document(tmp_path, [(one, record), (cell(attention=SE), None)])
    contents = build(made)
    assert "RuntimeError: CUDA error in \ufffd.png\ufffd" in contents["table.md"].decode()
    for name, content in contents.items():
        if name.endswith((".md", ".csv", ".tex", ".html")):
            assert not re.search("[\x00-\x08\x0e-\x1f]", content.decode()), name
    assert made.frame["traceback"].iloc[0] == "Traceback\n\ufffd\n"


def test_whole_numbers_of_any_size_fit_into_a_notebook(tmp_path: Path) -> None:
    cells = [cell(attention=Choice("x", {"mask": n})) for n in (10**20, 1)]
    found = read_parquet(frame_parquet(document(tmp_path, [(c, None) for c in cells])))
    assert sorted(found["attention.mask"]) == ["1", str(10**20)]


def test_an_option_has_one_type_whatever_it_looks_like(tmp_path: Path) -> None:
    options = {"connect": "1011", "bias": True, "rate": 1, "width": 0.5, "sizes": [1, 2]}
    other = {"connect": "all", "bias": False, "rate": 2, "width": 1}
    cells = [cell(attention=Choice("x", one)) for one in (options, other)]
    found = read_parquet(frame_parquet(document(tmp_path, [(c, None) for c in cells])))
    lines = found.sort_values("attention.rate")
    assert lines["attention.connect"].tolist() == ["1011", "all"]
    assert lines["attention.bias"].tolist() == [True, False]
    assert lines["attention.rate"].tolist() == [1, 2]
    assert lines["attention.width"].tolist() == [0.5, 1.0]
    assert lines["attention.sizes"].fillna("").tolist() == ["[1,2]", ""]


def test_the_rows_of_a_notebook_are_those_of_table_csv(tmp_path: Path) -> None:
    made = document_of(small(tmp_path))
    found, rows = read_parquet(rows_parquet(made)), pd.read_csv(io.StringIO(table_csv(made)))
    assert found["row"].tolist() == rows["row"].tolist()
    for name in ("accuracy_mean", "delta_reference_p_holm", "latency_ms", "params_ratio"):
        pd.testing.assert_series_equal(found[name], rows[name])
    printed = [json.loads(text) if text else [] for text in found["published"]]
    assert [len(one) for one in printed] == [2, 0, 1, *[0] * 6]


@dataclass(frozen=True)
class Mirror:
    """The same records from another place."""

    ledger: Ledger
    name: str = "wandb://somebody/something"

    def plan(self, sweep: str) -> Plan:
        return self.ledger.plan(sweep)

    def record(self, key: str) -> Record | None:
        return self.ledger.record(key)

    def curves(self, key: str) -> Curves:
        return self.ledger.curves(key)

    def analysis(self, key: str, name: str) -> Mapping[str, Any] | None:
        return self.ledger.analysis(key, name)


def test_a_report_does_not_tell_where_its_records_are(tmp_path: Path) -> None:
    ledger = small(tmp_path)
    pivots = [parse({**ACROSS, "values": ["accuracy"]})]
    first, _ = report(ledger, "small", tmp_path / "first", pivots=pivots)
    second, _ = report(Mirror(ledger), "small", tmp_path / "second", pivots=pivots)
    names = sorted(path.name for path in first.iterdir())
    assert names == sorted(path.name for path in second.iterdir())
    for name in names:
        content = (first / name).read_bytes()
        assert content == (second / name).read_bytes(), name
        assert str(tmp_path).encode() not in content, name
        assert b"wandb" not in content or name == "index.html", name
