"""Numbers as people read them. NaN, no number, is a dash."""

from __future__ import annotations

from math import floor, isfinite, isnan, log10, nan

DASH = "—"
EQUAL = 0.02
"""Two latencies whose ratio is this close to 1 are equal."""


def percent(share: float, spread: float = nan) -> str:
    """A share in [0, 1] as percent, with its standard deviation if there is one."""
    after = "" if isnan(spread) else f" ± {100 * spread:.2f}"
    return DASH if isnan(share) else f"{100 * share:.2f}{after}"


def points(share: float) -> str:
    """A difference of shares in percentage points, with its sign."""
    if isnan(share):
        return DASH
    size = f"{abs(100 * share):.2f}"
    sign = "" if float(size) == 0 else "+" if share > 0 else "−"
    return f"{sign}{size}"


def interval(low: float, high: float) -> str:
    """Ends of a confidence interval of a difference, in percentage points."""
    return "all equal" if isnan(low) else f"[{points(low)}, {points(high)}]"


def quantity(amount: float, smallest: float = 1.0) -> str:
    """Four significant digits and a unit that is at least ``smallest``: 98, 1.234 k, 25.56 M."""
    if isnan(amount):
        return DASH
    amount = float(f"{amount:.4g}")
    units = [
        unit for unit in ((1e9, " G"), (1e6, " M"), (1e3, " k"), (1.0, "")) if unit[0] >= smallest
    ]
    size, name = next((unit for unit in units if amount >= unit[0]), units[-1])
    return f"{amount:.0f}" if not name else f"{significant(amount / size, 4)}{name}"


def mega(amount: float) -> str:
    """The same in M or G."""
    return quantity(amount, smallest=1e6)


def milliseconds(time: float) -> str:
    return DASH if isnan(time) else significant(time, 3)


def duration(seconds: float) -> str:
    """12 s, 3.4 min, 2.5 h."""
    if isnan(seconds):
        return DASH
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{significant(seconds / size, 2)} {unit}"
    return f"{significant(seconds, 2)} s"


def ratio(share: float) -> str:
    return f"{share:.3f}×" if isfinite(share) else ""


def time_ratio(share: float) -> str:
    """A ratio of two latencies; within 2 % they are equal."""
    if not isfinite(share):
        return ""
    return "≈1" if round(abs(share - 1), 9) <= EQUAL else f"{share:.2f}×"


def seeds(n: int, planned: int) -> str:
    return f"n={n}" if n == planned else f"n={n}/{planned}"


def significant(amount: float, digits: int) -> str:
    """So many significant digits, never in exponent form."""
    rounded = float(f"{amount:.{digits}g}")
    before = floor(log10(abs(rounded))) + 1 if rounded else 1
    return f"{rounded:.{max(digits - before, 0)}f}"
