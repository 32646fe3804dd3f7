"""Whether a record or a plan is one: what everything that reads them relies on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import TYPE_CHECKING, Any

from sweeps.cell import AXES
from sweeps.published import EPOCHS

if TYPE_CHECKING:
    from sweeps.ledger import Plan

STATUSES = ("done", "failed")


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_mapping_or_none(value: Any) -> bool:
    return value is None or isinstance(value, Mapping)


def _is_cell(value: Any) -> bool:
    return _is_mapping(value) and {*AXES, "seed"} <= value.keys()


def is_number(value: Any) -> bool:
    """Whether this is a finite number, and no truth value."""
    return type(value) in (int, float) and isfinite(value)


def _is_share(value: Any) -> bool:
    return is_number(value) and 0 <= value <= 1


def _are_numbers(value: Any) -> bool:
    return _is_mapping(value) and all(map(is_number, value.values()))


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
    (("provenance", "sources"), _is_mapping, "a digest for each axis"),
    (("result", "accuracy"), _is_share, "a number from 0 to 1"),
    (("result", "cost"), _are_numbers, "numbers"),
)
FAILED: tuple[Check, ...] = (
    (("error", "type"), lambda value: isinstance(value, str), "a text"),
    (("error", "message"), lambda value: isinstance(value, str), "a text"),
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


def plan_problem(plan: Plan) -> str:
    """The same of a plan; a cell without a key cannot be one."""
    texts: list[object] = [plan.sweep, plan.about, *(reason for _, reason in plan.inapplicable)]
    texts += [text for one in plan.published for text in (one.source, one.params, one.note)]
    for text in texts:
        if not isinstance(text, str):
            return f"{text!r} stands where a text must be"
    for cell in (*plan.cells, *(cell for cell, _ in plan.inapplicable)):
        names = [getattr(cell, axis).name for axis in AXES]
        is_whole = all(one.key for one in (cell, cell.parent) if one)
        if not (is_whole and type(cell.seed) is int and all(isinstance(n, str) for n in names)):
            return f"{[*names, cell.seed]} are no names of variants and a seed"
    if not all(map(_is_mapping, plan.resources.values())):
        return "resources of a cell must be keys and values"
    for one in plan.published:
        if not _is_share(one.accuracy) or one.epoch not in EPOCHS:
            return f"published accuracy {one.accuracy!r} of epoch {one.epoch!r} is no result"
    return ""
