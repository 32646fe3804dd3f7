r"""The report's tables and pivots as files of LaTeX.

A file compiles as it is, and works by ``\input`` in a paper: it starts a document only where none
has begun. What is too wide for a page is written as several tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from reports.document import Document
from reports.latex.fit import fitting, spans
from reports.latex.layout import Frame, laid_out, mark
from reports.latex.text import breakable
from reports.pivot.finished import PivotTable
from reports.plain import plain
from reports.tables import Table

TOGETHER = (
    ("seeds", "accuracy", "published", "delta_reference", "delta_parent", "plugged"),
    ("params", "macs", "latency"),
)
"""Columns of the report's tables, by kind, that stay together where a page has room for them."""

HEAD = r"""% Made by Triptych; do not edit. The comment behind a row names its runs.
% It compiles as it is, and by \input in a paper that has \usepackage{booktabs,longtable}.
\expandafter\ifx\csname @nodocument\endcsname\relax
  \def\triptychend{}%
\else
  \documentclass[10pt]{article}
  \usepackage[margin=2cm]{geometry}
  \usepackage{booktabs,longtable}
  \begin{document}
  \def\triptychend{\end{document}}%
\fi
% A long table needs a page of one column.
\def\triptychlong{\csname if@twocolumn\endcsname
  \onecolumn\let\triptychback\twocolumn\else\let\triptychback\relax\fi}%
"""
TAIL = "\\triptychend\n"


def latex(document: Document) -> str:
    """The report's own tables."""
    keys = {line.number: " ".join(line.keys) for one in document.tables for line in one.lines}
    about = f"{document.about}. " if document.about else ""
    parts: list[str] = []
    for number, table in enumerate(document.tables, 1):
        name = f"{document.sweep}-{number}"
        whole, groups = plain(table), _groups(table)
        parts += _sheets(whole, groups, name, about=about, keys=keys)
    return "\n".join([HEAD, *parts, TAIL])


def pivot_latex(tables: Sequence[PivotTable], sweep: str) -> str:
    """The tables of one pivot."""
    parts: list[str] = []
    for number, table in enumerate(tables, 1):
        name = f"{sweep}-{table.name}-{number}"
        about = f"{table.about}. " if table.about else ""
        parts += _sheets(table, spans(table), name, about=about, keys={})
    return "\n".join([HEAD, *parts, TAIL])


def _groups(table: Table) -> list[list[int]]:
    """The places of columns, those of TOGETHER together."""
    kinds = [column.kind for column in table.columns]
    groups = [[n for n, kind in enumerate(kinds) if kind in names] for names in TOGETHER]
    alone = [[n] for n, kind in enumerate(kinds) if not any(kind in names for names in TOGETHER)]
    return [*filter(None, groups), *alone]


def _sheets(
    table: PivotTable,
    groups: Sequence[Sequence[int]],
    name: str,
    *,
    about: str,
    keys: Mapping[int, str],
) -> Iterator[str]:
    """A table, in as many parts as pages need; what holds for all stands below the first."""
    label = f"tab:{re.sub('[^a-z0-9]+', '-', name.lower())}"
    for number, part in enumerate(fitting(table, groups), 1):
        said, own = (about, label) if number == 1 else ("Continued: ", f"{label}-{number}")
        caption = breakable(f"{said}{table.title}.")
        notes = list(_notes(part, is_first=number == 1))
        yield laid_out(part, Frame(caption, own, notes, keys))


def _notes(table: PivotTable, *, is_first: bool) -> Iterator[str]:
    """Footnotes that the part has; below the first one what holds for all."""
    marks = {mark for line in table.lines for value in line.values for mark in value.marks}
    for sign, text in table.notes:
        if sign in marks or (is_first and not sign.isdigit()):
            yield f"{mark(sign)} {breakable(text)}"
    if is_first:
        yield breakable(f"Protocol: {table.setting}.")
        yield from map(breakable, table.remarks)
        yield breakable(" ".join(table.reading))
