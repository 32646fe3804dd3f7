"""Connection schemes of many blocks, in labels by their ends."""

from __future__ import annotations

import re
from collections.abc import Iterable

SCHEME = re.compile(r"\bconnect=([01|]{13,})(?![01|])")
ENDS = 4
"""Signs that are left at each end; twice, thrice, ... as many where labels would be equal."""


def shortened(texts: Iterable[str]) -> dict[str, str]:
    """Each text with its scheme as short as tells all of them apart."""
    full = set(texts)
    longest = max((len(text) for text in full), default=0)
    for ends in range(ENDS, longest, ENDS):
        found = {text: _cut(text, ends) for text in full}
        if len(set(found.values())) == len(full):
            return found
    return {text: text for text in full}


def _cut(text: str, ends: int) -> str:
    def cut(found: re.Match[str]) -> str:
        bits = found[1]
        is_shorter = 2 * ends + 1 < len(bits)
        return f"connect={bits[:ends]}…{bits[-ends:]}" if is_shorter else found[0]

    return SCHEME.sub(cut, text)
