"""Latencies in a figure: one point for each row and setting in which it was measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from reports.gather import NO_ROW
from reports.notes import apart
from reports.timing import timings

NETWORK = ["protocol", "backbone", "backbone_options"]


def in_settings(rows: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """The rows with a latency, once for each setting; backbone by backbone.

    Args:
        rows: of `reports.rows.aggregate`, which have that of one setting.
        frame: of `reports.gather.gather`.
    """
    timed = timings(frame[frame["row"] != NO_ROW])
    found = rows.loc[timed["row"]]
    found = found.assign(
        latency_setting=timed["latency_setting"].to_numpy(),
        latency_ms=timed["latency_ms"].to_numpy(),
    )
    networks = rows.groupby(NETWORK, sort=False).ngroup().loc[timed["row"]]
    return found.iloc[np.argsort(networks.to_numpy(), kind="stable")]


def told_apart(settings: Sequence[str]) -> tuple[dict[str, str], str]:
    """What tells each setting from the others, and a note of what is common to all of them."""
    if len(settings) < 2:
        return {name: name for name in settings}, "".join(f"Measured on {s}." for s in settings)
    split = [name.split(", ") for name in settings]
    common = [part for part in split[0] if all(part in parts for parts in split)]
    note = f"Measured in all panels: {', '.join(common)}." if common else ""
    return dict(zip(settings, apart(settings), strict=True)), note
