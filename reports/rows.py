"""The frame over seeds: one line for every row of the tables, as plain numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports.gather import NO_ROW, STATES, WITHOUT
from reports.names import PARTS
from reports.outcome import ACCURACIES, COSTS
from reports.statistics import RESOLUTION, Numbers, Paired, holm, spread
from reports.timing import most_frequent, timings

DELTAS = ("reference", "parent")
"""Differences in accuracy to the plain backbone, and to the same network before pruning (for a
search: with every block plugged)."""

MEAN = (*COSTS, "sparsity", "plugged", "blocks", "search_evaluations", "search_seconds")
RATIOS = ("params", "params_nonzero", "macs", "macs_nonzero")
NAMES = tuple(f"{part}{what}" for part in PARTS for what in ("", "_options", "_setup"))
LABELS = ("protocol", "fingerprint", *NAMES, "is_search", "published")
Columns = Iterator[tuple[str, NDArray[np.generic]]]


def aggregate(frame: pd.DataFrame) -> pd.DataFrame:
    """One line per row, indexed by its number; supernets have none.

    Columns: the labels, ``published`` (what papers print) among them; ``keys``; ``state`` (done if
    any seed has a number, else the gravest); ``planned`` and ``n`` (seeds planned, seeds with a
    number), and how many are in each state of WITHOUT; of every accuracy and difference
    ``_mean``, ``_std`` (sample standard deviation, NaN for one seed) and ``_n``; of a difference
    also what `_compared` says; of each of MEAN its mean; ``<cost>_ratio`` to the plain backbone;
    latency in the most frequent setting, see `reports.timing`; ``no_leader``, ``best`` and
    ``accuracy_verdict``, see `_leading`.
    """
    frame = frame[frame["row"] != NO_ROW]
    grid = Grid.of(frame)
    rows = frame.drop_duplicates("row").set_index("row").sort_index()
    rows = rows[["reference_row", *LABELS]]
    rows.insert(3, "data_checksum", rows["protocol"].map(_checksums(frame)))
    rows = rows.assign(**dict(_counts(frame, grid)), **dict(_spreads(frame, grid)))
    rows = rows.assign(**dict(_compared(frame, grid, _codes(rows, "protocol"))))
    rows = rows.assign(**{name: spread(grid(frame[name]))[1] for name in MEAN})
    rows = rows.join(most_frequent(timings(frame)))
    for cost in RATIOS:
        plain = cost.removesuffix("_nonzero")
        rows[f"{cost}_ratio"] = rows[cost] / rows[plain].reindex(rows["reference_row"]).to_numpy()
    backbones = _codes(rows, "protocol", "backbone", "backbone_options")
    return rows.assign(**dict(_leading(grid(frame["accuracy"]), backbones)))


@dataclass(frozen=True)
class Grid:
    """The place of every cell among rows and seeds, both in ascending order."""

    rows: NDArray[np.int_]
    seeds: NDArray[np.int_]
    shape: tuple[int, int]

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Grid:
        rows, row = np.unique(frame["row"], return_inverse=True)
        seeds, seed = np.unique(frame["seed"], return_inverse=True)
        return cls(row, seed, (len(rows), len(seeds)))

    def __call__(self, values: pd.Series) -> Numbers:
        """A column of the frame as (rows, seeds), NaN where there is no cell."""
        found = np.full(self.shape, np.nan)
        found[self.rows, self.seeds] = values
        return found


def _codes(rows: pd.DataFrame, *by: str) -> NDArray[np.int_]:
    """Equal numbers for rows that are equal in these columns."""
    return np.asarray(rows.groupby(list(by), sort=False).ngroup(), dtype=int)


def _checksums(frame: pd.DataFrame) -> pd.Series:
    """Of the images of each protocol's finished runs: one, see `reports.protocol.stamped`."""
    found = frame["data_checksum"].where(frame["state"] == "done", "")
    return found.groupby(frame["protocol"]).max()


