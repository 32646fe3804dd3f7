"""The report of a sweep: every table and figure, made from its source and nothing else."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from pathlib import Path

from reports.analysed import Analysed, analysed
from reports.document import Document
from reports.figures import LATENCY, MACS, files, pareto
from reports.latex import latex
from reports.markdown import markdown
from reports.page import page
from reports.sheets import runs_csv, table_csv
from sweeps.errors import UserError
from sweeps.record import write_atomically
from sweeps.source import Source


def report(
    source: Source,
    sweep: str,
    results: Path,
    *,
    reconstructions: AbstractSet[str] = frozenset(),
) -> Path:
    """Write the report of a sweep and print what was written.

    All of it is made before the first file is written, and each file appears whole. The same
    source gives the same bytes.

    Args:
        source: where the sweep's plan and records are.
        sweep: its name.
        results: the folder of all reports.
        reconstructions: names of variants and recipes that not all could be confirmed of.

    Returns:
        The folder ``results/<sweep>/``.

    Raises:
        UserError: the sweep was never started, no cell has a record yet, or the folder cannot be
            written.
    """
    with _no_collector():
        document = Document.of(source, sweep, reconstructions)
        if not document.frame["state"].isin(("done", "failed", "damaged")).any():
            raise UserError(
                f"sweep '{sweep}' has nothing to report in {source.name}: "
                f"{document.progress}. Run it with: make sweep SWEEP={sweep}"
            )
        contents = build(document, analysed(document, source))
    folder = results / sweep
    _write(folder, contents)
    print(f"{folder}: {', '.join(contents)}\n{document.progress}")
    return folder


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
        for name, content in contents.items():
            write_atomically(folder / name, content)
    except OSError as error:
        raise UserError(
            f"the report cannot be written to {folder} ({error.strerror or error}); "
            "free the place, or choose another folder with results=..."
        ) from error


def build(document: Document, found: Sequence[Analysed] = ()) -> Mapping[str, bytes]:
    """Every file of the report by its name; ``found`` is what analyses of its cells say."""
    figures = {
        f"pareto_{name}": files(pareto(document.rows, cost))
        for name, cost in (("macs", MACS), ("latency", LATENCY))
    }
    figures |= {f"analysis_{one.name}": files(one.figure) for one in found}
    drawings = {name: kinds["svg"].decode() for name, kinds in figures.items()}
    captions = {f"analysis_{one.name}": one.caption for one in found}
    texts = {
        "table.md": markdown(document),
        "table.csv": table_csv(document),
        "table.tex": latex(document),
        "runs.csv": runs_csv(document),
        "index.html": page(document, drawings, captions),
        **{f"analysis_{one.name}.csv": one.numbers for one in found},
    }
    images = {
        f"{name}.{kind}": kinds[kind] for name, kinds in figures.items() for kind in ("png", "pdf")
    }
    return {name: text.encode() for name, text in texts.items()} | images
