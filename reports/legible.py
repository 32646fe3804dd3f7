"""Texts of errors as every format can hold them: messages come from terminals and file names."""

from __future__ import annotations

import re

COLOURS = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
"""What makes a terminal write in colours, or moves its cursor."""
ODD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""What is no sign: control characters but tabs and line ends, halves of pairs."""


def legible(text: str) -> str:
    """A text without colours; what is no sign is U+FFFD, the sign for that."""
    if text.isprintable():
        return text
    lines = COLOURS.sub("", text).replace("\r\n", "\n")
    return ODD.sub("\N{REPLACEMENT CHARACTER}", lines)
