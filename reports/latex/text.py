"""Text that LaTeX sets as it is, and how wide it will be."""

from __future__ import annotations

import re

from reports.latex.signs import latex_sign

DASHES = re.compile("-(?=-)")
"""Hyphens that LaTeX would draw as one dash."""
LONG_WORD = 24
"""A word of more signs than this may break after one that is no letter, and after so many."""

FOOTNOTE, SCRIPT = 8.0, 7.0
"""Sizes in points of \\footnotesize and \\scriptsize in a document of 10 points."""
WIDE = set("mwMWABCDGHKNOQRUVX%@&±×≈−=+<>#~^Δ↑↓—_☃")
NARROW = set("iljtfIr.,:;'|!()[]/ -–·`\"†")


def escape(text: str) -> str:
    """Text on one line, in ASCII, see `reports.latex.signs`."""
    plain = "".join(map(latex_sign, " ".join(text.split())))
    return DASHES.sub("-{}", plain)


def breakable(text: str) -> str:
    """The same for text that fills lines: words that no line could hold may break."""
    return " ".join(_broken(word) for word in text.split())


def _broken(word: str) -> str:
    return r"\allowbreak{}".join(map(escape, pieces(word)))


def pieces(word: str) -> list[str]:
    """A word, or what it may be broken into if it is long."""
    if len(word) <= LONG_WORD:
        return [word]
    return re.findall(rf"\w{{1,{LONG_WORD // 2}}}\W?|\W", word)


def width(text: str, size: float = FOOTNOTE) -> float:
    """About how many points text takes at a size of the font, rather more than less."""
    return size * sum(0.86 if s in WIDE else 0.36 if s in NARROW else 0.56 for s in text)
