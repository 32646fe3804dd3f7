"""What analyses of the cells found, as figures and numbers: ``analysis_<name>`` of a report."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from reports.analyses import connections
from reports.analyses._row import Row
from reports.document import Document
from reports.gather import NO_ROW
from sweeps.errors import MALFORMED
from sweeps.source import Source

__all__ = ["Analysed", "analysed"]

FOLDER = Path(__file__).parent / "analyses"
PARTS = ("backbone", "attention", "pruning")
LABELS = ("key", "protocol", *(f"{part}{what}" for part in PARTS for what in ("", "_options")))
"""What a line of the csv begins with, and the seed."""


@dataclass(frozen=True)
class Analysed:
    """One analysis in a report.

    Args:
        caption: what the figure shows, and of how much.
        numbers: all that is in the figure, and what it has no room for, as csv.
    """

    name: str
    caption: str
    figure: Figure
    numbers: str


Line = Mapping[str, Any]
"""A line of the frame: one cell."""
Result = Mapping[str, Any]
"""The content of a file that ``do=analyze`` left in a cell's folder."""


def analysed(document: Document, source: Source) -> list[Analysed]:
    """All analyses that have something to show, by name.

    An analysis without a file in ``analyses/`` has no figure; a result that cannot be read is
    passed over, as if it were not there yet.
    """
    done = document.frame[document.frame["state"] == "done"]
    lines: list[Any] = done.to_dict("records")
    names = sorted(path.stem for path in FOLDER.glob("[!_]*.py") if path.stem != "connections")
    found = [made for name in names if (made := _tried(name, list(_results(lines, source, name))))]
    if figure := connections.draw(document.rows):
        numbers = _csv(connections.numbers(document.rows))
        found.append(Analysed("connections", connections.CAPTION, figure, numbers))
    return sorted(found, key=lambda one: one.name)


def _results(lines: Iterable[Line], source: Source, name: str) -> Iterator[tuple[Line, Result]]:
    for line in lines:
        content = source.analysis(line["key"], name)
        if content is not None:
            yield line, content


def _tried(name: str, results: Sequence[tuple[Line, Result]]) -> Analysed | None:
    """One analysis; none, and a line on stderr, if its results do not make a figure together."""
    try:
        return _made(name, list(_sound(name, results)))
    except MALFORMED as error:
        print(f"analysis {name} has no figure: {_named(error)}", file=sys.stderr)
        return None


def _sound(name: str, results: Iterable[tuple[Line, Result]]) -> Iterator[tuple[Line, Result]]:
    """Results that are as their analysis writes them; a line on stderr for every other one."""
    numbers = import_module(f"reports.analyses.{name}").numbers
    for line, result in results:
        try:
            list(numbers(result["found"]))
        except MALFORMED as error:
            file = f"{line['key']}/analysis/{name}.json"
            print(
                f"analysis {name}: {file} of the ledger is not as agreed ({_named(error)}) and "
                f"left out; delete it, then: make analyze ANALYSIS={name}",
                file=sys.stderr,
            )
        else:
            yield line, result


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _made(name: str, results: Sequence[tuple[Line, Result]]) -> Analysed | None:
    module = import_module(f"reports.analyses.{name}")
    figure = module.draw(_rows(results)) if results else None
    if figure is None:
        return None
    numbers = [
        {label: line[label] for label in (*LABELS, "seed")} | number
        for line, result in results
        for number in module.numbers(result["found"])
    ]
    return Analysed(name, _caption(module.CAPTION, results), figure, _csv(pd.DataFrame(numbers)))


def _rows(results: Iterable[tuple[Line, Result]]) -> list[Row]:
    """The cells of one table row together; supernets, which are in no table, each as its own."""
    results = list(results)
    protocols = {line["protocol"] for line, _ in results}
    rows: dict[Any, tuple[Line, list[Any]]] = {}
    for line, result in results:
        place = line["row"] if line["row"] != NO_ROW else line["key"]
        rows.setdefault(place, (line, []))[1].append(result["found"])
    return [
        Row(
            backbone=_label(line, "backbone"),
            attention=_label(line, "attention"),
            pruning=_label(line, "pruning"),
            found=found,
            protocol=line["protocol"] if len(protocols) > 1 else "",
        )
        for line, found in rows.values()
    ]


def _label(line: Line, part: str) -> str:
    return f"{line[part]} {line[f'{part}_options']}".strip()


def _caption(text: str, results: Sequence[tuple[Line, Result]]) -> str:
    """The caption, with what it is made of."""
    cells, seeds = len(results), len({line["seed"] for line, _ in results})
    count = f" n = {cells} cell{'s' * (cells != 1)} of {seeds} seed{'s' * (seeds != 1)}."
    is_ours = any(result["reconstruction"] for _, result in results)
    ours = " A reconstruction: not all of it could be confirmed from the paper." if is_ours else ""
    return text + count + ours


def _csv(frame: pd.DataFrame) -> str:
    return str(frame.to_csv(index=False, lineterminator="\n"))
