"""The columns of a table: what each one is, and how a row's numbers read in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any

from reports.units import (
    DASH,
    duration,
    mega,
    milliseconds,
    percent,
    points,
    quantity,
    ratio,
    seeds,
    time_ratio,
)
from sweeps.published import Published

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
    """What stands in one cell of a table: text, a ratio or so beside it, marks of footnotes.

    ``verdict`` is what a test says of it: better, worse, tie, or nothing where none can be made.
    """

    text: str = ""
    aside: str = ""
    bold: bool = False
    marks: tuple[str, ...] = ()
    verdict: str = ""

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
        "published",
        "Published",
        "%",
        "top-1 that the authors print for the same network, data and recipe; its footnote says "
        "where. best: of the best test epoch, as papers of this field print, which lies 0.3 to "
        "0.8 points above the last; ours is of the last epoch, so that a gap of this size is "
        "none. Nothing in this column was measured here.",
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
        "parent; control, where it is in the table, is the dense network refitted as long. Of a "
        "connection scheme: to the same attention in every block, trained as long.",
    ),
    Column(
        "plugged",
        "Plugged",
        "",
        "blocks with attention, of all that could have it, where that is not every block; mean "
        "over seeds of a search. Every scheme stands in runs.csv.",
    ),
    Column(
        "search",
        "Search",
        "networks",
        "networks that a search evaluated, and how long that took; mean over seeds. The training "
        "of the network that it asked is no part of it.",
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
        published = _published(row["published"])
        return empty | {"accuracy": Value(WORDS["inapplicable"]), "published": published}
    found = {
        "seeds": Value(seeds(row["n"], row["planned"])),
        "accuracy": _accuracy(row),
        "published": _published(row["published"]),
        "plugged": _plugged(row),
        "search": _search(row),
        "params": Value(quantity(row["params"]), ratio(row["params_ratio"])),
        "macs": Value(mega(row["macs"]), ratio(row["macs_ratio"])),
        "latency": _latency(row),
    }
    if has_validation(row):
        found["accuracy_selected"] = _spread(row, "accuracy_selected", percent)
    if row["row"] != row["reference_row"]:
        found["delta_reference"] = _spread(row, "delta_reference", points)
    if row["pruning"] != "none" or row["delta_parent_n"]:
        found["delta_parent"] = _spread(row, "delta_parent", points)
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


def _published(printed: Sequence[Published]) -> Value:
    """The number, or the range of several; each stands in a footnote then."""
    texts = [percent(accuracy) for accuracy in sorted({one.accuracy for one in printed})]
    epochs = "/".join(dict.fromkeys(one.epoch for one in printed))
    return Value("–".join(dict.fromkeys((texts[0], texts[-1]))) if texts else "", epochs)


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
