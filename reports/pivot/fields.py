"""The fields of a pivot: what a row of the report's tables is called in each."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from reports.names import PARTS
from reports.pivot.file import DEVICE, PROTOCOL

BITS = "attention.connect"
"""An option whose digits are no number: the blocks that have attention."""
Row = Mapping[str, Any]
"""A line of `reports.rows.aggregate`."""


def text_of(row: Row, device: str, field: str, apart: Collection[str]) -> str | None:
    """What a row is called in a field; None if it has no such option.

    Args:
        device: that of its latency.
        apart: the fields that are told apart beside this one: the options among them are left out
            of the part's own name.
    """
    if field in PARTS:
        return _part(row, field, apart)
    if field == DEVICE:
        return device
    return row[PROTOCOL] if field == PROTOCOL else option(row, field)


def heading_of(field: str, text: str | None) -> str:
    """The text above a column, where nothing else says of which field it is."""
    name = field.rpartition(".")[2]
    if "." not in field:
        return text or f"no {field}"
    return f"no {name}" if text is None else f"{name}={text}"


def option_field(part: str, name: str) -> str:
    """The field that is an option of a part; those of a refit have its name before them anyway."""
    return name if name.startswith(f"{part}.") else f"{part}.{name}"


def option(row: Row, field: str) -> str | None:
    """An option of a part, as ``attention.reduction``; that of a refit is ``refit.epochs``."""
    part, _, name = field.partition(".")
    setup: dict[str, str] = dict(row[f"{part}_setup"])
    return setup.get(name, setup.get(field))


def options(rows: Iterable[Row], part: str) -> list[str]:
    """The fields that are options of a part, of any of the rows."""
    return sorted({option_field(part, name) for row in rows for name, _ in row[f"{part}_setup"]})


def answers(row: Row, device: str, field: str) -> list[str | None]:
    """All that a row answers to when it is asked for by a field: a part by its name alone, too."""
    found = [text_of(row, device, field, ())]
    return [row[field], *found] if field in PARTS else found


def _part(row: Row, part: str, apart: Collection[str]) -> str:
    """Name and options that vary, as the report's tables have it."""
    said = [row[part], _without(row, part, apart)]
    if part == "pruning" and "refit" not in apart:
        said.append(_without(row, "refit", apart))
    return " ".join(filter(None, said))


def _without(row: Row, part: str, apart: Collection[str]) -> str:
    """The options of a part that vary, without those that are fields of their own."""
    left = f" {row[f'{part}_options']} "
    for name, value in row[f"{part}_setup"]:
        if option_field(part, name) in apart:
            left = left.replace(f" {name}={value} ", " ")
    return re.sub(" +", " ", left).strip()
