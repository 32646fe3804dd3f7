"""Columns as compact JSON inside a page: every text once, and nothing that could end a script."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from markupsafe import Markup

Column = list[Any] | dict[str, list[Any]]
"""The values themselves, or ``of``, the different ones, and ``at``, the place of each in it."""


def packed(columns: Mapping[Any, Iterable[Any]]) -> dict[str, Column]:
    """Columns by name; those that hold nothing are left out. What is not there is None."""
    found = {str(name): _column(values) for name, values in columns.items()}
    return {name: column for name, column in found.items() if column is not None}


def script(content: Any) -> Markup:
    """JSON that may stand between script tags, whatever its texts say."""
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return Markup(text.replace("<", "\\u003c"))


def _column(values: Iterable[Any]) -> Column | None:
    clean = [None if value is None or value != value else value for value in values]
    different = {value: place for place, value in enumerate(dict.fromkeys(clean))}
    if not set(different) - {None, ""}:
        return None
    is_number = all(value is None or isinstance(value, (int, float)) for value in different)
    if is_number or len(different) == len(clean):
        return clean
    return {"of": list(different), "at": [different[value] for value in clean]}
