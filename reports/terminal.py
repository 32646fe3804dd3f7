"""The compact table that a sweep prints when it ends."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from itertools import islice

from reports.columns import SIGNS, Value
from reports.document import Document
from reports.tables import Table

WIDTH = 100
SHOWN = (
    *("seeds", "accuracy", "published", "delta_parent", "plugged", "params", "macs", "latency"),
)
SPARE = ("macs", "params", "plugged", "published")
"""What gives way, in this order, where the table would be too wide: after the intervals."""
WITH_ASIDE, WITH_INTERVAL = ("latency",), ("delta_parent",)
"""What is said beside these is shown: always, and where there is room."""
LEGEND = (
    "↑ better, ↓ worse, = not told apart, by a paired t test over seeds: accuracies from the best "
    "of the backbone, differences from zero. How to read them: table.md"
)
NARROW, WIDE = 8, 26
"""Columns of labels are at least so wide; before one that needs no more than WIDE is cut, columns
give way."""


def terminal_table(document: Document) -> str:
    """The tables of a sweep in plain text, at most ``WIDTH`` characters wide."""
    parts = [part for table in document.tables for part in _table(table)]
    several = [_wrapped(document.protocols)] if document.protocols else []
    return "\n".join([*parts, *several, document.progress])


def _table(table: Table) -> Iterable[str]:
    titles, *lines = _texts(table)
    widths = _widths([titles, *lines])
    yield _clean(table.title)
    yield _wrapped(table.setting)
    yield ""
    yield _aligned(titles, widths)
    rest = iter(lines)
    for backbone, own in table.backbones.items():
        yield _wrapped(str(backbone))
        yield from (_aligned(texts, widths) for texts in islice(rest, len(own)))
    yield ""
    if any(value.verdict for line in table.lines for value in line.values):
        yield _wrapped(LEGEND)
    yield from (_wrapped(remark) for remark in table.remarks)
    yield from (_wrapped(f"[{mark}] {text}") for mark, text in table.notes)
    yield ""


def _texts(table: Table) -> list[list[str]]:
    """The titles and a line for each row, in the order of its backbones, with as much as fits."""
    asides, shown = [*WITH_ASIDE, *WITH_INTERVAL], list(SHOWN)
    texts = _all_texts(table, shown, asides)
    asides = list(WITH_ASIDE)
    for spare in (None, *SPARE):
        if _fits(texts):
            break
        shown = [key for key in shown if key != spare]
        texts = _all_texts(table, shown, asides)
    return texts


def _all_texts(table: Table, shown: Sequence[str], asides: Sequence[str]) -> list[list[str]]:
    lines = [line for own in table.backbones.values() for line in own]
    columns = [
        ["Attention", *(_clean(str(line.attention)) for line in lines)],
        ["Pruning", *(_clean(str(line.pruning)) for line in lines)],
    ]
    for place, column in enumerate(table.columns):
        if column.key in shown:
            values = [line.values[place] for line in lines]
            columns.append([column.title, *_column(values, has_aside=column.key in asides)])
    return [list(texts) for texts in zip(*columns, strict=True)]


def _column(values: Sequence[Value], *, has_aside: bool) -> list[str]:
    """Numbers below each other, and so what stands behind them: the sign of a verdict first."""
    numbers = [value.text for value in values]
    has_sign = any(value.verdict for value in values)
    signs = [f" {SIGNS[value.verdict] or ' '}" if has_sign else "" for value in values]
    asides = [f" {value.aside}" if has_aside and value.aside else "" for value in values]
    marks = [f" [{','.join(value.marks)}]" if value.marks else "" for value in values]
    rest = ["".join(parts) for parts in zip(signs, asides, marks, strict=True)]
    left, right = (max(map(len, texts)) for texts in (numbers, rest))
    return [f"{n:>{left}}{r:<{right}}" for n, r in zip(numbers, rest, strict=True)]


def _fits(texts: Sequence[Sequence[str]]) -> bool:
    labels = [min(max(len(line[place]) for line in texts), WIDE) for place in (0, 1)]
    return _fixed(texts) + sum(labels) <= WIDTH


def _fixed(lines: Sequence[Sequence[str]]) -> int:
    """The width of all but the labels."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)][2:]
    return 2 + 2 * (len(widths) + 1) + sum(widths)


def _widths(lines: Sequence[Sequence[str]]) -> list[int]:
    """As wide as the longest text of a column; the labels give way where it is too much."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    spare = WIDTH - _fixed(lines)
    widths[0] = min(widths[0], max(spare - min(widths[1], spare * 2 // 3), NARROW))
    widths[1] = min(widths[1], max(spare - widths[0], NARROW))
    return widths


def _aligned(texts: Sequence[str], widths: Sequence[int]) -> str:
    cut = [t if len(t) <= w else f"{t[: w - 1]}…" for t, w in zip(texts, widths, strict=True)]
    labels = [text.ljust(width) for text, width in zip(cut[:2], widths[:2], strict=True)]
    numbers = [text.rjust(width) for text, width in zip(cut[2:], widths[2:], strict=True)]
    return f"  {'  '.join([*labels, *numbers])}".rstrip()


def _wrapped(text: str) -> str:
    return textwrap.fill(_clean(text), WIDTH, subsequent_indent="    ")


def _clean(text: str) -> str:
    """One line without control signs, so that an error's text cannot drive the terminal."""
    return "".join(sign if sign.isprintable() else " " for sign in text)
