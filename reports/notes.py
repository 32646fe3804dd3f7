"""What stands around a table: its protocol in words, its remarks, its footnotes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from reports.outcome import ORIGINS, SOURCES

FACTS = {
    "data": {
        "image_size": "{} px",
        "num_classes": "{} classes",
        "val_fraction": "{} of train for validation",
    },
    "recipe": {
        "epochs": "{} epochs",
        "batch_size": "batch {}",
        "optimizer": "{}",
        "lr": "lr {}",
        "schedule": "{} schedule",
        "precision": "precision {}",
    },
    "refit": {
        "refit.epochs": "{} epochs",
        "refit.lr": "lr {}",
        "refit.schedule": "{} schedule",
    },
}
"""The options that a table's heading states, and how."""


@dataclass
class Notes:
    """The footnotes of one table; equal texts share a mark."""

    marks: dict[str, str] = field(default_factory=dict)

    def mark(self, text: str) -> str:
        return self.marks.setdefault(text, str(len(self.marks) + 1))


def setting(frame: pd.DataFrame, rows: Sequence[Mapping[str, Any]]) -> str:
    """The protocol in words: what is the same in all rows of the table."""
    said = [f"images: {_facts('data', rows[0])}", f"training: {_facts('recipe', rows[0])}"]
    refits = {_facts("refit", row) for row in rows if row["pruning"] != "none"}
    if len(refits) == 1:
        said.append(f"refit after pruning: {refits.pop() or 'none'}")
    elif refits:
        said.append("refit after pruning: as the rows say")
    seeds = ", ".join(map(str, sorted(set(frame["seed"]))))
    return "; ".join([*said, f"seeds: {seeds}"])


def _facts(part: str, row: Mapping[str, Any]) -> str:
    setup = dict(row[f"{part}_setup"])
    return ", ".join(text.format(setup[key]) for key, text in FACTS[part].items() if key in setup)


def mixtures(frame: pd.DataFrame) -> list[str]:
    """Say it when runs of one table differ in what made them."""
    measured = frame[frame["state"].isin(("done", "failed"))]
    found = [(f"The runs do not share one {n}", measured[o]) for o, n in ORIGINS.items()]
    for axis in SOURCES:
        for name, runs in measured.groupby(axis, sort=False):
            said = f"The source of {axis} {name} changed between runs"
            found.append((said, runs[f"source_{axis}"]))
    counted = [(said, Counter(filter(None, texts))) for said, texts in found]
    return [f"{said}: {_apart(counts)}." for said, counts in counted if len(counts) > 1]


def _apart(counts: Counter[str]) -> str:
    """Texts with how often they occur, without the parts that are common to all."""
    common = set.intersection(*(set(text.split(", ")) for text in counts))
    said = []
    for text, count in counts.most_common():
        parts = [part for part in text.split(", ") if part not in common]
        said.append(f"{', '.join(parts) or 'the rest'} ({count})")
    return "; ".join(said)


def reasons(frame: pd.DataFrame) -> dict[int, list[str]]:
    """Why cells of a row have no number: one text for each state and reason."""
    found: dict[int, dict[tuple[str, str], list[str]]] = {}
    troubled = frame[frame["reason"] != ""]
    columns = (troubled[name] for name in ("row", "state", "reason", "seed", "key"))
    for row, state, reason, seed, key in zip(*columns, strict=True):
        cells = found.setdefault(row, {}).setdefault((state, first_line(reason)), [])
        cells.append(f"seed {seed}, run {key}")
    return {
        row: [_reason(state, text, cells) for (state, text), cells in of_row.items()]
        for row, of_row in found.items()
    }


def _reason(state: str, text: str, cells: Sequence[str]) -> str:
    if state == "inapplicable":
        return f"Not applicable: {text}"
    return f"{state.capitalize()} ({'; '.join(cells)}): {text}"


def first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")
