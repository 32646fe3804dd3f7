"""Text that LaTeX sets as it is, and how wide it will be."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

SIGNS = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "_": r"\_",
    "%": r"\%",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "`": r"\textasciigrave{}",
    "*": "{*}",
    "[": "{[}",
    "]": "{]}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "≈": r"$\approx$",
    "−": "$-$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "·": r"$\cdot$",
    "—": r"\textemdash{}",
    "–": r"\textendash{}",
    "Δ": r"$\Delta$",
    "†": r"\textsuperscript{\dag}",
}
LONG_WORD = 24
"""A word of more signs than this may break after one that is no letter, and after so many."""

FOOTNOTE, SCRIPT = 8.0, 7.0
"""Sizes in points of \\footnotesize and \\scriptsize in a document of 10 points."""
WIDE = set("mwMWABCDGHKNOQRUVX%@&±×≈−=+<>#~^Δ↑↓—_☃")
NARROW = set("iljtfIr.,:;'|!()[]/ -–·`\"†")


def escape(text: str) -> str:
    """Text on one line, in ASCII: what is beyond it as near as it can be."""
    return "".join(map(_sign, " ".join(text.split()))).replace("--", "-{}-")


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


@cache
def _sign(sign: str) -> str:
    if sign in SIGNS or " " <= sign <= "~":
        return SIGNS.get(sign, sign)
    plain = unicodedata.normalize("NFKD", sign).encode("ascii", "ignore").decode()
    return "".join(SIGNS.get(s, s) for s in plain) or f"U+{ord(sign):04X}"


def width(text: str, size: float = FOOTNOTE) -> float:
    """About how many points text takes at a size of the font, rather more than less."""
    return size * sum(0.86 if s in WIDE else 0.36 if s in NARROW else 0.56 for s in text)
