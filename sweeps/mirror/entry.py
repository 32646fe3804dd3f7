"""A cell as a W&B run: what stands in its config, tags, history and summary, and the way back.

A run has ``id = key``, ``group = sweep``, ``job type = kind`` (dense, supernet, search, pruned),
config = the cell, history = one row an epoch, summary = the record. All of it is made here, for
runs that are logged while they train and for those that are published later, so that the same
record is the same run.

W&B sorts, filters and draws by flat names, but of a value it may forget what JSON cannot say, or
whether a number was whole. So cell and record stand there twice: flat for W&B, and as one text,
which comes back as it was. Where the two say different things, neither is believed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sweeps.cell import AXES, SCHEMA, Cell
from sweeps.curves import SHOWN, Curves, curves
from sweeps.errors import MALFORMED, UserError
from sweeps.record import Record
from sweeps.sound import is_number

FLAT = {"result": "", "latency": "latency.", "seconds": "seconds."}
"""Parts of a record that are flat in a summary, and what their names begin with."""
INNER = ("cost", "cost_dense", "search")
"""Parts of a result that are flat as well: ``cost.macs``."""
WHOLE = ("status", "search_seconds", "provenance")
"""Parts of a record that stand in the summary as they are."""
RECORD, CURVES, DIGEST = "record", "curves", "digest"
"""Further names in a summary: the record as text, its curves as text, and see `digest`."""
COLUMNS = {"epoch", *SHOWN}
"""What every phase of the curves has."""
SWEEP_TAG = "sweep:"
LONGEST = 64
"""Characters that W&B allows in a tag and in the id of a run."""


def name(cell: Cell) -> str:
    return f"{cell.backbone}-{cell.attention}-{cell.pruning}-{cell.seed}"


def tags(cell: Cell, sweeps: Iterable[str]) -> list[str]:
    """The names of the cell's variants, and the sweeps that it is part of."""
    names = dict.fromkeys(getattr(cell, axis).name for axis in AXES)
    return [*map(short, names), *map(sweep_tag, sweeps)]


def sweep_tag(sweep: str) -> str:
    """``sweep:<name>``, by which all runs of a sweep are found."""
    return short(f"{SWEEP_TAG}{sweep}")


def short(text: str) -> str:
    """As many characters as W&B allows; what is too long ends in its own hash."""
    if len(text) <= LONGEST:
        return text
    return f"{text[: LONGEST - 9]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def config(cell: Cell) -> dict[str, Any]:
    """A cell as W&B's config: ``attention``, ``attention.reduction``, ..., the key and the seed;
    ``cell`` is all of it as text."""
    parts = cell.json()
    flat: dict[str, Any] = {"key": cell.key, "seed": cell.seed, "kind": cell.kind}
    for axis in AXES:
        flat[axis] = parts[axis]["name"]
        options = parts[axis]["options"]
        flat |= {f"{axis}.{option}": value for option, value in options.items()}
    return flat | {"cell": json.dumps(parts)}


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
    """A record's numbers under flat names, the record and its curves as text."""
    return {
        "schema": SCHEMA,
        "key": cell.key,
        **numbers(record),
        RECORD: record_text(cell.key, record),
        CURVES: _text(curves(history)),
    }


def record_text(key: str, record: Record) -> str:
    """A record as text, without its cell, which the config has."""
    whole = {"schema": SCHEMA, "key": key, **record}
    return _text({part: value for part, value in whole.items() if part != "cell"})


def numbers(record: Record) -> dict[str, Any]:
    """A record under flat names: ``accuracy``, ``cost.macs``, ``latency.ratio``, ``status``."""
    flat = {part: record[part] for part in WHOLE if part in record}
    if error := record.get("error"):
        flat["error"] = {name: value for name, value in error.items() if name != "traceback"}
    for part, prefix in FLAT.items():
        for name, value in (record.get(part) or {}).items():
            if name in INNER and isinstance(value, Mapping):
                flat |= {f"{prefix}{name}.{inner}": one for inner, one in value.items()}
            else:
                flat[f"{prefix}{name}"] = value
    return flat


def record_of(summary: Mapping[str, Any]) -> Record:
    """The record that a summary was made of, without its cell.

    Raises:
        UserError: there is none, it is of another schema, or the summary's own numbers are others.
    """
    if RECORD not in summary:
        raise UserError("its summary has no record")
    try:
        record = json.loads(summary[RECORD])
        schema = record["schema"]
        said = numbers(record)
    except MALFORMED as error:
        raise UserError(f"the record in its summary cannot be read ({error})") from None
    if schema != SCHEMA:
        raise UserError(f"its record has schema {schema}, this version reads {SCHEMA}")
    if not said.items() <= summary.items():  # seldom: looking at each takes three times as long
        for name, value in said.items():
            if not _is(summary.get(name), value):
                came = f"is {summary[name]}" if name in summary else "is missing"
                raise UserError(f"{name} {came} in its summary, but its record says {value}")
    return dict(record)


def curves_of(summary: Mapping[str, Any]) -> Curves:
    """The curves that a summary was made of; empty if they are not there, or none."""
    try:
        found = json.loads(summary[CURVES])
    except (LookupError, TypeError, ValueError):
        return {}
    return found if isinstance(found, dict) and all(map(_is_phase, found.values())) else {}


def _is_phase(columns: Any) -> bool:
    """Whether this is a phase of `Curves`."""
    if not isinstance(columns, dict) or not set(columns) >= COLUMNS:
        return False
    lists = list(columns.values())
    if not all(isinstance(one, list) and len(one) == len(lists[0]) for one in lists):
        return False
    return all(value is None or is_number(value) for one in lists for value in one)


def digest(cell: Cell, record: Record, history: Sequence[Mapping[str, Any]]) -> str:
    """16 hex digits over all that a run is to hold: equal ones need not be published again."""
    content = [config(cell), name(cell), summary(cell, record, history), list(history)]
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _is(came: Any, value: Any) -> bool:
    """Whether W&B has a value as it was given, so far as it is a number or a text. W&B drops what
    is None or no number, and forgets whether a number was whole."""
    if came == value or isinstance(value, bool | Mapping | list):
        return True
    both = isinstance(came, int | float) and isinstance(value, int | float)
    return both and float(came) == float(value)


def _text(content: Any) -> str:
    return json.dumps(content, separators=(",", ":"))
