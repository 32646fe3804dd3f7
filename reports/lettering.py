"""How much room text takes in a figure, and where it is broken so that it fits."""

from __future__ import annotations

from functools import lru_cache

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

FAMILY = "DejaVu Sans"
SIZE = 7.0
"""In points, of all text that does not say otherwise."""
POINTS = 72.0
"""Of an inch."""
LEADING = 1.25
"""From one line to the next, as a multiple of the size."""


@lru_cache(maxsize=4096)
def inches(text: str, size: float = SIZE) -> float:
    """The width of a line."""
    font = FontProperties(family=FAMILY, size=size)
    width, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return float(width) / POINTS


def broken(text: str, room: float, size: float = SIZE) -> list[str]:
    """The text in lines of so many inches; broken at spaces, or in a word that is too long."""
    if inches(text, size) <= room and "\n" not in text:
        return [text]
    lines: list[str] = []
    for word in text.split() or [""]:
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and inches(joined, size) <= room:
            lines[-1] = joined
        else:
            lines += _pieces(word, room, size)
    return lines


def shortened(text: str, room: float, most: int) -> list[str]:
    """The same in at most so many lines; an ellipsis stands for what is left out."""
    lines = broken(text, room)
    if len(lines) <= most:
        return lines
    last = lines[most - 1]
    while last and inches(f"{last}…") > room:
        last = last[:-1]
    return [*lines[: most - 1], f"{last}…"]


def literal(text: str) -> str:
    """Text without matplotlib's own markup."""
    return text.replace("$", r"\$")


def line_inches(size: float = SIZE) -> float:
    """From one line to the next."""
    return size * LEADING / POINTS


def _pieces(word: str, room: float, size: float) -> list[str]:
    if inches(word, size) <= room:
        return [word]
    pieces = [""]
    for letter in word:
        if pieces[-1] and inches(pieces[-1] + letter, size) > room:
            pieces.append("")
        pieces[-1] += letter
    return pieces
