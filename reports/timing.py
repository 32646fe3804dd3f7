"""Latencies of the rows, apart by where and how they were measured."""

from __future__ import annotations

import pandas as pd

from reports.gather import NO_ROW

LATENCY = ("latency_setting", "latency_ms", "latency_ratio", "latency_n")
"""What rows have of a latency."""


def timings(frame: pd.DataFrame) -> pd.DataFrame:
    """Mean latency of each row in each setting, over the seeds that were measured in it.

    Times of different settings (device, precision, threads, batch, method) are never averaged.

    Args:
        frame: lines of `reports.gather.gather` that are in a row.

    Returns:
        A line for each row and setting, those of the setting that is most frequent in its table
        first, of equally frequent ones that which comes first. Columns: ``row``, ``protocol``,
        ``latency_setting``, ``latency_ms`` (median of one batch), ``latency_ratio`` (to the plain
        backbone) and ``latency_n``.
    """
    frame = frame[frame["latency_setting"] != ""]
    by = ["protocol", "latency_setting"]
    groups = frame.groupby(by, sort=False)
    frame = frame.assign(cells=-groups["row"].transform("size"), first=groups.ngroup())
    frame = frame.sort_values(["cells", "first"], kind="stable")
    groups = frame.groupby(["row", *by], sort=False)
    return groups.agg(
        latency_ms=("latency_p50_ms", "mean"),
        latency_ratio=("latency_ratio", "mean"),
        latency_n=("latency_ratio", "count"),
    ).reset_index()


def most_frequent(timed: pd.DataFrame) -> pd.DataFrame:
    """Of each row the latency in that of its settings that is most frequent in its table."""
    return timed.drop_duplicates("row").set_index("row").drop(columns="protocol")


def apart(rows: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """Rows with the latency of each setting in columns of its own.

    Args:
        rows: of `reports.rows.aggregate`, which have that of one setting.
        frame: of `reports.gather.gather`.

    Returns:
        The rows with ``latency_setting``, ``latency_ms``, ``latency_ratio`` and ``latency_n`` of
        the most frequent setting of all, then ``latency_2_setting``, ... of the next.
    """
    timed = timings(frame[frame["row"] != NO_ROW])
    counts = timed.groupby("latency_setting", sort=False)["latency_n"].sum()
    settings = counts.sort_values(ascending=False, kind="stable").index
    if len(settings) < 2:
        return rows
    parts = [
        timed[timed["latency_setting"] == setting].set_index("row")[[*LATENCY]].reindex(rows.index)
        for setting in settings
    ]
    for place, part in enumerate(parts[1:], start=2):
        part.columns = pd.Index([n.replace("latency", f"latency_{place}", 1) for n in LATENCY])
    at = list(rows.columns).index(LATENCY[0])
    before, after = rows.iloc[:, :at], rows.iloc[:, at + len(LATENCY) :]
    found: pd.DataFrame = pd.concat([before, *parts, after], axis=1)
    return found
