"""The columns of a table: what each one is, and how it is to be read."""

from __future__ import annotations

from dataclasses import dataclass

from reports.units import DASH

SIGNS = {"better": "↑", "worse": "↓", "tie": "=", "": ""}
"""How every format shows a verdict, beside its value."""
NUMBERS = {"seeds": "n", "search": "search_evaluations"}
"""Columns whose numbers stand in the rows under another name."""


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

    @property
    def kind(self) -> str:
        """What it shows, whatever the device: ``latency`` of ``latency@2``."""
        return self.key.partition("@")[0]


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
        "n counts the seeds that have a number, n=2/3 that one of three planned has none: it "
        "failed, its record is damaged, it is blocked by a parent that failed, or it is missing. "
        "A single seed, n=1, has no deviation and supports no claim.",
        optional=False,
    ),
    Column(
        "accuracy",
        "Accuracy",
        "%",
        "top-1 on the test split after the last epoch; mean ± sample standard deviation over "
        "seeds. The row with the highest mean of its backbone is tested against every other row "
        "of the backbone that has a number: two-sided t test of the differences paired by seed, "
        "Holm's correction for these tests, 5 %. Bold and ↑: it beats all of them. Otherwise it "
        "and all rows that the test does not tell from it have =. No sign, no claim: it is told "
        "from the leader, or the test cannot be made, as with fewer than two seeds in common.",
        optional=False,
    ),
    Column(
        "published",
        "Published",
        "%",
        "top-1 that the authors print for the same network, data and recipe; its footnote says "
        "where. best: of the best test epoch, as papers of this field print, which lies 0.3 to "
        "0.8 points above the last; our accuracy is of the last epoch, so that a gap of this size "
        "is none. Nothing in this column was measured here.",
    ),
    Column(
        "delta_reference",
        "Δ plain",
        "pp",
        "difference in accuracy to the backbone without attention and pruning, in percentage "
        "points, paired by seed: mean and 95 % confidence interval of the mean (t). ↑ better or "
        "↓ worse: p < 0.05 in the two-sided paired t test after Holm's correction for all "
        "differences of this column and table with n>1. =: not, which does not prove them equal; "
        "the interval, which is of one difference alone, may leave out 0 all the same. No sign, "
        "no claim: n=1, or equal differences at all seeds, which show no deviation.",
    ),
    Column(
        "delta_parent",
        "Δ dense",
        "pp",
        "difference in accuracy to the same network before pruning (its dense parent), in "
        "percentage points, paired by seed and tested as Δ plain, in a family of its own. The "
        "refit trains a pruned network longer than its parent; control, where it is in the table, "
        "is the dense network refitted as long. Of a connection scheme: to the same attention in "
        "every block, trained as long.",
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
        "attention and pruning, timed in alternation; ratios within 2 % are equal: ≈1. Each "
        "device, precision, batch or method of measuring has a column of its own.",
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
        "accuracy_best_epoch",
        "Best test epoch",
        "%",
        "highest top-1 on the test split of any epoch of the last training, as papers of this "
        "field print it: chosen by the test split itself, so it is optimistic. To be held against "
        "published numbers of the best epoch, and against nothing else; nothing was selected by "
        "it.",
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
