"""The report of a sweep, as the settings ask for it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeps.listing import reconstructions
from sweeps.settings import Settings
from sweeps.source import LEDGER, Source, source_of
from sweeps.tables import pivots

if TYPE_CHECKING:
    from reports.document import Document


def make_report(settings: Settings, sweep: str) -> int:
    """Make the sweep's report and print its table; returns the exit status, wherever it was read.

    It is 1 when a cell has failed or its record is damaged; how to go on is said on stderr.
    """
    from reports.gather import tally
    from reports.terminal import terminal_table

    source = source_of(settings.source, settings.ledger, sweep)
    folder, document = write_report(source, sweep, settings.results, tables=settings.tables)
    print(f"{terminal_table(document)}\n\nopen {folder}/index.html")
    troubles = _troubles(tally(document.frame), is_ours=settings.source == LEDGER)
    print("".join(f"{line}\n" for line in troubles), end="", file=sys.stderr)
    return 1 if troubles else 0


def _troubles(counts: Mapping[str, int], *, is_ours: bool) -> list[str]:
    """What cells in some states mean, a line each; ``is_ours``: this ledger has them."""
    found = []
    if failed := counts.get("failed", 0):
        go_on = "see them with: make status, run them again with: make retry"
        found.append(
            f"{failed} cells failed, {counts.get('blocked', 0)} blocked by them; "
            f"{go_on if is_ours else 'the report says why'}"
        )
    if damaged := counts.get("damaged", 0):
        found.append(f"{damaged} cells have a damaged record; the report says what is wrong")
    return found


def write_report(
    source: Source, sweep: str, results: Path, *, tables: Sequence[Mapping[str, Any]] = ()
) -> tuple[Path, Document]:
    """Make the sweep's report, with further tables as in the settings.

    Returns:
        Its folder, and the document that it says.
    """
    from reports.report import report

    ours = reconstructions()
    return report(source, sweep, results, reconstructions=ours, pivots=pivots(tables))
