"""A pivot's crossings as tables that can be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from reports.columns import COLUMNS, Value
from reports.pivot.crossing import Crossing, Labels
from reports.pivot.finished import NOTHING, PivotLine, PivotTable
from reports.pivot.headings import DAGGER, Column, columns, head, labels, shown, title
from reports.pivot.places import Place, Values, values_of
from reports.pivot.remarks import remarks


def finish(crossing: Crossing) -> PivotTable:
    """One table, ready to be written."""
    pivot, values, texts = crossing.pivot, values_of(crossing), shown(crossing)
    wanted = columns(crossing, values)
    cells = {line: _cells(crossing, line, wanted, values) for line in crossing.lines}
    notes = _marks(value for found in cells.values() for value in found)
    return PivotTable(
        name=pivot.name,
        title=title(crossing, texts),
        about=pivot.about,
        setting=crossing.any.table.setting,
        labels=labels(pivot.rows),
        head=tuple(head(crossing, wanted, texts)),
        lines=tuple(
            PivotLine(
                labels=tuple(texts[name] for name in zip(pivot.rows, line, strict=True)),
                values=tuple(_renumbered(value, notes) for value in found),
                rows=tuple(_row(crossing, line, column) for column, _ in wanted),
            )
            for line, found in cells.items()
        ),
        remarks=remarks(crossing, [value for found in cells.values() for value in found]),
        notes=tuple(_notes(crossing, notes, any(DAGGER in text for text in texts.values()))),
        reading=tuple(_reading(pivot.values)),
    )


def _cells(
    crossing: Crossing, line: Labels, wanted: Sequence[Column], values: Mapping[Place, Values]
) -> list[Value]:
    """The values of a line; empty where no row is planned."""
    nothing = (Value(),) * len(crossing.pivot.values)
    places = {name: place for place, name in enumerate(crossing.pivot.values)}
    return [values.get((line, column), nothing)[places[name]] for column, name in wanted]


def _row(crossing: Crossing, line: Labels, column: Labels) -> int:
    entry = crossing.entries.get((line, column))
    return entry.line.number if entry else NOTHING


def _marks(values: Iterable[Value]) -> dict[str, str]:
    """The marks of the report's table that are used, and what they are here."""
    used = dict.fromkeys(mark for value in values for mark in value.marks)
    return {mark: str(number) for number, mark in enumerate(used, start=1)}


def _renumbered(value: Value, notes: Mapping[str, str]) -> Value:
    return replace(value, marks=tuple(notes[mark] for mark in value.marks))


def _notes(
    crossing: Crossing, notes: Mapping[str, str], has_dagger: bool
) -> Iterator[tuple[str, str]]:
    texts = dict(crossing.any.table.notes)
    yield from ((own, texts[mark]) for mark, own in notes.items())
    if has_dagger and DAGGER in texts:
        yield DAGGER, texts[DAGGER]


def _reading(values: Sequence[str]) -> Iterator[str]:
    """How to read them; what one says of another's test comes with that."""
    for column in COLUMNS:
        is_named = column.key == "delta_reference" and "delta_parent" in values
        if column.key in values or is_named:
            yield f"{column.heading}: {column.about}"
