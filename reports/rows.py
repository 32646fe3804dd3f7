"""The frame over seeds: one line for every row of the tables, as plain numbers."""

from __future__ import annotations

from typing import Any

import pandas as pd

from reports.gather import NO_ROW, STATES
from reports.names import PARTS
from reports.outcome import ACCURACIES, COSTS

DELTAS = ("delta_reference", "delta_parent")
"""Differences in accuracy to the plain backbone, and to the same network before pruning (for a
search: with every block plugged)."""

SPREAD = (*ACCURACIES, *DELTAS)
STATISTICS = {"mean": "mean", "std": "std", "count": "n"}
MEAN = (*COSTS, "sparsity", "plugged", "blocks", "search_evaluations", "search_seconds")
RATIOS = ("params", "params_nonzero", "macs", "macs_nonzero")
NAMES = tuple(f"{part}{what}" for part in PARTS for what in ("", "_options", "_setup"))
LABELS = ("protocol", *NAMES, "is_search", "published")


def aggregate(frame: pd.DataFrame) -> pd.DataFrame:
    """One line per row, indexed by its number; supernets have none.

    Columns: the labels, ``published`` (what papers print) among them; ``state`` (done if any seed
    has a number, else the gravest); ``keys``; ``planned`` and ``n`` (seeds planned, seeds with a
    number); for each of SPREAD ``_mean``, ``_std`` (sample standard deviation, NaN for one seed)
    and ``_n``; for each of MEAN its mean; ``<cost>_ratio`` to the plain backbone; latency (see
    `_latency`); ``best`` (see `_best`).
    """
    frame = _paired(frame)
    frame = frame[frame["row"] != NO_ROW]
    groups = frame.groupby("row", sort=True)
    first = frame.drop_duplicates("row").set_index("row")
    spread = groups[list(SPREAD)].agg(list(STATISTICS))
    spread.columns = [f"{name}_{stat}" for name in SPREAD for stat in STATISTICS.values()]
    rows = pd.concat([first[["reference_row", *LABELS]], _counts(frame), spread], axis=1)
    rows = rows.join(groups[list(MEAN)].mean()).join(_latency(frame))
    for cost in RATIOS:
        plain = cost.removesuffix("_nonzero")
        rows[f"{cost}_ratio"] = rows[cost] / rows[plain].reindex(rows["reference_row"]).to_numpy()
    rows["best"] = _best(rows)
    return rows


def _paired(frame: pd.DataFrame) -> pd.DataFrame:
    """Subtract from each accuracy that of the cell it is compared with, seed by seed."""
    accuracy = frame.set_index("key")["accuracy"]
    deltas = {
        f"delta_{other}": frame["accuracy"] - frame[other].map(accuracy)
        for other in ("reference", "parent")
    }
    deltas["delta_reference"] = deltas["delta_reference"].where(frame["reference"] != frame["key"])
    return frame.assign(**deltas)


def _counts(frame: pd.DataFrame) -> pd.DataFrame:
    gravity = frame["state"].map({state: rank for rank, state in enumerate(STATES)})
    groups = frame.assign(
        gravity=gravity, n=frame["state"] == "done", planned=frame["state"] != "inapplicable"
    ).groupby("row", sort=True)
    counts = groups[["n", "planned"]].sum()
    counts["state"] = groups["gravity"].min().map(dict(enumerate(STATES)))
    counts["keys"] = groups["key"].agg(" ".join)
    return counts


def _latency(frame: pd.DataFrame) -> pd.DataFrame:
    """Mean latency of each row, over its seeds that were measured in one and the same setting.

    Times of different devices or protocols are not averaged: a row takes the setting that is most
    frequent in its table, of those it was measured in. Columns: ``latency_ms`` (median of one
    batch), ``latency_ratio``, ``latency_n`` and ``latency_setting``.
    """
    frame = frame[frame["latency_setting"] != ""]
    setting = ["protocol", "latency_setting"]
    order = frame.groupby(setting).size().sort_values(ascending=False, kind="stable").index
    rank = pd.Series(range(len(order)), index=order)
    rank = rank.reindex(pd.MultiIndex.from_frame(frame[setting])).set_axis(frame.index)
    chosen = frame[rank == rank.groupby(frame["row"]).transform("min")].groupby("row")
    return chosen.agg(
        latency_ms=("latency_p50_ms", "mean"),
        latency_ratio=("latency_ratio", "mean"),
        latency_n=("latency_ratio", "count"),
        latency_setting=("latency_setting", "first"),
    )


def _best(rows: pd.DataFrame) -> pd.Series:
    """Which row leads its backbone beyond noise.

    Its mean accuracy is above that of every other row by more than their pooled standard
    deviation, and each of them has more than one seed. Otherwise nobody leads.
    """
    best = pd.Series(False, index=rows.index)
    measured = rows[rows["accuracy_n"] > 0]
    for _, group in measured.groupby(["protocol", "backbone", "backbone_options"], sort=False):
        leader: Any = group["accuracy_mean"].idxmax()
        first, rest = group.loc[leader], group.drop(leader)
        if len(rest) and group["accuracy_n"].min() > 1:
            freedom, others = first["accuracy_n"] - 1, rest["accuracy_n"] - 1
            squares = freedom * first["accuracy_std"] ** 2 + others * rest["accuracy_std"] ** 2
            pooled = (squares / (freedom + others)) ** 0.5
            best[leader] = (first["accuracy_mean"] - rest["accuracy_mean"] > pooled).all()
    return best
