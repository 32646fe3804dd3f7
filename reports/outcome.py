"""What became of one cell, read from its record into one flat line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf
from typing import Any

from reports.legible import legible
from sweeps.cell import SCHEMA
from sweeps.errors import MALFORMED, UserError
from sweeps.record import Record
from sweeps.sound import is_number

ACCURACIES = (
    "accuracy",
    "accuracy_top5",
    "accuracy_selected",
    "accuracy_before_refit",
    "accuracy_best_epoch",
)
COSTS = ("params", "params_nonzero", "macs", "macs_nonzero", "bytes")
TIMES = ("ratio", "ratio_p10", "ratio_p90", "p10_ms", "p50_ms", "p90_ms")
SHARES = (*ACCURACIES, "val_accuracy", "sparsity")
OTHERS = ("val_loss", "train_loss", "selected_epoch", "best_epoch", "epochs")
NUMBERS = (
    *SHARES,
    *OTHERS,
    *COSTS,
    *(f"latency_{time}" for time in TIMES),
    "latency_peak_mib",
    *("seconds", "fit_seconds", "search_seconds", "search_evaluations"),
    *("plugged", "blocks"),
)
ORIGINS = {
    "commit": "commit",
    "packages": "set of packages",
    "hardware": "kind of hardware",
    "data_checksum": "checksum of the data",
}
"""What a run came from: entries of its provenance, and what they are called."""

SOURCES = ("backbone", "attention", "pruning")
"""Axes whose variants are source files: a run keeps the digest of each."""

TEXTS = (
    "latency_setting",
    "scheme",
    *ORIGINS,
    *(f"source_{axis}" for axis in SOURCES),
    *("phases", "attempts", "reason", "traceback"),
)

Read = Callable[[str], Record | None]
"""Gives the record of a key, None if there is none, or raises UserError if it is damaged."""


def outcome(key: str, read: Read) -> dict[str, Any]:
    """The line of a cell: its state, and its numbers and texts if there are any.

    A number that cannot be one (an accuracy outside [0, 1], a negative time, NaN, a text) makes
    the record damaged: it is not shown, and not averaged.
    """
    line = _outcome(key, read)
    return {name: legible(v) if isinstance(v, str) else v for name, v in line.items()}


def _outcome(key: str, read: Read) -> dict[str, Any]:
    try:
        record = read(key)
        return {"state": "missing"} if record is None else _checked(key, record)
    except (UserError, OSError) as error:
        return {"state": "damaged", "reason": str(error)}
    except MALFORMED as error:
        problem = f"{type(error).__name__}: {error}"
        return {"state": "damaged", "reason": f"record of {key} is not as agreed ({problem})"}


def _checked(key: str, record: Record) -> dict[str, Any]:
    if record["schema"] != SCHEMA:
        raise ValueError(f"its schema is {record['schema']}, this version reads {SCHEMA}")
    if record["key"] != key:
        raise ValueError(f"it belongs to {record['key']}")
    if record["status"] not in ("done", "failed"):
        raise ValueError(f"status is done or failed, came {record['status']}")
    line = {"state": record["status"], **_provenance(record)}
    return line | (_numbers(record) if record["status"] == "done" else _failure(record))


def _numbers(record: Record) -> dict[str, Any]:
    result, latency = record["result"], record["latency"]
    line: dict[str, Any] = {"accuracy": _number("accuracy", result.get("accuracy"), most=1)}
    line |= {n: _known(n, result[n], most=1) for n in SHARES if n in result}
    line |= {n: _known(n, result[n], least=-inf) for n in OTHERS if n in result}
    line |= {name: _number(name, result["cost"][name]) for name in COSTS}
    line |= _seconds(record)
    if search := result.get("search"):
        line["search_evaluations"] = _number("evaluations", search["evaluations"])
    if result.get("scheme"):
        line["scheme"] = str(result["scheme"])
    if latency:
        line |= {f"latency_{time}": _number(f"latency.{time}", latency[time]) for time in TIMES}
        line["latency_peak_mib"] = _known("latency.peak_mib", latency["peak_mib"])  # none on a CPU
        line["latency_setting"] = _setting(latency, record["provenance"].get("hardware") or {})
    return line


def _seconds(record: Record) -> dict[str, float]:
    """Of everything, of the training that starts from nothing, and of a search."""
    seconds = {phase: _number(f"seconds.{phase}", s) for phase, s in record["seconds"].items()}
    found = {"seconds": sum(seconds.values())}
    if "fit" in seconds:
        found["fit_seconds"] = seconds["fit"]
    if record["result"].get("search"):
        spent = record.get("search_seconds", seconds.get("prune", 0.0))
        found["search_seconds"] = _number("search_seconds", spent)
    return found


def _number(name: str, value: Any, *, least: float = 0.0, most: float = inf) -> float:
    """A finite number from ``least`` to ``most``.

    Raises:
        ValueError: it is none. W&B gives the texts "NaN" and "Infinity" for what JSON lacks.
    """
    if is_number(value) and least <= value <= most:
        return float(value)
    raise ValueError(f"{name} is {value!r}, must be a finite number from {least:g} to {most:g}")


def _known(name: str, value: Any, *, least: float = 0.0, most: float = inf) -> float | None:
    """The same, or None: not known."""
    return None if value is None else _number(name, value, least=least, most=most)


def _setting(latency: Mapping[str, Any], hardware: Mapping[str, Any]) -> str:
    device = (
        f"CPU {hardware.get('cpu', '')}".rstrip()
        if latency["device"] == "cpu"
        else latency["device"]
    )
    threads = "1 thread" if latency["threads"] == 1 else f"{latency['threads']} threads"
    how = f"batch {latency['batch']}, {latency['protocol']}"
    return f"{device}, {latency['dtype']}, {threads}, {how}"


def _failure(record: Record) -> dict[str, Any]:
    error = record["error"]
    reason = f"{error['type']}: {error['message']}"
    return {"reason": reason, "traceback": error.get("traceback") or ""}


def _provenance(record: Record) -> dict[str, str]:
    provenance = record["provenance"] or {}
    hardware = dict(provenance.get("hardware") or {})
    hardware.pop("host", None)  # nodes of one kind are equal
    described = {name: _described(provenance.get(name)) for name in ORIGINS}
    commit = str(provenance.get("commit") or "unknown")[:12]
    if provenance.get("dirty"):
        commit = f"{commit} with changes {provenance.get('diff') or ''}".rstrip()
    sources = provenance.get("sources") or {}
    return {
        **described,
        "phases": _phases(record.get("seconds")),
        "attempts": _attempts(provenance.get("attempts")),
        "commit": commit,
        "hardware": _described(hardware),
        **{f"source_{axis}": str(sources.get(axis) or "") for axis in SOURCES},
    }


def _phases(seconds: Any) -> str:
    if not isinstance(seconds, Mapping):
        return ""
    return ", ".join(f"{phase} {spent} s" for phase, spent in seconds.items())


def _attempts(made: Any) -> str:
    """A line for each: from when to when, where, and how it ended."""
    if not isinstance(made, list):
        return "" if made is None else str(made)
    names = ("since", "until", "host", "job", "ended", "accumulate")
    known = [[(name, one[name]) for name in names if one.get(name)] for one in made]
    return "\n".join(", ".join(f"{name} {value}" for name, value in one) for one in known)


def _described(value: Any) -> str:
    """Nested values as one text; what is empty or not known is left out."""
    if isinstance(value, Mapping):
        items = {key: _described(item) for key, item in sorted(value.items())}
        return ", ".join(f"{key} {text}" for key, text in items.items() if text)
    if isinstance(value, list):
        return " + ".join(map(_described, value))
    return "" if value is None else str(value)
