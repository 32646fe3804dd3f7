"""The compact table that a sweep prints when it ends."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

from reports.document import Document
from reports.tables import Line, Table
from sweeps.source import Source

WIDTH = 100
SHOWN = (
    *("seeds", "accuracy", "published", "delta_parent", "plugged", "params", "macs", "latency"),
)
SPARE = ("macs", "params", "plugged", "published")
"""What gives way, in this order, where the table would be too wide."""
WITH_ASIDE = ("latency",)
NARROW, WIDE = 8, 26
"""Columns of labels are at least so wide; before one that needs no more than WIDE is cut, columns
give way."""


def terminal_table(
    source: Source, sweep: str, *, reconstructions: AbstractSet[str] = frozenset()
) -> str:
    """The tables of a sweep in plain text, at most ``WIDTH`` characters wide.

    Raises:
        UserError: the sweep is not in the source.
    """
    document = Document.of(source, sweep, reconstructions)
    parts = [part for table in document.tables for part in _table(table)]
    return "\n".join([*parts, document.progress])


def _table(table: Table) -> Iterable[str]:
    places = _places(table)
    titles = _titles(table, places)
    body = {
        backbone: [_texts(table, line, places) for line in lines]
        for backbone, lines in table.backbones.items()
    }
    widths = _widths([titles, *(texts for lines in body.values() for texts in lines)])
    yield _clean(table.title)
    yield _wrapped(table.setting)
    yield ""
    yield _aligned(titles, widths)
    for backbone, lines in body.items():
        yield _clean(str(backbone))
        yield from (_aligned(texts, widths) for texts in lines)
    yield ""
    yield from (_wrapped(remark) for remark in table.remarks)
    yield from (_wrapped(f"[{mark}] {text}") for mark, text in table.notes)
    yield ""


def _places(table: Table) -> list[int]:
    """Which of the table's columns are shown: as many as fit."""
    left = {column.key: place for place, column in enumerate(table.columns) if column.key in SHOWN}
    for key in SPARE:
        places = list(left.values())
        texts = [_titles(table, places), *(_texts(table, line, places) for line in table.lines)]
        labels = [min(max(len(line[place]) for line in texts), WIDE) for place in (0, 1)]
        if _fixed(texts) + sum(labels) <= WIDTH:
            break
        left.pop(key, None)
    return list(left.values())


def _titles(table: Table, places: Sequence[int]) -> list[str]:
    return ["Attention", "Pruning", *(table.columns[place].title for place in places)]


def _fixed(lines: Sequence[Sequence[str]]) -> int:
    """The width of all but the labels."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)][2:]
    return 2 + 2 * (len(widths) + 1) + sum(widths)


def _texts(table: Table, line: Line, places: Sequence[int]) -> list[str]:
    texts = [_clean(str(line.attention)), _clean(str(line.pruning))]
    for place in places:
        value = line.values[place]
        aside = f" {value.aside}" if table.columns[place].key in WITH_ASIDE else ""
        mark = f" [{','.join(value.marks)}]" if value.marks else ""
        texts.append(f"{value.text}{aside}{mark}")
    return texts


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
