"""Further tables of a report: names of ``conf/table``, or pivots as they stand there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from reports.pivot.asked import Pivot
from reports.pivot.file import mistakes, parse
from sweeps.errors import near_miss
from sweeps.overrides import CONF, names, read_yaml

AXIS = "table"


def tables(asked: Any) -> tuple[Mapping[str, Any], ...]:
    """The setting ``tables`` as plain data, each table with its name and all that is in its file.

    Args:
        asked: a name, a pivot, or a list of them; nothing is no table. A pivot without a name is
            called by its place.

    Raises:
        UserError: a file of ``conf/table`` is no yaml.
    """
    return tuple(_content(one, place) for place, one in enumerate(_list(asked), start=1))


def impossible_tables(asked: Any) -> list[str]:
    """What is wrong with the setting ``tables``."""
    known = names(AXIS)
    unknown = [one for one in _list(asked) if not isinstance(one, Mapping) and one not in known]
    problems = [near_miss(AXIS, str(one), known) for one in unknown]
    found = tables([one for one in _list(asked) if one not in unknown])
    for content in found:
        problems += mistakes(content)
    counts = Counter(str(content.get("name")) for content in found)
    return problems + [
        f"tables: {count} are called {name}; give them names of their own with name: ..."
        for name, count in counts.items()
        if count > 1
    ]


def pivots(contents: Sequence[Mapping[str, Any]]) -> tuple[Pivot, ...]:
    """What ``tables`` made, for a report.

    Raises:
        UserError: a mistake in it.
    """
    return tuple(map(parse, contents))


def _content(asked: Any, place: int) -> Mapping[str, Any]:
    if isinstance(asked, Mapping):
        return {"name": str(place), **asked}
    return {**read_yaml(CONF / AXIS / f"{asked}.yaml"), "name": str(asked)}


def _list(asked: Any) -> list[Any]:
    if asked is None or asked == "":
        return []
    return asked if isinstance(asked, list) else [asked]
