"""What the heat map and the plots show of a row: mean, deviation and n, as numbers and as text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from reports.gather import NO_ROW
from reports.page.packed import packed
from reports.units import duration, mega, milliseconds, percent, quantity


@dataclass(frozen=True)
class Measure:
    """One number of every row.

    Args:
        key: its name in the page's scripts.
        name, unit, about: what readers are told; the unit is that of the texts.
        reads: a mean as text.
        numbers: indexed by row, with the columns mean, std (NaN for one seed) and n.
    """

    key: str
    name: str
    unit: str
    about: str
    reads: Callable[[float], str]
    numbers: pd.DataFrame

    def json(self) -> dict[str, Any]:
        texts = list(map(self.reads, self.numbers["mean"]))
        columns = packed({"row": self.numbers.index, **dict(self.numbers.items()), "text": texts})
        names = ("key", "name", "unit", "about")
        return {**{name: getattr(self, name) for name in names}, "of": columns}


def measures(frame: pd.DataFrame) -> list[Measure]:
    """Accuracy, costs, the latency of each setting by itself, and what training took.

    ``frame`` is of `reports.gather.gather`; what no row has is left out.
    """
    frame = frame[frame["row"] != NO_ROW]
    found = [
        Measure("accuracy", "Accuracy", "%", ACCURACY, percent, _of(frame, "accuracy")),
        Measure("params", "Parameters", "", PARAMS, quantity, _of(frame, "params")),
        Measure("macs", "MACs", "", MACS, mega, _of(frame, "macs")),
        *_latencies(frame),
        Measure("seconds", "Training cost", "", SECONDS, duration, _of(frame, "seconds")),
    ]
    return [one for one in found if len(one.numbers)]


ACCURACY = "Top-1 on the test split after the last epoch, mean over seeds."
PARAMS = "Parameters of the network; masked weights count."
MACS = "Multiply-accumulates of one image as they are computed: masked weights count."
SECONDS = (
    "Seconds of all phases of a run, mean over seeds. What a pruned network starts from was "
    "trained once for all of them and is not counted again."
)


def _latencies(frame: pd.DataFrame) -> Iterator[Measure]:
    """One for each setting: times of different devices or protocols are never mixed."""
    timed = frame[frame["latency_setting"] != ""]
    settings = list(timed["latency_setting"].value_counts().index)
    for place, setting in enumerate(settings, 1):
        name = "Latency" if len(settings) == 1 else f"Latency on {setting}"
        about = f"Measured time of one batch (median), mean over seeds, on {setting}."
        here = timed[timed["latency_setting"] == setting]
        yield Measure(
            f"latency@{place}", name, "ms", about, milliseconds, _of(here, "latency_p50_ms")
        )


def _of(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """Over the seeds of a row; rows without any number are left out."""
    found = frame.groupby("row")[column].agg(["mean", "std", "count"])
    return found[found["count"] > 0].rename(columns={"count": "n"})
