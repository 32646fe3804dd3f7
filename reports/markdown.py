"""The tables in Markdown, as GitHub reads it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from reports.columns import SIGNS, Value
from reports.document import Document
from reports.pivot.finished import PivotTable
from reports.tables import Line, Table, reading

SPECIAL = re.compile(r"([\\`*_\[\]|~#$])")
KEYS = "The number of a row leads to the keys of its runs: `table.csv`, `runs.csv`."


def markdown(document: Document) -> str:
    """The whole report as one page of Markdown."""
    said = (document.about, f"{document.progress}.", document.protocols)
    parts = [f"# {escape(document.sweep)}", *map(escape, said)]
    for table in document.tables:
        parts += _table(table)
    return _page([*parts, "## How to read", _items(reading(document.tables)), KEYS])


def pivot_markdown(tables: Sequence[PivotTable]) -> str:
    """The tables of one pivot as a page of Markdown."""
    parts = [f"# {escape(tables[0].name)}", escape(tables[0].about)]
    for table in tables:
        titles, count = [*table.labels, *table.titles], len(table.labels)
        rule = [*[":--"] * count, *["--:"] * len(table.titles)]
        lines = [[*map(escape, one.labels), *map(_value, one.values)] for one in table.lines]
        rows = [[*map(escape, titles)], rule, *lines]
        parts += [f"## {escape(table.title)}", f"Protocol: {escape(table.setting)}."]
        parts += ["\n".join(map(_row, rows)), _items(table.remarks), _notes(table.notes)]
    return _page([*parts, "## How to read", _items(tables[0].reading)])


def escape(text: str) -> str:
    """Text that Markdown, and HTML inside it, shows as it is, on one line."""
    text = " ".join(text.split())
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return SPECIAL.sub(r"\\\1", text)


def _page(parts: Iterable[str]) -> str:
    return "\n\n".join(filter(None, parts)) + "\n"


def _table(table: Table) -> list[str]:
    titles = ["#", "Backbone", "Attention", "Pruning", *(c.title for c in table.columns)]
    rule = ["--:", *[":--"] * 3, *["--:"] * len(table.columns)]
    lines = [_row(map(escape, titles)), _row(rule), *map(_line, table.lines)]
    return [
        f"## {escape(table.title)}",
        f"Protocol: {escape(table.setting)}.",
        "\n".join(lines),
        _items(table.remarks),
        _notes(table.notes),
    ]


def _line(line: Line) -> str:
    labels = (escape(str(label)) for label in (line.backbone, line.attention, line.pruning))
    return _row([str(line.number), *labels, *map(_value, line.values)])


def _value(value: Value) -> str:
    """The number, the sign of its verdict, what is said beside it, marks of footnotes."""
    text = escape(value.text)
    aside = escape(value.aside) if value.aside.startswith("[") else f"({escape(value.aside)})"
    said = [f"**{text}**" if value.bold else text, SIGNS[value.verdict]]
    said += [aside] if value.aside else []
    marks = f"<sup>{','.join(value.marks)}</sup>" if value.marks else ""
    return " ".join(filter(None, said)) + marks


def _notes(notes: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"<sup>{mark}</sup> {escape(text)}  " for mark, text in notes)


def _row(texts: Iterable[str]) -> str:
    return f"| {' | '.join(texts)} |"


def _items(texts: Iterable[str]) -> str:
    return "\n".join(f"* {escape(text)}" for text in texts)
