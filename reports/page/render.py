"""The report as one HTML file: what stands in it for every reader, and what its scripts need."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reports.columns import SIGNS
from reports.document import Document
from reports.gather import tally
from reports.names import PARTS
from reports.outcome import ORIGINS, SOURCES
from reports.page.content import Content, content
from reports.page.drawing import Drawing
from reports.page.inline import early, policy, scripts, styles
from reports.page.packed import script
from reports.page.still import part, runs, supernets, troubles
from reports.pivot.finished import PivotTable
from reports.tables import reading
from reports.templates import rendered
from sweeps.curves import Curves

TEMPLATE = "page.html"
FURTHER = ("pruning_", "analysis_")
"""How the names of the figures begin that no plot of the page replaces."""
BARS = (
    "Mean over seeds, bars of one standard deviation (none in a crowded panel); the line is the "
    "Pareto front."
)
CAPTIONS = {
    "pareto_macs": f"Accuracy against MACs. Masked weights count, as they are computed. {BARS}",
    "pareto_params": f"Accuracy against parameters. Masked weights count. {BARS}",
    "pareto_latency": f"Accuracy against measured latency, one panel for each setting. {BARS}",
    "grid": "Accuracy of every attention and pruning. Mean over seeds, a map for each backbone.",
    "curves": "Training of the dense networks. Mean over seeds, bands of one standard deviation.",
    "pruning_sparsity": "Accuracy against the share that was removed. Mean over seeds.",
    "pruning_macs": "Accuracy against the MACs that are left. Mean over seeds.",
}
"""The figures that the page has, and what stands below them."""


def page(
    document: Document,
    drawings: Mapping[str, str],
    analyses: Mapping[str, str] | None = None,
    *,
    curves: Callable[[str], Curves] | None = None,
    pivots: Sequence[PivotTable] = (),
) -> str:
    """The whole report: tables, plots, figures, failures, and every run by its key.

    Args:
        document: what is said.
        drawings: the figures as SVG, by name.
        analyses: the captions of those of them that have a csv beside them, by name.
        curves: gives the training curves of a key.
        pivots: further tables that are wanted.
    """
    captions = CAPTIONS | dict(analyses or {})
    figures = [Drawing.of(name, captions[name], svg) for name, svg in drawings.items()]
    return rendered(
        TEMPLATE,
        {"document": document, "pivots": pivots, "signs": SIGNS}
        | _still(document)
        | _figures(figures)
        | _explained(document, pivots)
        | _code(content(document, curves)),
    )


def _still(document: Document) -> dict[str, Any]:
    """What needs no script."""
    tables = [part(table, document.tables) for table in document.tables]
    every = runs(document.frame)
    return {
        "tally": tally(document.frame),
        "supernets": supernets(document.frame),
        "shape": _shape(document),
        "tables": tables,
        "runs": every,
        "is_whole": bool(every) and not any(one.left_out for one in tables),
        "troubles": troubles(document.frame),
    }


def _figures(figures: Sequence[Drawing]) -> dict[str, Any]:
    """The figures by name, those beside the plot, and those that no plot replaces."""
    return {
        "figures": {one.name: one for one in figures},
        "pareto": [one for one in figures if one.name.startswith("pareto_")],
        "further": [one for one in figures if one.name.startswith(FURTHER)],
    }


def _explained(document: Document, pivots: Sequence[PivotTable]) -> dict[str, Any]:
    """How to read it, and what it was made from."""
    texts = [*reading(document.tables), *(text for one in pivots for text in one.reading)]
    return {
        "reading": [text.split(": ", 1) for text in dict.fromkeys(texts)],
        "variants": _variants(document),
        "origins": _origins(document),
    }


def _code(content: Content) -> dict[str, Any]:
    """Styles, scripts, what the scripts need to know, and the policy that allows no other."""
    begin, code = early(), scripts()
    return {
        "styles": styles(),
        "early": begin,
        "scripts": code,
        "content": script(content),
        "policy": policy([begin, *code]),
    }


def _shape(document: Document) -> list[str]:
    """How large the grid is, axis by axis."""
    counted = {
        part: len(document.rows[[part, f"{part}_options"]].drop_duplicates()) for part in SOURCES
    }
    counted["seed"] = document.frame["seed"].nunique()
    counted["protocol"] = len(document.tables)
    return [f"{count} {name}{'s' * (count != 1)}" for name, count in counted.items()]


def _variants(document: Document) -> list[tuple[str, str, tuple[tuple[str, str], ...]]]:
    """Every value of every part once, with all of its options."""
    found = {
        (part, str(name), setup): None
        for part in PARTS
        for name, setup in zip(document.frame[part], document.frame[f"{part}_setup"], strict=True)
        if setup
    }
    return list(found)


def _origins(document: Document) -> list[tuple[str, list[tuple[str, int]]]]:
    """What the runs came from, and how many of them from which."""
    return [
        (name, Counter(filter(None, document.frame[origin])).most_common())
        for origin, name in ORIGINS.items()
    ]
