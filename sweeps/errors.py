"""The one exception that means: the user can mend this; and what data of another shape raise."""

from __future__ import annotations

from collections.abc import Iterable

MALFORMED = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)
"""What reading plain data raises that has another shape than it should have."""


class UserError(Exception):
    """A mistake to be shown as one clear message, without a traceback; exit status 2."""


def near_miss(kind: str, came: str, allowed: Iterable[str]) -> str:
    """Say that ``came`` is no ``kind``, with the nearest match and the whole list."""
    import difflib

    names = sorted(allowed)
    close = difflib.get_close_matches(came, names, n=1)
    hint = f" did you mean '{close[0]}'?" if close else ""
    return f"{kind} '{came}' does not exist;{hint} Available: {', '.join(names) or 'none'}"
