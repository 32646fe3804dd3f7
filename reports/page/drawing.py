"""A figure's SVG as a part of the page."""

from __future__ import annotations

import re
from dataclasses import dataclass

from markupsafe import Markup

from reports.figures import PAGE_INCHES
from reports.marks import INK


@dataclass(frozen=True)
class Drawing:
    """A figure as part of the page.

    Args:
        name: that of its files.
        is_narrow: it fits a phone.
        has_numbers: there is a csv beside it.
    """

    name: str
    caption: str
    svg: Markup
    is_narrow: bool
    has_numbers: bool

    @classmethod
    def of(cls, name: str, caption: str, svg: str) -> Drawing:
        """Let the drawing take the page's ink, and make its ids its own.

        The text inside was escaped by matplotlib when it wrote the SVG.
        """
        width = re.findall(r'<svg[^>]*? width="([\d.]+)pt"', svg)
        svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
        svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
        svg = re.sub(r'\bid="', f'id="{name}-', svg)
        svg = re.sub(r'(href="#|url\(#)', rf"\1{name}-", svg)
        return cls(
            name,
            caption,
            Markup(svg),
            is_narrow=float(width[0]) < 72 * PAGE_INCHES,
            has_numbers=name.startswith("analysis_"),
        )
