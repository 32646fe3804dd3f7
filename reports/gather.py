"""One frame: a line for every cell of a sweep, whatever became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import nan
from typing import Any

import pandas as pd

from reports.names import PARTS, Name, name_cells
from reports.outcome import NUMBERS, TEXTS, Read, outcome
from sweeps.cell import Cell
from sweeps.frozen import Plan

STATES = ("done", "failed", "damaged", "blocked", "missing", "inapplicable")
"""done; failed: the run raised; damaged: its record cannot be trusted; blocked: there is none
because its dense parent, or the supernet of its search, failed; missing: there is none yet;
inapplicable: it cannot work."""

WITHOUT = ("failed", "damaged", "blocked", "missing")
"""States of planned cells that have no number."""

NO_ROW = 0
"""The row of supernets: they are what searches run on, no competitor."""


INNER = ("order", "cell")
"""What a line has only while the frame is made."""


def gather(plan: Plan, read: Read) -> pd.DataFrame:
    """The frame behind every table and figure, in the order of a report.

    ``read`` gives the record of a key, None if there is none, or raises UserError if it is
    damaged: that becomes the cell's state, so that one bad file does not hide the others.

    Columns: key, row (number of the table row that the cell belongs to, NO_ROW for a supernet),
    state, protocol and its ``fingerprint`` (see `reports.protocol.stamped`, which fills it in),
    every part with its varying ``_options`` and its whole ``_setup``, seed,
    ``parent`` and ``reference`` (keys to compare with), ``reference_row``, ``start`` (key of the
    network that it starts from, or that its search asks), ``is_search``, ``published`` (what
    papers print for it), then NUMBERS and TEXTS. Accuracies are shares in [0, 1], latencies
    milliseconds; a number that is not there is NaN, a text is empty.
    """
    cells = {cell.key: cell for cell in plan.cells}
    reasons = {cell.key: why for cell, why in plan.inapplicable if cell.key not in cells}
    everything = [*cells.values(), *(c for c, _ in plan.inapplicable if c.key in reasons)]
    lines = _lines([cell for cell in everything if not cell.is_supernet])
    lines.sort(key=lambda line: line["order"])
    _number(lines)
    lines += _lines([cell for cell in everything if cell.is_supernet])
    for line in lines:
        line["published"] = tuple(one for one in plan.published if line["key"] in one.keys)
        line["start"] = _start(line)
        if line["key"] in reasons:
            line |= {"state": "inapplicable", "reason": reasons[line["key"]]}
    _look_up(lines, read)
    labels = [column for column in lines[0] if column not in INNER] if lines else ["key", "state"]
    empty = dict.fromkeys(labels) | dict.fromkeys(NUMBERS, nan) | dict.fromkeys(TEXTS, "")
    frame = pd.DataFrame({c: [line.get(c, none) for line in lines] for c, none in empty.items()})
    return frame.astype(dict.fromkeys(NUMBERS, float))


def _lines(cells: Sequence[Cell]) -> list[dict[str, Any]]:
    """A line for each cell once, named by what differs among them."""
    unique = {cell.key: cell for cell in cells}
    named = zip(unique.values(), name_cells(unique.values()), strict=True)
    return [_named(cell, names) for cell, names in named]


def _named(cell: Cell, names: Mapping[str, Name]) -> dict[str, Any]:
    line: dict[str, Any] = {
        "key": cell.key,
        "row": NO_ROW,
        "state": "missing",
        "protocol": f"Data {names['data']}, recipe {names['recipe']}",
        "fingerprint": "",
        "seed": cell.seed,
        "parent": None,
        "reference": None,
        "reference_row": 0,
        "start": None,
        "is_search": cell.is_search,
        "scheme": _scheme(cell),
        "order": (*(names[part].rank for part in PARTS), cell.seed),
        "cell": cell,
    }
    for part, name in names.items():
        line |= {part: name.name, f"{part}_options": name.options, f"{part}_setup": name.setup}
    if cell.is_supernet:
        line["attention_options"] = f"{line['attention_options']} connect=random".lstrip()
    return line


def _scheme(cell: Cell) -> str:
    """The blocks that a cell's attention is asked to plug, if not all of them."""
    connect = str(cell.attention.options.get("connect", "all"))
    return "" if connect in ("all", "random") else connect


def _number(lines: Sequence[dict[str, Any]]) -> None:
    """Give every row its number, and every cell those that it is compared with.

    The order of a report has dense cells before pruned ones, and those without attention first.
    """
    rows: dict[Any, int] = {}
    full = {_full(line): line["key"] for line in lines if not line["scheme"]}
    dense: dict[Any, str] = {}
    plain: dict[Any, tuple[str, int]] = {}
    for line in lines:
        *parts, seed = line["order"]
        backbone, network = (*parts[:3],), (*parts[:4],)
        line["row"] = rows.setdefault((*parts,), len(rows) + 1)
        if line["pruning"] == "none":
            dense[network, seed] = line["key"]
            line["parent"] = full.get(_full(line)) if line["scheme"] else None
            if line["attention"] == "none":
                plain.setdefault((backbone, seed), (line["key"], line["row"]))
                plain.setdefault(backbone, (line["key"], line["row"]))
        else:
            line["parent"] = dense.get((network, seed))
        line["reference"] = plain.get((backbone, seed), (None, 0))[0]
        line["reference_row"] = plain.get(backbone, (None, 0))[1]


def _start(line: Mapping[str, Any]) -> str | None:
    """The network that a cell starts from; a dense parent in the plan has its key already."""
    cell: Cell = line["cell"]
    if line["parent"] and not cell.is_dense and not cell.is_search:
        return str(line["parent"])
    return cell.parent.key if cell.parent else None


def _full(line: Mapping[str, Any]) -> tuple[object, ...]:
    """What a dense network and the same one with its attention in every block have in common."""
    options = tuple(pair for pair in line["attention_setup"] if pair[0] != "connect")
    return (*line["order"][:3], line["attention"], options, line["pruning"], line["seed"])


def _look_up(lines: Sequence[dict[str, Any]], read: Read) -> None:
    planned = {line["key"]: line for line in lines if line["state"] != "inapplicable"}
    for key, line in planned.items():
        line |= outcome(key, read)
    for line in planned.values():
        start = planned.get(line["start"])
        if line["state"] == "missing" and start and start["state"] == "failed":
            line |= {"state": "blocked", "reason": _why_blocked(start)}
    for line in lines:
        bits = line["scheme"].replace("|", "")
        line["plugged"] = float(bits.count("1")) if bits else nan
        line["blocks"] = float(len(bits)) if set(bits) <= set("01") and bits else nan


def _why_blocked(start: Mapping[str, Any]) -> str:
    """A dense parent has a row that says why it failed; a supernet has none."""
    if start["row"] != NO_ROW:
        return "its dense parent failed"
    return f"its supernet {start['key']} failed: {start['reason']}"


def tally(frame: pd.DataFrame) -> dict[str, int]:
    """How many cells are in which state, in the order of STATES; states without any left out."""
    found = Counter(frame["state"].tolist())
    return {state: found[state] for state in STATES if found[state]}


def progress(frame: pd.DataFrame) -> str:
    """The same in words: ``4 cells: 3 done, 1 failed``."""
    states = ", ".join(f"{count} {state}" for state, count in tally(frame).items())
    return f"{len(frame)} cell{'s' * (len(frame) != 1)}: {states}"
