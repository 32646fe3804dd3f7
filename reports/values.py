"""How a row's numbers read in the columns of a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isnan
from typing import Any

from reports.columns import COLUMNS, Value
from reports.gather import WITHOUT
from reports.units import (
    duration,
    interval,
    mega,
    percent,
    points,
    quantity,
    ratio,
    seeds,
)
from sweeps.published import Published

WORDS = {state: state for state in WITHOUT} | {"inapplicable": "n/a"}
"""What stands for the accuracy of a row without any number."""


def values(row: Mapping[str, Any]) -> dict[str, Value]:
    """What stands in each column for one line of `reports.rows.aggregate`, by the column's key.

    Nothing stands where a number makes no sense, a dash where it is not there. Latencies, which
    may have several columns, are left to `reports.clocks`.
    """
    empty = {column.key: Value() for column in COLUMNS}
    if row["state"] == "inapplicable":
        published = _published(row["published"])
        return empty | {"accuracy": Value(WORDS["inapplicable"]), "published": published}
    found = {
        "seeds": Value(seeds(row["n"], row["planned"]), _without(row)),
        "accuracy": _accuracy(row),
        "published": _published(row["published"]),
        "plugged": _plugged(row),
        "search": _search(row),
        "params": Value(quantity(row["params"]), ratio(row["params_ratio"])),
        "macs": Value(mega(row["macs"]), ratio(row["macs_ratio"])),
    }
    if has_validation(row):
        found["accuracy_selected"] = _spread(row, "accuracy_selected", percent)
    found["accuracy_best_epoch"] = _spread(row, "accuracy_best_epoch", percent)
    if row["row"] != row["reference_row"]:
        found["delta_reference"] = _delta(row, "delta_reference")
    if row["pruning"] != "none" or row["delta_parent_n"]:
        found["delta_parent"] = _delta(row, "delta_parent")
    is_refitted = row["pruning"] != "none" and not row["is_search"]
    return empty | found | (_pruned(row) if is_refitted else {})


def _pruned(row: Mapping[str, Any]) -> dict[str, Value]:
    found = {
        "accuracy_before_refit": _spread(row, "accuracy_before_refit", percent),
        "sparsity": Value(percent(row["sparsity"])),
    }
    if row["params_nonzero"] != row["params"]:
        for cost, reads in (("params_nonzero", quantity), ("macs_nonzero", mega)):
            found[cost] = Value(reads(row[cost]), ratio(row[f"{cost}_ratio"]))
    return found


def has_validation(row: Mapping[str, Any]) -> bool:
    """Whether some of the training images were held out, so that an epoch could be selected."""
    return float(dict(row["data_setup"]).get("val_fraction", 1)) > 0


def _without(row: Mapping[str, Any]) -> str:
    """How many seeds have no number, state by state, where the accuracy does not say so."""
    counts = [(row[state], state) for state in WITHOUT if row[state]]
    is_said = not row["n"] and len(counts) == 1
    return "" if is_said else ", ".join(f"{count} {state}" for count, state in counts)


def _published(printed: Sequence[Published]) -> Value:
    """The number, or the range of several; each stands in a footnote then."""
    texts = {one.accuracy: one.percent for one in printed}
    ends = dict.fromkeys((min(texts), max(texts))) if texts else ()
    epochs = "/".join(dict.fromkeys(one.epoch for one in printed))
    return Value("–".join(texts[accuracy] for accuracy in ends), epochs)


def _plugged(row: Mapping[str, Any]) -> Value:
    if isnan(row["plugged"]):
        return Value()
    total = "" if isnan(row["blocks"]) else f"/{row['blocks']:.0f}"
    return Value(f"{row['plugged']:.3g}{total}")


def _search(row: Mapping[str, Any]) -> Value:
    if isnan(row["search_evaluations"]):
        return Value()
    return Value(f"{row['search_evaluations']:.0f}", duration(row["search_seconds"]))


def _accuracy(row: Mapping[str, Any]) -> Value:
    if not row["n"]:
        return Value(WORDS[row["state"]])
    text = percent(row["accuracy_mean"], row["accuracy_std"])
    aside = "n=1" if row["n"] == 1 else ""
    return Value(text, aside, bold=row["best"], verdict=row["accuracy_verdict"])


def _spread(row: Mapping[str, Any], name: str, reads: Callable[[float, float], str]) -> Value:
    """Mean and deviation; the number of seeds as well, where it is not that of the row."""
    n = row[f"{name}_n"]
    aside = f"n={n}" if 0 < n != row["n"] else ""
    return Value(reads(row[f"{name}_mean"], row[f"{name}_std"]), aside)


def _delta(row: Mapping[str, Any], name: str) -> Value:
    """Mean and interval; the number of seeds too, where it is one or not that of the row."""
    n = row[f"{name}_n"]
    asides = [interval(row[f"{name}_low"], row[f"{name}_high"])] if n > 1 else []
    asides += [f"n={n}"] if n == 1 or 0 < n != row["n"] else []
    text = points(row[f"{name}_mean"])
    return Value(text, ", ".join(filter(None, asides)), verdict=row[f"{name}_verdict"])
