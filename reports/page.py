"""The report as one HTML file that needs nothing beside itself."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from reports.document import Document
from reports.figures import PAGE_INCHES
from reports.gather import tally
from reports.marks import INK
from reports.names import PARTS
from reports.notes import first_line
from reports.outcome import ORIGINS, SOURCES
from reports.tables import reading
from reports.units import percent

TEMPLATE = "page.html"
SHOWN = [
    *("key", "row", "state", "seed", "accuracy", "scheme", "reason", "traceback"),
    *("commit", "hardware"),
    *(f"{part}{what}" for part in SOURCES for what in ("", "_options")),
]
BARS = (
    "Mean over seeds, bars of one standard deviation (none in a crowded panel); the line is the "
    "Pareto front."
)
CAPTIONS = {
    "pareto_macs": f"Accuracy against MACs. Masked weights count, as they are computed. {BARS}",
    "pareto_latency": f"Accuracy against measured latency, one panel for each setting. {BARS}",
}


def page(
    document: Document, drawings: Mapping[str, str], analyses: Mapping[str, str] | None = None
) -> str:
    """The whole report: tables, figures, failures, and every run by its key.

    Args:
        document: what is said.
        drawings: the figures as SVG, by name.
        analyses: the captions of those of them that have a csv beside them, by name.
    """
    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    captions = CAPTIONS | dict(analyses or {})
    figures = [(name, captions[name], Drawing.of(name, svg)) for name, svg in drawings.items()]
    cells: list[Any] = document.frame[SHOWN].to_dict("records")
    runs = [_run(cell) for cell in cells]
    text: str = environment.get_template(TEMPLATE).render(
        document=document,
        zip=zip,
        tally=tally(document.frame),
        figures=figures,
        analyses=analyses or {},
        reading=[text.split(": ", 1) for text in reading(document.tables)],
        runs=runs,
        troubles=[run for run in runs if run["state"] in ("failed", "damaged", "blocked")],
        variants=_variants(document),
        origins=_origins(document),
    )
    return text


@dataclass(frozen=True)
class Drawing:
    """A figure as part of the page; a narrow one fits a phone."""

    svg: Markup
    is_narrow: bool

    @classmethod
    def of(cls, name: str, svg: str) -> Drawing:
        """Let the drawing take the page's ink, and make its ids its own.

        The text inside was escaped by matplotlib when it wrote the SVG.
        """
        width = re.findall(r'<svg[^>]*? width="([\d.]+)pt"', svg)
        svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
        svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
        svg = re.sub(r'\bid="', f'id="{name}-', svg)
        svg = re.sub(r'(href="#|url\(#)', rf"\1{name}-", svg)
        return cls(Markup(svg), is_narrow=float(width[0]) < 72 * PAGE_INCHES)


def _run(line: Mapping[str, Any]) -> dict[str, Any]:
    parts = (f"{line[part]} {line[f'{part}_options']}".strip() for part in SOURCES)
    return {
        "key": line["key"],
        "row": line["row"],
        "state": line["state"],
        "name": " · ".join([*parts, *_scheme(line)]),
        "seed": line["seed"],
        "accuracy": percent(line["accuracy"]),
        "reason": first_line(line["reason"]),
        "details": f"{line['reason']}\n{line['traceback']}",
        "commit": line["commit"],
        "hardware": line["hardware"],
    }


def _scheme(line: Mapping[str, Any]) -> list[str]:
    return [f"plugged {line['scheme']}"] if line["scheme"] else []


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
