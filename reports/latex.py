r"""The tables in LaTeX, for a paper: booktabs, to be used with ``\input{table}``.

Each protocol makes two tables, so that both fit a page: what the rows reach and cost, and the
details (what a search cost, accuracy of the selected epoch, before the refit, sparsity,
theoretical costs).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from reports.columns import Column, Value
from reports.document import Document
from reports.tables import Label, Table

REACHED = ("seeds", "accuracy", "published", "delta_reference", "delta_parent", "plugged")
COSTS = ("params", "macs", "latency")
MOST = 7
"""Where the first table would have more columns than this, the costs are among the details."""
LONG = 45
"""A table of more lines than this runs over several pages."""

HEAD = r"""% Made from the ledger by Triptych; do not edit. The comment behind a row names its runs.
% It compiles as it is inside this document:
%   \documentclass[10pt]{article}
%   \usepackage[margin=2cm]{geometry}
%   \usepackage{booktabs,longtable}
%   \begin{document}
%   \input{table}
%   \end{document}
"""
SIGNS = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "_": r"\_",
    "%": r"\%",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "`": r"\textasciigrave{}",
    "*": "{*}",
    "[": "{[}",
    "]": "{]}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "≈": r"$\approx$",
    "−": "$-$",
    "—": r"\textemdash{}",
    "–": r"\textendash{}",
    "Δ": r"$\Delta$",
    "†": r"\textsuperscript{\dag}",
}


def latex(document: Document) -> str:
    """The whole report as one file of LaTeX tables."""
    parts = [HEAD]
    about = f"{document.about}. " if document.about else ""
    for number, table in enumerate(document.tables, 1):
        label = f"tab:{re.sub('[^a-z0-9]+', '-', document.sweep.lower())}-{number}"
        main = _main(table.columns)
        details = [c for c in table.columns if c not in main]
        caption = escape(f"{about}{table.title}.")
        parts.append(_float(table, main, caption=caption, label=label, notes=_notes(table, main)))
        if details:
            caption, label = escape(f"Details: {table.title}."), f"{label}-details"
            notes = _notes(table, details)
            parts.append(_float(table, details, caption=caption, label=label, notes=notes))
    return "\n".join(parts)


def _main(columns: Sequence[Column]) -> list[Column]:
    reached = [column for column in columns if column.key in REACHED]
    both = [column for column in columns if column.key in (*REACHED, *COSTS)]
    return both if len(both) <= MOST else reached


def escape(text: str) -> str:
    """Text that LaTeX sets as it is, on one line; what is beyond ASCII as near as it can be."""
    return "".join(map(_sign, " ".join(text.split()))).replace("--", "-{}-")


def _sign(sign: str) -> str:
    if sign in SIGNS or " " <= sign <= "~":
        return SIGNS.get(sign, sign)
    plain = unicodedata.normalize("NFKD", sign).encode("ascii", "ignore").decode()
    return "".join(SIGNS.get(s, s) for s in plain) or f"U+{ord(sign):04X}"


def _float(
    table: Table, columns: Sequence[Column], *, caption: str, label: str, notes: Sequence[str]
) -> str:
    """One table with its caption above and its notes below; a long one breaks over pages."""
    shape = f"{{@{{}}ll{'r' * len(columns)}@{{}}}}"
    titles = ["Attention", "Pruning", *(escape(column.title) for column in columns)]
    heading = f"\\toprule\n{' & '.join(titles)} \\\\\n\\midrule"
    name = f"\\caption{{{caption}}}\\label{{{label}}}"
    style = "\\footnotesize\\setlength{\\tabcolsep}{3pt}"
    below = "\\par\\smallskip\n".join(notes)
    body = "\n".join(_body(table, columns))
    if len(table.lines) > LONG:
        return (
            f"{{{style}\n\\begin{{longtable}}{shape}\n{name} \\\\\n{heading}\n\\endhead\n"
            f"\\bottomrule\n\\endfoot\n{body}\n\\end{{longtable}}\n\\noindent\n{below}\\par}}\n"
        )
    return (
        f"\\begin{{table*}}[tp]\n\\centering{style}\n{name}\n\\begin{{tabular}}{shape}\n"
        f"{heading}\n{body}\n\\bottomrule\n\\end{{tabular}}\n"
        f"\\par\\medskip\n\\begin{{minipage}}{{\\linewidth}}\\scriptsize\\raggedright\n"
        f"{below}\n\\end{{minipage}}\n\\end{{table*}}\n"
    )


def _body(table: Table, columns: Sequence[Column]) -> Iterable[str]:
    places = [table.columns.index(column) for column in columns]
    for number, (backbone, lines) in enumerate(table.backbones.items()):
        if number:
            yield "\\addlinespace"
        name = f"\\textit{{{_label(backbone)}}}"
        yield f"\\multicolumn{{{len(columns) + 2}}}{{@{{}}l}}{{{name}}} \\\\"
        for line in lines:
            texts = [_label(line.attention), _label(line.pruning)]
            texts += [_value(line.values[place]) for place in places]
            yield f"{' & '.join(texts)} \\\\ % row {line.number}: {' '.join(line.keys)}"


def _label(label: Label) -> str:
    return escape(str(label))


def _value(value: Value) -> str:
    text = escape(value.text)
    text = f"\\textbf{{{text}}}" if value.bold else text
    aside = f" {{\\scriptsize {escape(value.aside)}}}" if value.aside else ""
    return f"{text}{aside}{_mark(','.join(value.marks))}"


def _mark(mark: str) -> str:
    return SIGNS.get(mark) or (f"\\textsuperscript{{{mark}}}" if mark else "")


def _notes(table: Table, columns: Sequence[Column]) -> list[str]:
    """What stands below: footnotes and remarks with the main table, for both how to read it."""
    read = [escape(f"{column.heading}: {column.about}") for column in columns]
    if "accuracy" not in {column.key for column in columns}:
        return [" ".join(read)]
    marked = [f"{_mark(mark)} {escape(text)}" for mark, text in table.notes]
    said = [escape(f"Protocol: {table.setting}."), *map(escape, table.remarks)]
    return [*marked, *said, " ".join(read)]
