"""The report of a sweep, as the settings ask for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeps.listing import reconstructions
from sweeps.settings import Settings
from sweeps.source import Source, source_of
from sweeps.tables import pivots

if TYPE_CHECKING:
    from reports.document import Document


def make_report(settings: Settings, sweep: str) -> str:
    """Make the sweep's report; returns the table for a terminal."""
    from reports.terminal import terminal_table

    source = source_of(settings.source, settings.ledger, sweep)
    folder, document = write_report(source, sweep, settings.results, tables=settings.tables)
    return f"{terminal_table(document)}\n\nopen {folder}/index.html"


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
