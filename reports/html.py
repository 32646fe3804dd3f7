"""The tables as plain HTML, to be pasted into a page or a mail: no script, no style sheet.

Mail readers drop style sheets, so that the little style there is stands with each element, and
takes its ink and ground from where it is pasted, light or dark.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from markupsafe import Markup, escape

from reports.columns import SIGNS, Value
from reports.document import Document
from reports.pivot.finished import PivotLine, PivotTable
from reports.plain import plain
from reports.tables import reading
from reports.templates import rendered

TEMPLATE = "pasted.html"


def html(document: Document) -> str:
    """The report's own tables."""
    about = (document.about, f"{document.progress}.", document.protocols)
    tables = [plain(table) for table in document.tables]
    return _rendered(document.sweep, about, tables, reading(document.tables))


def pivot_html(tables: Sequence[PivotTable]) -> str:
    """The tables of one pivot."""
    return _rendered(tables[0].name, (tables[0].about,), tables, tables[0].reading)


def _rendered(
    title: str, about: Iterable[str], tables: Sequence[PivotTable], reading: Iterable[str]
) -> str:
    values = {
        "title": title,
        "about": about,
        "tables": tables,
        "reading": [text.split(": ", 1) for text in reading],
        "groups": _groups,
        "cell": _cell,
    }
    return rendered(TEMPLATE, values) + "\n"


def _groups(table: PivotTable) -> Iterator[tuple[str | None, list[PivotLine]]]:
    """The lines that share the first of several labels, and that label."""
    if len(table.labels) < 2:
        yield None, list(table.lines)
        return
    for label, lines in groupby(table.lines, key=lambda line: line.labels[0]):
        yield label, list(lines)


def _cell(value: Value) -> Markup:
    """The number, the sign of its verdict, what is said beside it, marks of footnotes."""
    number = Markup("<strong>{}</strong>").format(value.text) if value.bold else escape(value.text)
    parts = [number]
    if value.verdict:
        sign = SIGNS[value.verdict]
        parts.append(Markup('<span title="{}">{}</span>').format(value.verdict, sign))
    if value.aside:
        parts.append(Markup("<small>{}</small>").format(value.aside))
    marks = Markup('<sup style="line-height:0">{}</sup>').format(",".join(value.marks))
    return Markup(" ").join(parts) + (marks if value.marks else "")
