"""The tables in Markdown, as GitHub reads it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from reports.columns import Value
from reports.document import Document
from reports.tables import Line, Table, reading

SPECIAL = re.compile(r"([\\`*_\[\]|~#$])")


def markdown(document: Document) -> str:
    """The whole report as one page of Markdown."""
    parts = [f"# {escape(document.sweep)}", escape(document.about), escape(document.progress) + "."]
    for table in document.tables:
        parts += _table(table)
    parts += ["## How to read", _items(reading(document.tables))]
    parts += ["The number of a row leads to the keys of its runs: `table.csv`, `runs.csv`."]
    return "\n\n".join(part for part in parts if part) + "\n"


def escape(text: str) -> str:
    """Text that Markdown, and HTML inside it, shows as it is, on one line."""
    text = " ".join(text.split())
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return SPECIAL.sub(r"\\\1", text)


def _table(table: Table) -> list[str]:
    titles = ["#", "Backbone", "Attention", "Pruning", *(c.title for c in table.columns)]
    rule = ["--:", *[":--"] * 3, *["--:"] * len(table.columns)]
    lines = [_row(map(escape, titles)), _row(rule), *map(_line, table.lines)]
    notes = [f"<sup>{mark}</sup> {escape(text)}  " for mark, text in table.notes]
    return [
        f"## {escape(table.title)}",
        f"Protocol: {escape(table.setting)}.",
        "\n".join(lines),
        _items(table.remarks),
        "\n".join(notes),
    ]


def _line(line: Line) -> str:
    labels = (escape(str(label)) for label in (line.backbone, line.attention, line.pruning))
    return _row([str(line.number), *labels, *map(_value, line.values)])


def _value(value: Value) -> str:
    text = escape(value.text)
    text = f"**{text}**" if value.bold else text
    aside = f" ({escape(value.aside)})" if value.aside else ""
    return f"{text}{aside}" + (f"<sup>{','.join(value.marks)}</sup>" if value.marks else "")


def _row(texts: Iterable[str]) -> str:
    return f"| {' | '.join(texts)} |"


def _items(texts: Iterable[str]) -> str:
    return "\n".join(f"* {escape(text)}" for text in texts)
