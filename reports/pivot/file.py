"""How a pivot is written: plain data, from ``conf/table/<name>.yaml`` or the command line.

    name     that of its files
    about    what it shows, one line
    rows     fields, one or several: a line for each of their combinations
    columns  fields: a column for each of their combinations; none makes a plain list
    values   what stands where they meet: columns of the report's tables
    where    {field: value or values}: the rest is left out. A value may be a glob; null stands
             for "has no such option"
    order    {field or value: ascending | descending}; as in the report where nothing is said
    best     {value: max | min | none}: which one is bold
    split    fields: a table for each of their combinations; protocol where nothing is said

A field is a part of a cell (``attention``), one of its options (``attention.reduction``), the
``protocol`` that keeps the report's own tables apart, or the ``device`` of a latency, with all of
its setting. A part is called what the report calls it, with the options that vary: less those that
are fields of their own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from reports.columns import COLUMNS
from reports.names import PARTS
from reports.pivot.asked import Pivot
from sweeps.errors import UserError, near_miss

PROTOCOL, DEVICE = "protocol", "device"
FIELDS = (*PARTS, PROTOCOL, DEVICE)
VALUES = tuple(dict.fromkeys(column.kind for column in COLUMNS))
PLACES = ("rows", "columns", "split")
LISTS = (*PLACES, "values")
WORDS = {"order": ("ascending", "descending"), "best": ("max", "min", "none")}
SECTIONS = ("where", *WORDS)
KEYS = ("name", "about", *LISTS, *SECTIONS)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")

TESTED = "accuracy"
"""The one value of which a test says whether it is above the others."""
COSTS = ("params", "macs", "latency", "params_nonzero", "macs_nonzero")
"""Values of which the highest or lowest is bold as it is."""


def parse(content: Mapping[str, Any]) -> Pivot:
    """A pivot from plain data.

    Raises:
        UserError: everything that is wrong with it, one problem a line.
    """
    if found := mistakes(content):
        raise UserError("\n".join(found))
    lists = {key: tuple(_list(content, key)) for key in LISTS}
    where = {field: tuple(map(_text, _several(v))) for field, v in _section(content, "where")}
    return Pivot(
        name=content["name"],
        about=content.get("about") or "",
        rows=lists["rows"],
        columns=lists["columns"],
        values=lists["values"],
        where=where,
        order={name: way == "descending" for name, way in _section(content, "order")},
        best={TESTED: "max", **dict(_section(content, "best"))},
        split=lists["split"] if "split" in content else (PROTOCOL,),
    )


def mistakes(content: Any) -> list[str]:
    """What is wrong with a pivot, as far as that can be told before a report is read."""
    if not isinstance(content, Mapping):
        return [f"table {content}: must be keys and values, such as rows: [backbone]"]
    name = content.get("name")
    if not (isinstance(name, str) and NAME.fullmatch(name)):
        return [f"table name={name}: must be letters, digits, _ and -"]
    found = [near_miss("key", str(key), KEYS) for key in content if key not in KEYS]
    if malformed := list(_malformed(content)):
        found += malformed
    else:
        unknown = list(_unknown(content))
        found += [*unknown, *_repeated(content), *_meaningless(content)]
        found += [] if unknown else _misplaced(content)
    return [f"table {name}: {problem}" for problem in dict.fromkeys(found)]


def is_field(name: str) -> bool:
    """Whether it is a field; which options a part has is known when a report is read."""
    part, _, option = name.partition(".")
    return name in FIELDS or (part in PARTS and option != "")


def _malformed(content: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(content.get("about") or "", str):
        yield f"about={content['about']}: must be text"
    for key in LISTS:
        if not all(isinstance(one, str) for one in _list(content, key)):
            yield f"{key}={content[key]}: must be a name or a list of names"
    for key in ("rows", "values"):
        if not _list(content, key):
            yield f"{key}: must name one at least"
    for key in SECTIONS:
        if not isinstance(content.get(key) or {}, Mapping):
            yield f"{key}={content[key]}: must be keys and values"


def _unknown(content: Mapping[str, Any]) -> Iterator[str]:
    """Fields and values that do not exist."""
    for field in (*_placed(content), *dict(_section(content, "where"))):
        if not is_field(field):
            yield near_miss("field", str(field), FIELDS)
    for value in (*_list(content, "values"), *dict(_section(content, "best"))):
        if value not in VALUES:
            yield near_miss("value", str(value), VALUES)


def _repeated(content: Mapping[str, Any]) -> Iterator[str]:
    for names, where in ((_placed(content), PLACES), (_list(content, "values"), ("values",))):
        for name in names:
            if names.count(name) > 1:
                yield f"{name}: must stand in {', '.join(where)} only once"


def _misplaced(content: Mapping[str, Any]) -> Iterator[str]:
    """Names that say something of what is not there."""
    fields, values = _placed(content), _list(content, "values")
    has_columns = bool(_list(content, "columns"))
    for name in dict(_section(content, "order")):
        if name in values and has_columns:
            yield f"order.{name}: a line has several of it, one for each column; order by a field"
        elif name not in (*fields, *values):
            yield near_miss("field or value to order by", str(name), (*fields, *values))
    for name in dict(_section(content, "best")):
        if name in VALUES and name not in values:
            yield f"best.{name}: is none of its values; they are {', '.join(values)}"


def _meaningless(content: Mapping[str, Any]) -> Iterator[str]:
    """Words that nothing can be made of where they stand."""
    for key, words in WORDS.items():
        for name, word in _section(content, key):
            allowed = words if key == "order" else _best_words(name)
            if word not in allowed:
                yield f"{key}.{name}={word}: must be {' or '.join(allowed)}"
    for field, wanted in _section(content, "where"):
        plain = _several(wanted)
        if not plain or any(isinstance(one, list | Mapping) for one in plain):
            yield f"where.{field}={wanted}: must be a value or a list of values"


def _best_words(value: str) -> tuple[str, ...]:
    """Differences have a verdict of their own, and other means have no test."""
    if value in COSTS:
        return WORDS["best"]
    return ("max", "none") if value == TESTED else ("none",)


def _placed(content: Mapping[str, Any]) -> list[Any]:
    return [field for key in PLACES for field in _list(content, key)]


def _list(content: Mapping[str, Any], key: str) -> list[Any]:
    asked = content.get(key)
    return [] if asked is None else _several(asked)


def _section(content: Mapping[str, Any], key: str) -> list[tuple[str, Any]]:
    return list((content.get(key) or {}).items())


def _several(asked: Any) -> list[Any]:
    return list(asked) if isinstance(asked, list | tuple) else [asked]


def _text(value: Any) -> str | None:
    """A wanted value as options are written in a report."""
    return value if value is None or isinstance(value, str) else json.dumps(value)
