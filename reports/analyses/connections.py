"""Accuracy against the share of blocks whose attention is plugged, from the rows of a report."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from reports.figures import Cost, pareto

__all__ = ["CAPTION", "draw", "numbers", "schemes"]

CAPTION = (
    "Accuracy on the test split against the share of plugged blocks, mean over seeds, bars of one "
    "standard deviation: all blocks, none, a given scheme, or what a search found (its marker). "
    "The line is the Pareto front: fewer plugged blocks at a higher accuracy."
)
PLUGGED = Cost("plugged_share", "Plugged blocks", "%", 100)
SHOWN = ("protocol", "backbone", "backbone_options", "attention", "attention_options", "pruning")


def draw(rows: pd.DataFrame) -> Figure | None:
    """A panel for each backbone; None if no attention has two different schemes there."""
    found = schemes(rows)
    return pareto(found, PLUGGED) if len(found) else None


def numbers(rows: pd.DataFrame) -> pd.DataFrame:
    """A line for each row of the figure."""
    found = schemes(rows).reset_index(names="row")
    return found[["row", *SHOWN, PLUGGED.column, "accuracy_mean", "accuracy_std", "n", "keys"]]


def schemes(rows: pd.DataFrame) -> pd.DataFrame:
    """Dense and searched rows of those attentions that have several schemes on a backbone.

    ``plugged_share`` is added, a mean over seeds where a search found different ones; the options
    no longer say ``connect``.
    """
    rows = rows[(rows["pruning"] == "none") | rows["is_search"].astype(bool)]
    rows = rows[(rows["attention"] != "none") & rows["accuracy_mean"].notna()]
    connect = rows["attention_setup"].map(lambda setup: dict(setup).get("connect"))
    options = rows["attention_options"].str.replace(r"\bconnect=\S+", "", regex=True).str.strip()
    share = (rows["plugged"] / rows["blocks"]).fillna(connect.map({"all": 1.0, "none": 0.0}))
    rows = rows.assign(attention_options=options, plugged_share=share)[share.notna()]
    several = rows.groupby(list(SHOWN[:5]))["plugged_share"].transform("nunique") > 1
    return rows[several]
