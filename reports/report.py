"""The report of a sweep: every table and figure, made from its source and nothing else."""

from __future__ import annotations

import gc
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from matplotlib.figure import Figure

from reports.analysed import Analysed, analysed
from reports.document import Document
from reports.figures import figures, files
from reports.html import html, pivot_html
from reports.latex import latex, pivot_latex
from reports.markdown import markdown, pivot_markdown
from reports.page import page
from reports.parquet import frame_parquet, rows_parquet
from reports.pivot.asked import Pivot
from reports.pivot.crossing import Crossing, all_crossings
from reports.pivot.finish import finish
from reports.pivot.finished import PivotTable
from reports.pivot.sheet import pivot_csv
from reports.sheets import runs_csv, table_csv
from sweeps.curves import Curves
from sweeps.errors import UserError
from sweeps.record import write_together
from sweeps.source import Source

OPTIONAL = ("pivot_*", "analysis_*", "pareto_*", "pruning_*", "curves.*", "grid.*")
"""Files that only some reports have."""


def report(
    source: Source,
    sweep: str,
    results: Path,
    *,
    reconstructions: AbstractSet[str] = frozenset(),
    pivots: Sequence[Pivot] = (),
) -> tuple[Path, Document]:
    """Write the report of a sweep and print what was written.

    All of it is made and on the disk before the first file changes, and each file appears whole.
    The same source gives the same bytes.

    Args:
        source: where the sweep's plan and records are.
        sweep: its name.
        results: the folder of all reports.
        reconstructions: names of variants and recipes that not all could be confirmed of.
        pivots: further tables that are wanted.

    Returns:
        The folder ``results/<sweep>/``, and the document that it says.

    Raises:
        UserError: the sweep was never started, no cell has a record yet, a pivot cannot be made
            of it, or the folder cannot be written.
    """
    with _no_collector():
        document = Document.of(source, sweep, reconstructions)
        if not document.frame["state"].isin(("done", "failed", "damaged")).any():
            raise UserError(
                f"sweep '{sweep}' has nothing to report in {source.name}: "
                f"{document.progress}. Run it with: make sweep SWEEP={sweep}"
            )
        found = analysed(document, source)
        contents = build(document, found, curves=cache(source.curves), pivots=pivots)
    folder = results / sweep
    _write(folder, contents)
    print(f"{folder}: {_brief(contents)}\n{document.progress}")
    if older := _older(folder, contents):
        print(f"of an earlier report, not made anew: {_brief(older)}")
    return folder, document


def _older(folder: Path, contents: Container[str]) -> list[str]:
    """Names of tables and figures that lie there and are not of this report."""
    found = {path.name for pattern in OPTIONAL for path in folder.glob(pattern)}
    return sorted(name for name in found if name not in contents)


def _brief(names: Iterable[str]) -> str:
    """File names, those that differ in their ending only as one: ``table.md/csv``."""
    kinds: dict[str, list[str]] = {}
    for name in names:
        stem, _, kind = name.rpartition(".")
        kinds.setdefault(stem, []).append(kind)
    return ", ".join(f"{stem}.{'/'.join(found)}" for stem, found in kinds.items())


@contextmanager
def _no_collector() -> Iterator[None]:
    """Many small values that all stay alive: looking for cycles would take a fifth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _write(folder: Path, contents: Mapping[str, bytes]) -> None:
    try:
        write_together({folder / name: content for name, content in contents.items()})
    except OSError as error:
        raise UserError(
            f"the report cannot be written to {folder} ({error.strerror or error}); "
            "free the place, or choose another folder with results=..."
        ) from error


def build(
    document: Document,
    found: Sequence[Analysed] = (),
    *,
    curves: Callable[[str], Curves] | None = None,
    pivots: Sequence[Pivot] = (),
) -> Mapping[str, bytes]:
    """Every file of the report by its name.

    Args:
        document: what is reported.
        found: what analyses of its cells say.
        curves: gives the training curves of a key.
        pivots: further tables that are wanted.

    Raises:
        UserError: everything that keeps a pivot from being made.
    """
    crossings = all_crossings(document, pivots)
    finished = {name: [finish(one) for one in tables] for name, tables in crossings.items()}
    drawn = figures(document.frame, document.rows, curves or (lambda key: {}))
    drawn |= {f"analysis_{one.name}": one.figure for one in found}
    made = page(
        document,
        {name: files(figure, ["svg"])["svg"].decode() for name, figure in drawn.items()},
        {f"analysis_{one.name}": one.caption for one in found},
        curves=curves,
        pivots=[table for tables in finished.values() for table in tables],
    )
    texts = {**_tables(document), "index.html": made}
    for name, tables in finished.items():
        texts |= _pivot(document, crossings[name], tables)
    texts |= {f"analysis_{one.name}.csv": one.numbers for one in found}
    return {name: text.encode() for name, text in texts.items()} | {
        "frame.parquet": frame_parquet(document),
        "rows.parquet": rows_parquet(document),
        **_images(drawn),
    }


def _images(drawn: Mapping[str, Figure]) -> dict[str, bytes]:
    found = {name: files(figure) for name, figure in drawn.items()}
    return {f"{n}.{kind}": content for n, kinds in found.items() for kind, content in kinds.items()}


def _tables(document: Document) -> dict[str, str]:
    """The report's own tables in every format, and the numbers behind them."""
    return {
        "table.md": markdown(document),
        "table.csv": table_csv(document),
        "table.tex": latex(document),
        "table.html": html(document),
        "runs.csv": runs_csv(document),
    }


def _pivot(
    document: Document, crossings: Sequence[Crossing], tables: Sequence[PivotTable]
) -> dict[str, str]:
    """The same for one pivot."""
    name = f"pivot_{tables[0].name}"
    return {
        f"{name}.md": pivot_markdown(tables),
        f"{name}.csv": pivot_csv(document, crossings),
        f"{name}.tex": pivot_latex(tables, document.sweep),
        f"{name}.html": pivot_html(tables),
    }
