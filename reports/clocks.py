"""The columns of latency of one table: one for each device and way of measuring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from reports.columns import Column, Value
from reports.notes import apart
from reports.units import DASH, milliseconds, time_ratio

SHORT = 24
"""A heading that names a device has so many letters of it; a remark has all."""


@dataclass(frozen=True)
class Clocks:
    """The settings in which latencies of a table were measured: each has a column.

    Args:
        headings: by setting, the most frequent one first; of several, what tells them apart.
        times: a line of `reports.timing.timings` for each row and setting.
    """

    headings: Mapping[str, str]
    times: Mapping[tuple[int, str], Mapping[str, Any]]

    @classmethod
    def of(cls, timed: pd.DataFrame) -> Clocks:
        lines: list[Any] = timed.to_dict("records")
        times = {(line["row"], line["latency_setting"]): line for line in lines}
        settings = list(dict.fromkeys(timed["latency_setting"]))
        if len(settings) == 1:
            return cls({settings[0]: "Latency"}, times)
        short = [text if len(text) <= SHORT else f"{text[:SHORT]}…" for text in apart(settings)]
        headings = [
            f"Latency on {text}{f' ({place})' * (short.count(text) > 1)}"
            for place, text in enumerate(short, start=1)
        ]
        return cls(dict(zip(settings, headings, strict=True)), times)

    def columns(self, latency: Column) -> list[Column]:
        """The column of latencies, once for each setting."""
        return [
            replace(latency, key=_numbered(place), heading=heading)
            for place, heading in enumerate(self.headings.values())
        ] or [latency]

    def values(self, row: Mapping[str, Any]) -> dict[str, Value]:
        """A row's latency in each setting, by the key of its column; a dash where it has none."""
        timed = [self.times.get((row["row"], setting)) for setting in self.headings] or [None]
        return {
            _numbered(place): _latency(one, row["n"]) if one else Value(DASH)
            for place, one in enumerate(timed)
        }

    @property
    def remarks(self) -> list[str]:
        """Every setting in full, behind its heading unless it begins like that."""
        full = {f"Latency on {name}.": heading for name, heading in self.headings.items()}
        return [
            text if text.startswith(heading) else f"{heading}: {text.removeprefix('Latency on ')}"
            for text, heading in full.items()
        ]


def _latency(timed: Mapping[str, Any], seeds: int) -> Value:
    """Median and ratio; the number of seeds too, where it is not that of the row."""
    n = timed["latency_n"]
    aside = f" n={n}" if n != seeds else ""
    return Value(milliseconds(timed["latency_ms"]), time_ratio(timed["latency_ratio"]) + aside)


def _numbered(place: int) -> str:
    return f"latency@{place + 1}" if place else "latency"
