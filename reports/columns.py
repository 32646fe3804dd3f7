"""The columns of a table: what each one is, and how a row's numbers read in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from reports.units import (
    DASH,
    mega,
    milliseconds,
    percent,
    points,
    quantity,
    ratio,
    seeds,
    time_ratio,
)

WORDS = {"failed": "failed", "damaged": "damaged", "blocked": "blocked", "inapplicable": "n/a"}
"""What stands for the accuracy of a row without any number; a missing one is a dash."""


@dataclass(frozen=True)
class Column:
    """One column.

    Args:
        key: its name in the code.
        heading: its name in a table.
        unit: in which its numbers are, or nothing.
        about: one sentence on how to read it.
        optional: leave it out of a table in which it is empty.
    """

    key: str
    heading: str
    unit: str
    about: str
    optional: bool = True

    @property
    def title(self) -> str:
        return f"{self.heading}, {self.unit}" if self.unit else self.heading


@dataclass(frozen=True)
class Value:
    """What stands in one cell of a table: text, a ratio or so beside it, marks of footnotes."""

    text: str = ""
    aside: str = ""
    bold: bool = False
    marks: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return self.text in ("", DASH)


COLUMNS = (
    Column(
        "seeds",
        "Seeds",
        "",
        "n counts the seeds that have a number, n=2/3 that one of three planned has none. "
        "A single seed, n=1, has no deviation and supports no claim.",
        optional=False,
    ),
    Column(
        "accuracy",
        "Accuracy",
        "%",
        "top-1 on the test split after the last epoch; mean ± sample standard deviation over "
        "seeds. Bold: above every other row of the backbone by more than their pooled standard "
        "deviation, all with n>1; otherwise nothing is bold.",
        optional=False,
    ),
    Column(
        "delta_reference",
        "Δ plain",
        "pp",
        "difference in accuracy to the backbone without attention and pruning, in percentage "
        "points, paired by seed.",
    ),
    Column(
        "delta_parent",
        "Δ dense",
        "pp",
        "difference in accuracy to the same network before pruning (its dense parent), in "
        "percentage points, paired by seed. The refit trains a pruned network longer than its "
        "parent; control, where it is in the table, is the dense network refitted as long.",
    ),
    Column(
        "params",
        "Params",
        "",
        "parameters, and their ratio to the same backbone on the same data and recipe without "
        "attention and pruning.",
        optional=False,
    ),
    Column(
        "macs",
        "MACs",
        "",
        "multiply-accumulates of one image as they are computed, and their ratio.",
        optional=False,
    ),
    Column(
        "latency",
        "Latency",
        "ms",
        "measured time of one batch (median), and its ratio to the same backbone without "
        "attention and pruning, timed in alternation; ratios within 2 % are equal: ≈1.",
        optional=False,
    ),
    Column(
        "accuracy_selected",
        "Accuracy selected",
        "%",
        "top-1 on the test split of the epoch that was best on validation; not to be compared "
        "with the accuracy after the last epoch.",
    ),
    Column(
        "accuracy_before_refit",
        "Before refit",
        "%",
        "top-1 on the test split right after pruning, before any further training.",
    ),
    Column(
        "sparsity",
        "Sparsity",
        "%",
        "share of the prunable weights or channels that was removed, as achieved.",
    ),
    Column(
        "params_nonzero",
        "Non-zero params",
        "theoretical",
        "parameters that are not masked, and their ratio; storage only shrinks in a sparse format.",
    ),
    Column(
        "macs_nonzero",
        "Non-zero MACs",
        "theoretical",
        "multiply-accumulates with weights that are not masked. Dense kernels compute the "
        "masked ones too: this is no speed-up, see the latency.",
    ),
)


def values(row: Mapping[str, Any]) -> dict[str, Value]:
    """What stands in each column for one line of `reports.rows.aggregate`, by the column's key.

    Nothing stands where a number makes no sense, a dash where it is not there.
    """
    empty = {column.key: Value() for column in COLUMNS}
    if row["state"] == "inapplicable":
        return empty | {"accuracy": Value(WORDS["inapplicable"])}
    found = {
        "seeds": Value(seeds(row["n"], row["planned"])),
        "accuracy": _accuracy(row),
        "accuracy_selected": _spread(row, "accuracy_selected", percent),
        "params": Value(quantity(row["params"]), ratio(row["params_ratio"])),
        "macs": Value(mega(row["macs"]), ratio(row["macs_ratio"])),
        "latency": _latency(row),
    }
    if row["row"] != row["reference_row"]:
        found["delta_reference"] = _spread(row, "delta_reference", points)
    return empty | found | (_pruned(row) if row["pruning"] != "none" else {})


def _pruned(row: Mapping[str, Any]) -> dict[str, Value]:
    found = {
        "delta_parent": _spread(row, "delta_parent", points),
        "accuracy_before_refit": _spread(row, "accuracy_before_refit", percent),
        "sparsity": Value(percent(row["sparsity"])),
    }
    if row["params_nonzero"] != row["params"]:
        for cost, reads in (("params_nonzero", quantity), ("macs_nonzero", mega)):
            found[cost] = Value(reads(row[cost]), ratio(row[f"{cost}_ratio"]))
    return found


def _accuracy(row: Mapping[str, Any]) -> Value:
    if not row["n"]:
        return Value(WORDS.get(row["state"], DASH))
    value = _spread(row, "accuracy", percent)
    return Value(value.text, bold=row["best"])


def _spread(row: Mapping[str, Any], name: str, reads: Callable[[float, float], str]) -> Value:
    """Mean and deviation; the number of seeds as well, where it is not that of the row."""
    n = int(row[f"{name}_n"])
    aside = f"n={n}" if 0 < n != row["n"] else ""
    return Value(reads(row[f"{name}_mean"], row[f"{name}_std"]), aside)


def _latency(row: Mapping[str, Any]) -> Value:
    n = row["latency_n"]
    aside = f" n={n:.0f}" if 0 < n != row["n"] else ""
    return Value(milliseconds(row["latency_ms"]), time_ratio(row["latency_ratio"]) + aside)
