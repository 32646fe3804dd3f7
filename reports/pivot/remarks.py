"""What is said below a pivot's table: what is counted, tested, bold, and measured where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from reports.columns import Value
from reports.gather import STATES
from reports.pivot.asked import Pivot
from reports.pivot.crossing import Crossing
from reports.pivot.entries import LATENCY
from reports.pivot.file import COSTS, DEVICE, TESTED
from reports.pivot.headings import BY_KEY
from reports.pivot.places import NO_SUCH, usual_seeds

TESTS = {TESTED, "delta_reference", "delta_parent"}
WORDS = {"done": "with numbers", "missing": "missing (—)", "inapplicable": "not applicable (n/a)"}
EXTREMES = {"max": "highest", "min": "lowest"}


def remarks(crossing: Crossing, values: Iterable[Value]) -> tuple[str, ...]:
    """All of it; what the report's table says of its runs at the end.

    Args:
        values: all that stand in it.
    """
    return (
        *_counts(crossing),
        *_seeds(crossing),
        *_rules(crossing.pivot),
        *_senseless(values),
        *_devices(crossing),
        *crossing.any.table.remarks,
    )


def _counts(crossing: Crossing) -> Iterator[str]:
    """How many places have no number, and why; nothing if all have one."""
    places = len(crossing.lines) * len(crossing.columns)
    found = Counter(entry.row["state"] for entry in crossing.entries.values())
    said = [f"{found[s]} {WORDS.get(s, s)}" for s in STATES if found[s]]
    if blank := places - len(crossing.entries):
        said.append(f"{blank} not planned (blank)")
    if found["done"] < places:
        yield f"{places} combinations: {', '.join(said)}."


def _seeds(crossing: Crossing) -> Iterator[str]:
    usual = usual_seeds(crossing)
    if usual and "seeds" not in crossing.pivot.values:
        yield f"{usual} where nothing else is said."


def _rules(pivot: Pivot) -> Iterator[str]:
    if not TESTS.isdisjoint(pivot.values):
        yield (
            "Signs and bold accuracies are those of the report's own tables: every test is "
            "corrected for all rows there, shown here or not."
        )
    best = {name: EXTREMES.get(pivot.best.get(name, "none")) for name in COSTS}
    said = [f"the {which} {BY_KEY[name].heading}" for name, which in best.items() if which]
    if said:
        times = ", and times within 2 % of it" if best[LATENCY.key] else ""
        yield f"Bold: {', '.join(said)} of each backbone in this table{times}."


def _senseless(values: Iterable[Value]) -> Iterator[str]:
    if any(value.text == NO_SUCH for value in values):
        yield f"{NO_SUCH}: no such number exists for the row."


def _devices(crossing: Crossing) -> Iterator[str]:
    """Where latencies were measured, in full."""
    if LATENCY.key not in crossing.pivot.values:
        return
    found = {one.device: one.clock for one in crossing.entries.values() if one.device}
    for device, clock in found.items():
        is_named = DEVICE in crossing.pivot.fields and clock != device
        yield f"Latency on {clock}: {device}." if is_named else f"Latency on {device}."
