"""What became of one cell, read from its record into one flat line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sweeps.errors import UserError
from sweeps.record import Record

ACCURACIES = ("accuracy", "accuracy_top5", "accuracy_selected", "accuracy_before_refit")
COSTS = ("params", "params_nonzero", "macs", "macs_nonzero", "bytes")
TIMES = ("ratio", "ratio_p10", "ratio_p90", "p10_ms", "p50_ms", "p90_ms", "peak_mib")
NUMBERS = (
    *ACCURACIES,
    *("val_accuracy", "val_loss", "train_loss", "selected_epoch", "epochs", "sparsity"),
    *COSTS,
    *(f"latency_{time}" for time in TIMES),
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
    "reason",
    "traceback",
)

Read = Callable[[str], Record | None]
"""Gives the record of a key, None if there is none, or raises UserError if it is damaged."""


def outcome(key: str, read: Read) -> dict[str, Any]:
    try:
        record = read(key)
        return {"state": "missing"} if record is None else _checked(key, record)
    except (UserError, OSError) as error:
        return {"state": "damaged", "reason": str(error)}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        problem = f"{type(error).__name__}: {error}"
        return {"state": "damaged", "reason": f"record of {key} is not as agreed ({problem})"}


def _checked(key: str, record: Record) -> dict[str, Any]:
    if record["key"] != key:
        raise ValueError(f"it belongs to {record['key']}")
    if record["status"] not in ("done", "failed"):
        raise ValueError(f"status is done or failed, came {record['status']}")
    line = {"state": record["status"], **_provenance(record)}
    return line | (_numbers(record) if record["status"] == "done" else _failure(record))


def _numbers(record: Record) -> dict[str, Any]:
    result, latency = record["result"], record["latency"]
    line: dict[str, Any] = {n: _number_of(result[n]) for n in NUMBERS if n in result}
    line["accuracy"] = float(result["accuracy"])
    line |= {name: float(result["cost"][name]) for name in COSTS}
    line |= _seconds(record)
    if search := result.get("search"):
        line["search_evaluations"] = float(search["evaluations"])
    if result.get("scheme"):
        line["scheme"] = str(result["scheme"])
    if latency:
        line |= {f"latency_{time}": _number_of(latency[time]) for time in TIMES}
        line["latency_setting"] = _setting(latency, record["provenance"].get("hardware") or {})
    return line


def _seconds(record: Record) -> dict[str, float]:
    """Of everything, of the training that starts from nothing, and of a search."""
    seconds = {phase: float(spent) for phase, spent in record["seconds"].items()}
    found = {"seconds": sum(seconds.values())}
    if "fit" in seconds:
        found["fit_seconds"] = seconds["fit"]
    if record["result"].get("search"):
        found["search_seconds"] = float(record.get("search_seconds", seconds.get("prune", 0.0)))
    return found


def _setting(latency: Mapping[str, Any], hardware: Mapping[str, Any]) -> str:
    device = (
        f"CPU {hardware.get('cpu', '')}".rstrip()
        if latency["device"] == "cpu"
        else latency["device"]
    )
    threads = "1 thread" if latency["threads"] == 1 else f"{latency['threads']} threads"
    how = f"batch {latency['batch']}, {latency['protocol']}"
    return f"{device}, {latency['dtype']}, {threads}, {how}"


def _number_of(value: Any) -> float | None:
    return None if value is None else float(value)


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
        "commit": commit,
        "hardware": _described(hardware),
        **{f"source_{axis}": str(sources.get(axis) or "") for axis in SOURCES},
    }


def _described(value: Any) -> str:
    """Nested values as one text; what is empty or not known is left out."""
    if isinstance(value, Mapping):
        items = {key: _described(item) for key, item in sorted(value.items())}
        return ", ".join(f"{key} {text}" for key, text in items.items() if text)
    if isinstance(value, list):
        return " + ".join(map(_described, value))
    return "" if value is None else str(value)
