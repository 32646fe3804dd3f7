"""A cell as a W&B run: what stands in its config, tags, history and summary, and the way back.

A run has ``id = key``, ``group = sweep``, ``job type = kind`` (dense, supernet, search, pruned),
config = the cell, history = one row an epoch, summary = the record. All of it is made here, for
runs that are logged while they train and for those that are published later, so that the same
record is the same run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sweeps.cell import AXES, SCHEMA, Cell
from sweeps.curves import curves
from sweeps.record import Record

FLAT = {"result": "", "latency": "latency.", "seconds": "seconds."}
"""Parts of a record that are flat in a summary, and what their names begin with."""
WHOLE = ("status", "search_seconds", "provenance", "error")
"""Parts of a record that stand in the summary as they are."""
INNER = ("cost", "cost_dense", "search")
"""Parts of a result that are flat as well: ``cost.macs``."""
DIGEST, CURVES = "digest", "curves"
"""Further names in a summary: see `digest`, and `sweeps.curves`."""
SWEEP_TAG = "sweep:"


def name(cell: Cell) -> str:
    return f"{cell.backbone}-{cell.attention}-{cell.pruning}-{cell.seed}"


def tags(cell: Cell, sweeps: Iterable[str]) -> list[str]:
    """The names of the cell's variants, and the sweeps that it is part of, each ``sweep:<name>``.

    W&B allows 64 characters in a tag.
    """
    names = dict.fromkeys(getattr(cell, axis).name for axis in AXES)
    return [tag[:64] for tag in (*names, *map(sweep_tag, sweeps))]


def sweep_tag(sweep: str) -> str:
    return f"{SWEEP_TAG}{sweep}"[:64]


def config(cell: Cell) -> dict[str, Any]:
    """A cell as W&B's config: ``attention``, ``attention.reduction``, ..., the key and the seed.

    ``cell`` is all of it once more as text, which W&B gives back as it was: of a number it may
    forget whether it was whole.
    """
    parts = cell.json()
    flat: dict[str, Any] = {"key": cell.key, "seed": cell.seed, "kind": cell.kind}
    for axis in AXES:
        flat[axis] = parts[axis]["name"]
        options = parts[axis]["options"]
        flat |= {f"{axis}.{option}": value for option, value in options.items()}
    return flat | {"cell": json.dumps(parts, sort_keys=True)}


def cell_of(config: Mapping[str, Any]) -> Cell:
    """The cell of a run.

    Raises:
        LookupError, TypeError, ValueError: the config is not one of ours, or its key another's.
    """
    cell = Cell.from_json(json.loads(config["cell"]))
    if cell.key != config["key"]:
        raise ValueError(f"the config is of cell {cell.key}, its key says {config['key']}")
    return cell


def row(epoch: Mapping[str, Any]) -> dict[str, Any]:
    """One row of W&B's history, under the record's names with the phase in front."""
    phase = epoch["phase"]
    return {f"{phase}/{name}": value for name, value in epoch.items() if name != "phase"}


def summary(cell: Cell, record: Record, history: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A record's numbers under flat names: ``accuracy``, ``cost.macs``, ``latency.ratio``, ..."""
    flat: dict[str, Any] = {"schema": SCHEMA, "key": cell.key}
    flat |= {part: record[part] for part in WHOLE if part in record}
    for part, prefix in FLAT.items():
        for name, value in (record.get(part) or {}).items():
            if name in INNER and isinstance(value, Mapping):
                flat |= {f"{prefix}{name}.{inner}": one for inner, one in value.items()}
            else:
                flat[f"{prefix}{name}"] = value
    return flat | {CURVES: curves(history)}


def record_of(summary: Mapping[str, Any]) -> Record:
    """The record that a summary was made of; what it lacks is left out.

    ``cell`` is not in it: the config has that.
    """
    whole = ("schema", "key", *WHOLE)
    record: Record = {part: summary[part] for part in whole if part in summary}
    taken = {*whole, DIGEST, CURVES}
    for part in ("latency", "seconds"):
        names = [name for name in summary if name.startswith(FLAT[part])]
        taken.update(names)
        record[part] = {name.removeprefix(FLAT[part]): summary[name] for name in names}
    record["latency"] = record["latency"] or None
    result: dict[str, Any] = {}
    for name in summary:
        if name in taken or name.startswith("_"):  # W&B's own begin with _
            continue
        outer, _, inner = name.partition(".")
        if outer in INNER and inner:
            result.setdefault(outer, {})[inner] = summary[name]
        else:
            result[name] = summary[name]
    record["result"] = result if record.get("status") == "done" else None
    return record


def digest(cell: Cell, record: Record, history: Sequence[Mapping[str, Any]]) -> str:
    """16 hex digits over all that a run is to hold: equal ones need not be published again."""
    content = [config(cell), name(cell), summary(cell, record, history), list(history)]
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
