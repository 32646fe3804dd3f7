"""Latencies of the rows, apart by where and how they were measured."""

from __future__ import annotations

import pandas as pd


def timings(frame: pd.DataFrame) -> pd.DataFrame:
    """Mean latency of each row in each setting, over the seeds that were measured in it.

    Times of different settings (device, precision, threads, batch, method) are never averaged.

    Args:
        frame: lines of `reports.gather.gather` that are in a row.

    Returns:
        A line for each row and setting, those of the setting that is most frequent in its table
        first. Columns: ``row``, ``protocol``, ``latency_setting``, ``latency_ms`` (median of one
        batch), ``latency_ratio`` (to the plain backbone) and ``latency_n``.
    """
    frame = frame[frame["latency_setting"] != ""]
    by = ["protocol", "latency_setting"]
    cells = frame.groupby(by, sort=False)["row"].transform("size")
    frame = frame.assign(cells=cells).sort_values("cells", ascending=False, kind="stable")
    groups = frame.groupby(["row", *by], sort=False)
    return groups.agg(
        latency_ms=("latency_p50_ms", "mean"),
        latency_ratio=("latency_ratio", "mean"),
        latency_n=("latency_ratio", "count"),
    ).reset_index()


def most_frequent(timed: pd.DataFrame) -> pd.DataFrame:
    """Of each row the latency in that of its settings that is most frequent in its table."""
    return timed.drop_duplicates("row").set_index("row").drop(columns="protocol")
