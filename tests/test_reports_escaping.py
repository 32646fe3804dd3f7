"""Names, options and errors that mean something in a format stay plain text there."""

from __future__ import annotations

import re
from pathlib import Path

from html_reader import read_page
from ledgers import HOSTILE, SE, cell, document, document_of, failed, hostile, ledger_of
from pivots import compared

from reports import latex as latex_format
from reports import markdown as markdown_format
from reports.latex import latex
from reports.latex.write import HEAD, TAIL
from reports.markdown import markdown, pivot_markdown
from reports.report import build
from reports.terminal import WIDTH, terminal_table
from sweeps.cell import Choice


def test_nothing_is_unescaped_in_latex(tmp_path: Path) -> None:
    text = latex(document_of(hostile(tmp_path)))
    assert text.isascii()
    lines = [re.sub(r" % row \d+:[ 0-9a-f]+$", "", line) for line in text.splitlines()]
    body = "\n".join(lines).removeprefix(HEAD).removesuffix(TAIL.rstrip())
    bare = re.sub(r"\\[%&#_${}\\]", "", body)
    assert not set('%#_~^<>|"') & set(bare)
    assert bare.count("{") == bare.count("}")
    signs = re.findall(r"\$([^$]*)\$", bare)
    assert set(signs) <= {r"\pm", r"\times", r"\approx", r"\Delta", r"\uparrow", r"\downarrow", "-"}
    begun, ended = (re.findall(rf"\\{word}\{{(\S+?)\}}", body) for word in ("begin", "end"))
    assert sorted(begun) == sorted(ended)


def test_every_latex_row_has_as_many_cells_as_columns(tmp_path: Path) -> None:
    text = latex(document_of(hostile(tmp_path)))
    begin = r"\\begin\{tabular\}\{(@\{\}.*?@\{\})\}\n\\toprule"
    tabulars = re.findall(rf"{begin}(.*?)\\bottomrule", text, re.DOTALL)
    assert len(tabulars) > 1
    for spec, body in tabulars:
        shape = re.sub(r"@\{[^}]*\}", "", spec)
        rows = [line for line in body.splitlines() if " % row " in line]
        counts = {len(re.findall(r"(?<!\\)&", line.split(" % row ")[0])) + 1 for line in rows}
        assert len(rows) == 5
        assert counts == {len(shape)}


def test_markdown_cells_stay_in_their_columns(tmp_path: Path) -> None:
    text = markdown(document_of(hostile(tmp_path)))
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in rows} == {len(rows[0].split(" | ")) + 1}
    assert "<script" not in text


def test_a_pivot_in_markdown_stays_in_its_columns(tmp_path: Path) -> None:
    text = pivot_markdown(compared(document_of(hostile(tmp_path))))
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in rows}) == 1
    assert "<script" not in text


SCRIPTS = 5
"""Of a page: an early one, the content as JSON, two libraries, our own."""


def test_nothing_is_unescaped_in_html(tmp_path: Path) -> None:
    reader = read_page(document_of(hostile(tmp_path)))
    assert reader.tags.count("script") == SCRIPTS
    assert "<script>alert(2)</script>" in reader.text
    assert HOSTILE in reader.text
    assert not [name for name, _ in reader.values if name.startswith("on")]


def test_an_error_cannot_drive_the_terminal(tmp_path: Path) -> None:
    one = cell(Choice("b", {"o": "x" * 150}), attention=Choice("a" * 150))
    ledger = ledger_of(tmp_path, [(one, failed(one, "\x1b[2Jgone"))])
    text = terminal_table(document_of(ledger))
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= WIDTH


def test_text_is_escaped_sign_by_sign() -> None:
    assert latex_format.escape("50 %_x & é ☃\n<b> --o") == (
        r"50 \%\_x \& \'{e} U+2603 \textless{}b\textgreater{} -{}-o"
    )
    assert latex_format.escape("5×10⁻³ m² H₂O ½ µ Λ ≤ ’ Łukasz ---") == (
        r"5$\times$10\textsuperscript{$-$}\textsuperscript{3} m\textsuperscript{2} "
        r"H\textsubscript{2}O $\frac{1}{2}$ $\mu$ $\Lambda$ $\leq$ \textquoteright{} "
        r"\L{}ukasz -{}-{}-"
    )
    assert markdown_format.escape("a|b *c* <d> & `e`\nf") == r"a\|b \*c\* &lt;d&gt; &amp; \`e\` f"


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
