"""The bytes of a report hang on its records alone, and are those of the golden files.

``PYTHONPATH=. python tests/test_reports_bytes.py`` writes those anew; look at what changed.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest
from ledgers import document_of, small
from pivots import pivot

from reports.latex import latex
from reports.markdown import markdown
from reports.report import build, report
from reports.sheets import runs_csv, table_csv
from sweeps.curves import Curves
from sweeps.frozen import Plan
from sweeps.ledger import Ledger
from sweeps.record import Record

GOLDEN = Path(__file__).parent / "golden" / "reports"
FORMATS = {
    "table.md": markdown,
    "table.tex": latex,
    "table.csv": table_csv,
    "runs.csv": runs_csv,
}


@pytest.mark.parametrize("name", FORMATS)
def test_the_small_ledger_reads_as_its_golden_file(name: str, tmp_path: Path) -> None:
    assert FORMATS[name](document_of(small(tmp_path), {"dia"})) == (GOLDEN / name).read_text()


def test_the_same_ledger_gives_the_same_bytes(tmp_path: Path) -> None:
    ledger = small(tmp_path)
    assert build(document_of(ledger)) == build(document_of(ledger))


def test_a_reader_s_own_settings_of_matplotlib_change_nothing(tmp_path: Path) -> None:
    ledger = small(tmp_path)
    expected = build(document_of(ledger))
    own = {"axes.grid": True, "savefig.bbox": "tight", "figure.facecolor": "black"}
    with mpl.rc_context(own | {"axes.xmargin": 0.3, "pdf.compression": 0, "text.usetex": True}):
        assert build(document_of(ledger)) == expected


@dataclass(frozen=True)
class Mirror:
    """The same records from another place."""

    ledger: Ledger
    name: str = "wandb://somebody/something"

    def plan(self, sweep: str) -> Plan:
        return self.ledger.plan(sweep)

    def record(self, key: str) -> Record | None:
        return self.ledger.record(key)

    def curves(self, key: str) -> Curves:
        return self.ledger.curves(key)

    def analysis(self, key: str, name: str) -> Mapping[str, Any] | None:
        return self.ledger.analysis(key, name)


def test_a_report_does_not_tell_where_its_records_are(tmp_path: Path) -> None:
    ledger = small(tmp_path)
    pivots = [pivot()]
    first, _ = report(ledger, "small", tmp_path / "first", pivots=pivots)
    second, _ = report(Mirror(ledger), "small", tmp_path / "second", pivots=pivots)
    names = sorted(path.name for path in first.iterdir())
    assert names == sorted(path.name for path in second.iterdir())
    for name in names:
        content = (first / name).read_bytes()
        assert content == (second / name).read_bytes(), name
        assert str(tmp_path).encode() not in content, name
        assert b"wandb" not in content or name == "index.html", name


def test_reports_import_no_model_code() -> None:
    code = "import sys, reports.report, reports.terminal; print(*sys.modules)"
    root = Path(__file__).parents[1]
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    ).stdout.split()
    banned = {"torch", "lightning", "pytorch_lightning", "hydra", "wandb", "submitit", "timm"}
    assert not banned & set(found)
    assert not any(name.startswith(("lightning_modules", "datamodules")) for name in found)


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        golden = document_of(small(Path(name)), {"dia"})
    for name, write in FORMATS.items():
        GOLDEN.mkdir(parents=True, exist_ok=True)
        (GOLDEN / name).write_text(write(golden))