def _counts(frame: pd.DataFrame, grid: Grid) -> Columns:
    gravity = grid(frame["state"].map({state: rank for rank, state in enumerate(STATES)}))
    count = {state: (gravity == rank).sum(axis=1) for rank, state in enumerate(STATES)}
    yield "n", count["done"]
    yield "planned", sum(count.values(), -count["inapplicable"])
    yield from ((state, count[state]) for state in WITHOUT)
    yield "state", np.array(STATES, dtype=object)[np.nanmin(gravity, axis=1).astype(int)]
    yield "keys", frame.groupby("row")["key"].agg(" ".join).to_numpy()


def _spreads(frame: pd.DataFrame, grid: Grid) -> Columns:
    for name in ACCURACIES:
        n, mean, std = spread(grid(frame[name]))
        yield f"{name}_mean", mean
        yield f"{name}_std", std
        yield f"{name}_n", n.astype(int)


def _compared(frame: pd.DataFrame, grid: Grid, tables: NDArray[np.int_]) -> Columns:
    """Differences to the cell that each is compared with, seed by seed.

    ``_low`` and ``_high`` are the 95 % interval of the mean, ``_p`` is of the paired t test and
    ``_p_holm`` corrected for all differences of the kind in the table that have more than one
    seed; ``_verdict`` is what that says, see `reports.statistics`.
    """
    accuracy = frame.set_index("key")["accuracy"]
    for other in DELTAS:
        delta = frame["accuracy"] - frame[other].map(accuracy)
        found = Paired.of(grid(delta.where(frame[other] != frame["key"])))
        adjusted = holm(found.p, np.where(found.n > 1, tables, -1))
        for name in ("mean", "std", "low", "high", "p"):
            yield f"delta_{other}_{name}", getattr(found, name)
        yield f"delta_{other}_n", found.n.astype(int)
        yield f"delta_{other}_p_holm", adjusted
        yield f"delta_{other}_verdict", found.verdicts(adjusted)


def _leading(accuracy: Numbers, backbones: NDArray[np.int_]) -> Columns:
    """Who leads its backbone, and who cannot be told from the leader.

    The row with the highest mean leads; of several that have it, the first one. It is tested
    against every other row of the backbone, paired by seed and corrected for these tests. If all
    that have a number are worse, it is ``best``, its ``accuracy_verdict`` better. Otherwise every
    row that is not distinguishable has the verdict tie, and so has the leader if there is one. A
    row that shares fewer than two seeds with the leader, or is equally far behind at all of them,
    can neither be beaten nor tie. Where means are over different seeds, a row may be better than
    the leader at those that both have: then nobody leads (``no_leader``), without any verdict.

    That the leader is chosen by the same numbers makes ``best`` no easier: of rows that are equal,
    one is best in at most 5 % of simulated tables. But of 4 to 20 equal rows at 3 to 10 seeds, one
    or more are told from the leader in 6 to 18 % of them; that is no claim, and shown as none.
    """
    mean = np.round(spread(accuracy)[1] / RESOLUTION)
    order = np.lexsort((-mean, backbones))  # NaN comes last
    leaders = order[np.unique(backbones[order], return_index=True)[1]][backbones]
    leads = leaders == np.arange(len(mean))
    behind = Paired.of(np.where(leads[:, None], np.nan, accuracy[leaders] - accuracy))
    verdicts = behind.verdicts(holm(behind.p, np.where(behind.n > 1, backbones, -1)))
    rivals = np.bincount(backbones, ~leads & ~np.isnan(mean))[backbones]
    beaten = np.bincount(backbones, verdicts == "better")[backbones]
    ties = np.bincount(backbones, verdicts == "tie")[backbones]
    no_leader = np.bincount(backbones, verdicts == "worse")[backbones] > 0
    best = leads & (rivals > 0) & (beaten == rivals)
    tie = ((verdicts == "tie") | (leads & (ties > 0))) & ~no_leader
    yield "no_leader", no_leader
    yield "best", best
    yield "accuracy_verdict", np.select([best, tie], ["better", "tie"], "").astype(object)
