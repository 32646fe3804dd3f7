"""Whether a record is one: what everything that reads it relies on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from sweeps.cell import AXES

STATUSES = ("done", "failed")


def is_mapping(value: Any) -> bool:
    """Whether this has keys and values."""
    return isinstance(value, Mapping)


def _is_mapping_or_none(value: Any) -> bool:
    return value is None or isinstance(value, Mapping)


def _is_cell(value: Any) -> bool:
    return is_mapping(value) and {*AXES, "seed"} <= value.keys()


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def is_number(value: Any) -> bool:
    """Whether this is a finite number, and no truth value."""
    return type(value) in (int, float) and isfinite(value)


def is_share(value: Any) -> bool:
    """Whether this is a number from 0 to 1."""
    return is_number(value) and 0 <= value <= 1


def _are_numbers(value: Any) -> bool:
    return is_mapping(value) and all(map(is_number, value.values()))


Check = tuple[tuple[str, ...], Callable[[Any], bool], str]
"""Where it stands in a record, whether it is right, and what it must be."""

ALL: tuple[Check, ...] = (
    (("status",), STATUSES.__contains__, "done or failed"),
    (("cell",), _is_cell, "a cell"),
    (("latency",), _is_mapping_or_none, "null or a mapping"),
    (("seconds",), _are_numbers, "a number for each phase"),
    (("provenance",), _is_mapping_or_none, "null or a mapping"),
)
DONE: tuple[Check, ...] = (
    (("provenance", "sources"), is_mapping, "a digest for each axis"),
    (("result", "accuracy"), is_share, "a number from 0 to 1"),
    (("result", "cost"), _are_numbers, "numbers"),
    (("result", "weights"), _is_text, "a digest"),
)
FAILED: tuple[Check, ...] = (
    (("error", "type"), _is_text, "a text"),
    (("error", "message"), _is_text, "a text"),
)


def record_problem(record: Mapping[str, Any]) -> str:
    """What is wrong with a record, as ``result.accuracy is nan, must be ...``; empty if nothing."""
    checks = (*ALL, *(DONE if record.get("status") == "done" else FAILED))
    for place, is_right, wanted in checks:
        value: Any = record
        for name in place:
            value = value.get(name) if isinstance(value, Mapping) else None
        if not is_right(value):
            came = "missing" if value is None else repr(value)[:40]
            return f"{'.'.join(place)} is {came}, must be {wanted}"
    return ""
