"""What stands in each place of a pivot: its row's values, a word for why there are none, bold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import isnan

from reports.columns import Value
from reports.pivot.crossing import Crossing, Labels, number_of
from reports.pivot.entries import LATENCY, Entry
from reports.pivot.file import COSTS, TESTED
from reports.units import DASH, EQUAL, seeds

Place = tuple[Labels, Labels]
"""A line and a column."""
Values = tuple[Value, ...]
"""One for each value that the pivot asks for."""

NO_SUCH = "·"
"""A number that makes no sense for a row; where nothing stands, no row is planned."""


def values_of(crossing: Crossing) -> dict[Place, Values]:
    """The values of each place that has a row."""
    usual, bold = usual_seeds(crossing), set(_bold(crossing))
    names, best = crossing.pivot.values, crossing.pivot.best
    found = {}
    for place, entry in crossing.entries.items():
        values = [
            replace(
                value,
                text=value.text or NO_SUCH,
                bold=(place, name) in bold or (value.bold and best.get(name) == "max"),
            )
            for name, value in zip(names, _values(entry, names), strict=True)
        ]
        if entry.row["n"] and seeds_of(entry) != usual and "seeds" not in names:
            values[0] = _counted(values[0], names[0], entry)
        found[place] = tuple(values)
    return found


def usual_seeds(crossing: Crossing) -> str:
    """How many seeds most rows have that have any, as n=3 or n=2/3; empty if none has any."""
    counts = Counter(seeds_of(one) for one in crossing.entries.values() if one.row["n"])
    return counts.most_common(1)[0][0] if counts else ""


def seeds_of(entry: Entry) -> str:
    return seeds(entry.row["n"], entry.row["planned"])


def _values(entry: Entry, names: tuple[str, ...]) -> list[Value]:
    """As in the report's tables; of a row without any number, its state with the footnotes."""
    found = [entry.values.get(name, Value()) for name in names]
    if entry.row["n"]:
        return found
    accuracy = entry.values[TESTED]
    word = Value(DASH if entry.row["state"] == "missing" else accuracy.text)
    found = [
        word if name == TESTED or value.is_empty else value
        for name, value in zip(names, found, strict=True)
    ]
    marks = dict.fromkeys((*accuracy.marks, *found[0].marks))
    return [replace(found[0], marks=tuple(marks)), *found[1:]]


def _counted(value: Value, name: str, entry: Entry) -> Value:
    """A value with the number of seeds behind it; one that says its own keeps that."""
    others = [text for text in value.aside.split(", ") if not text.startswith("n=")]
    is_own = value.aside != ", ".join(others) and name != TESTED
    if is_own or value.text == NO_SUCH:
        return value
    return replace(value, aside=", ".join(filter(None, [*others, seeds_of(entry)])))


def _bold(crossing: Crossing) -> Iterator[tuple[Place, str]]:
    """Places and values that are the highest or lowest of their backbone, on one device."""
    for name, best in crossing.pivot.best.items():
        if name not in COSTS or best == "none":
            continue
        groups: dict[tuple[str, str, str], dict[Place, float]] = {}
        for place, entry in crossing.entries.items():
            if not entry.values.get(name, Value()).is_empty:
                group = entry.row["backbone"], entry.row["backbone_options"], entry.device
                groups.setdefault(group, {})[place] = number_of(entry, name)
        for numbers in groups.values():
            yield from ((place, name) for place in _leaders(numbers, best, name))


def _leaders(numbers: Mapping[Place, float], best: str, name: str) -> list[Place]:
    """The best number and those that are equal to it; times are within 2 %."""
    known = {place: number for place, number in numbers.items() if not isnan(number)}
    if len(known) < 2:
        return []
    top = max(known.values()) if best == "max" else min(known.values())
    slack = EQUAL * top if name == LATENCY.key else 0.0
    return [place for place, number in known.items() if abs(number - top) <= slack]
