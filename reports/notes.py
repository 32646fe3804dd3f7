"""What stands around a table: its protocol in words, its remarks, its footnotes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan
from typing import Any

import pandas as pd

from reports.gather import NO_ROW
from reports.outcome import ORIGINS, SOURCES
from reports.units import duration
from sweeps.published import Published

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
        "alter.start": "ascent steps after {} of the epochs",
        "alter.ascent": "each {} lr long",
        "noise.kind": "{} noise",
    },
    "constant": {"noise.scale": "scale {}", "noise.shift": "shift {}"},
    "mix": {"noise.share": "{} of a batch"},
    "refit": {
        f"{phase}.{key}": text
        for phase in ("refit", "supernet")
        for key, text in (("epochs", "{} epochs"), ("lr", "lr {}"), ("schedule", "{} schedule"))
    },
}
"""The options that a table's heading states, and how; of a noise those of its kind."""

NOTHING = {("val_fraction", zero): "no validation split" for zero in ("0", "0.0")}

EPOCHS = {
    "best": "best test epoch",
    "last": "last epoch",
    "unknown": "which epoch is not known",
}


@dataclass
class Notes:
    """The footnotes of one table; equal texts share a mark."""

    marks: dict[str, str] = field(default_factory=dict)

    def mark(self, text: str) -> str:
        return self.marks.setdefault(text, str(len(self.marks) + 1))


def setting(frame: pd.DataFrame, rows: Sequence[Mapping[str, Any]]) -> str:
    """The protocol in words: what is the same in all rows of the table."""
    noise = _facts(dict(rows[0]["recipe_setup"]).get("noise.kind", ""), rows[0], of="recipe")
    training = f"training: {_facts('recipe', rows[0])}{f' ({noise})' if noise else ''}"
    said = [f"images: {_facts('data', rows[0])}", training]
    pruned = [row for row in rows if row["pruning"] != "none"]
    said += _phase("refit after pruning", [row for row in pruned if not row["is_search"]])
    said += _phase("supernet of a search", [row for row in pruned if row["is_search"]])
    seeds = ", ".join(map(str, sorted(set(frame["seed"]))))
    return "; ".join([*said, f"seeds: {seeds}", f"protocol {rows[0]['fingerprint']}"])


def _phase(name: str, rows: Iterable[Mapping[str, Any]]) -> list[str]:
    found = {_facts("refit", row) for row in rows}
    if not found:
        return []
    return [f"{name}: {(found.pop() or 'none') if len(found) == 1 else 'as the rows say'}"]


def _facts(name: str, row: Mapping[str, Any], *, of: str = "") -> str:
    """Those of FACTS below a name that a row has, in a part of the same name or another one."""
    setup, texts = dict(row[f"{of or name}_setup"]), FACTS.get(name, {})
    return ", ".join(
        NOTHING.get((key, setup[key]), text).format(setup[key])
        for key, text in texts.items()
        if key in setup
    )


def mixtures(frame: pd.DataFrame) -> list[str]:
    """Say it when runs of one table differ in what made them."""
    measured = frame[frame["state"].isin(("done", "failed"))]
    found = [(f"The runs do not share one {n}", measured[o]) for o, n in ORIGINS.items()]
    for axis in SOURCES:
        for name, runs in measured.groupby(axis, sort=False):
            said = f"The source of {axis} {name} changed between runs"
            found.append((said, runs[f"source_{axis}"]))
    counted = [(said, Counter(filter(None, texts.tolist()))) for said, texts in found]
    return [f"{said}: {_counted(counts)}." for said, counts in counted if len(counts) > 1]


def _counted(counts: Counter[str]) -> str:
    """Texts with how often they occur, without the parts that are common to all."""
    common = counts.most_common()
    short = apart([text for text, _ in common])
    return "; ".join(f"{text} ({count})" for text, (_, count) in zip(short, common, strict=True))


def apart(texts: Sequence[str]) -> list[str]:
    """Texts of parts set apart by commas, without those that are common to all of several."""
    split = [text.split(", ") for text in texts]
    common = set(split[0]).intersection(*split) if len(split) > 1 else set()
    left = [[part for part in parts if part not in common] for parts in split]
    return [", ".join(parts) or "the rest" for parts in left]


def unled(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Say it where the row with the highest mean is no leader."""
    names = dict.fromkeys(
        f"{row['backbone']} {row['backbone_options']}".strip() for row in rows if row["no_leader"]
    )
    return [
        f"No row of {name} leads: means are over different seeds, and the row with the highest one "
        "is behind another row at the seeds that both have."
        for name in names
    ]


def supernets(cells: pd.DataFrame, frame: pd.DataFrame) -> list[str]:
    """What the searches of a table asked, and how long that took to train: it is shared.

    Args:
        cells: those of the table.
        frame: all of the sweep's.
    """
    found = frame[(frame["row"] == NO_ROW) & frame["key"].isin(cells["start"])]
    if found.empty:
        return []
    failed = (found["state"] == "failed").sum()
    count = (
        f"{len(found)} supernet{'s' * (len(found) > 1)}{f' ({failed} failed)' if failed else ''}"
    )
    said = f"Searched on {count}, one for each attention and seed, shared by all its searches"
    spent = found["fit_seconds"].mean()
    if isnan(spent):
        return [f"{said}."]
    return [f"{said}; training one took {duration(spent)} in the mean, which Search leaves out."]


def published(row: Mapping[str, Any]) -> list[str]:
    """Where the numbers come from that papers print for a row; several are told apart."""
    printed: Sequence[Published] = row["published"]
    is_range = len({one.accuracy for one in printed}) > 1
    return [_quoted(one, one.percent if is_range else "") for one in printed]


def other_params(row: Mapping[str, Any]) -> list[str]:
    """Say it where a paper's network has not as many parameters as ours."""
    return [
        f"Published with {one.params} parameters, which these are not ({one.source})."
        for one in row["published"]
        if one.differs(row["params"])
    ]


def _quoted(printed: Published, number: str) -> str:
    mean = "" if printed.n is None else f", mean of {printed.n}" if printed.n > 1 else ", one run"
    said = [printed.source, f"{EPOCHS[printed.epoch]}{mean}", printed.note.strip().rstrip(".")]
    return f"{f'Published {number}'.rstrip()}: {'; '.join(filter(None, said))}."


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
