"""One frame: a line for every cell of a sweep, whatever became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from math import nan
from typing import Any

import pandas as pd

from reports.names import PARTS, Name, name_cells
from reports.outcome import NUMBERS, TEXTS, Read, outcome
from sweeps.cell import Cell
from sweeps.ledger import Plan

STATES = ("done", "failed", "damaged", "blocked", "missing", "inapplicable")
"""done; failed: the run raised; damaged: its record cannot be trusted; blocked: there is none
because its dense parent failed; missing: there is none yet; inapplicable: it cannot work."""


def gather(plan: Plan, read: Read) -> pd.DataFrame:
    """The frame behind every table and figure, in the order of a report.

    ``read`` gives the record of a key, None if there is none, or raises UserError if it is
    damaged: that becomes the cell's state, so that one bad file does not hide the others.

    Columns: key, row (number of the table row that the cell belongs to), state, protocol, every
    part with its varying ``_options`` and its whole ``_setup``, seed, ``parent`` and
    ``reference`` (keys to compare with), ``reference_row``, then NUMBERS and TEXTS.
    Accuracies are shares in [0, 1], latencies milliseconds; a number that is not there is NaN, a
    text is empty.
    """
    cells = {cell.key: cell for cell in plan.cells}
    reasons = {cell.key: why for cell, why in plan.inapplicable if cell.key not in cells}
    everything = cells | {cell.key: cell for cell, _ in plan.inapplicable if cell.key in reasons}
    names = dict(zip(everything, name_cells(everything.values()), strict=True))
    lines = [_named(cell, names[key]) for key, cell in everything.items()]
    for line in lines:
        if line["key"] in reasons:
            line |= {"state": "inapplicable", "reason": reasons[line["key"]]}
    lines.sort(key=lambda line: line["order"])
    _number(lines)
    _look_up(lines, read)
    labels = [column for column in lines[0] if column != "order"] if lines else ["key", "state"]
    empty = dict.fromkeys(labels) | dict.fromkeys(NUMBERS, nan) | dict.fromkeys(TEXTS, "")
    frame = pd.DataFrame({c: [line.get(c, none) for line in lines] for c, none in empty.items()})
    return frame.astype(dict.fromkeys(NUMBERS, float))


def _named(cell: Cell, names: Mapping[str, Name]) -> dict[str, Any]:
    line: dict[str, Any] = {
        "key": cell.key,
        "row": 0,
        "state": "missing",
        "protocol": f"Data {names['data']}, recipe {names['recipe']}",
        "seed": cell.seed,
        "parent": None,
        "reference": None,
        "reference_row": 0,
        "order": (*(names[part].rank for part in PARTS), cell.seed),
    }
    for part, name in names.items():
        line |= {part: name.name, f"{part}_options": name.options, f"{part}_setup": name.setup}
    return line


def _number(lines: Iterable[dict[str, Any]]) -> None:
    """Give every row its number, and every cell those that it is compared with.

    The order of a report has dense cells before pruned ones, and those without attention first.
    """
    rows: dict[Any, int] = {}
    dense: dict[Any, str] = {}
    plain: dict[Any, tuple[str, int]] = {}
    for line in lines:
        *parts, seed = line["order"]
        backbone, network = (*parts[:3],), (*parts[:4],)
        line["row"] = rows.setdefault((*parts,), len(rows) + 1)
        if line["pruning"] == "none":
            dense[network, seed] = line["key"]
            if line["attention"] == "none":
                plain.setdefault((backbone, seed), (line["key"], line["row"]))
                plain.setdefault(backbone, (line["key"], line["row"]))
        else:
            line["parent"] = dense.get((network, seed))
        line["reference"] = plain.get((backbone, seed), (None, 0))[0]
        line["reference_row"] = plain.get(backbone, (None, 0))[1]


def _look_up(lines: Iterable[dict[str, Any]], read: Read) -> None:
    planned = {line["key"]: line for line in lines if line["state"] != "inapplicable"}
    for key, line in planned.items():
        line |= outcome(key, read)
    for line in planned.values():
        parent = planned.get(line["parent"])
        if line["state"] == "missing" and parent and parent["state"] == "failed":
            line |= {"state": "blocked", "reason": "its dense parent failed"}


def tally(frame: pd.DataFrame) -> dict[str, int]:
    """How many cells are in which state, in the order of STATES; states without any left out."""
    found = Counter(frame["state"])
    return {state: found[state] for state in STATES if found[state]}
